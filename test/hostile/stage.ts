/**
 * The built server as a process of its own, in front of the simulator: what hostile peers are let loose on. What
 * it costs them is measured from outside.
 */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Simulator, startSimulator } from '../../src/simulator/simulator.ts';
import { type Launched, launch } from '../support/child.ts';

const MIB = 1024 * 1024;
/** What a server says that has more to do than it can: right on a machine that is busy with other work. */
export const OVERLOADED = 'server_is_overloaded';
const TRIES = 30;

export class Stage implements AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly simulator: Simulator;
  /** Lines that the server should never write: what broke inside of it. */
  readonly complaints: readonly string[];
  readonly #child: ChildProcess;
  readonly #dataDir: string;

  private constructor(started: Launched & { dataDir: string; simulator: Simulator }) {
    this.#child = started.child;
    this.#dataDir = started.dataDir;
    this.url = started.url;
    this.port = Number(new URL(started.url).port);
    this.simulator = started.simulator;
    this.complaints = started.complaints;
  }

  static async open(): Promise<Stage> {
    const simulator = await startSimulator({ accounts: [{ name: 'a', dialect: 'openai', token: 'sk-a' }] });
    const dataDir = await mkdtemp(join(tmpdir(), 'respool-hostile-'));
    const launched = await launch({
      RESPOOL_DATA_DIR: dataDir,
      RESPOOL_OPENAI_BASE_URL: simulator.openaiBaseUrl,
      RESPOOL_ADMIN_TOKEN: 'admin',
      RESPOOL_LOG_LEVEL: 'error',
    });
    const stage = new Stage({ ...launched, dataDir, simulator });
    await stage.#addAccount();
    return stage;
  }

  /** Milliseconds that the health check took; rejects when it is not answered. */
  async health(): Promise<number> {
    const begun = performance.now();
    const answer = await fetch(`${this.url}/healthz`, { signal: AbortSignal.timeout(10_000) });
    assert.equal(answer.status, 200);
    await answer.text();
    return performance.now() - begun;
  }

  /** The memory that the server holds in RAM. */
  memoryMib(): number {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
  }

  /** The most memory that the server held while `act` went on. */
  async peakMib(act: () => Promise<void>): Promise<number> {
    let peak = this.memoryMib();
    const watch = setInterval(() => {
      peak = Math.max(peak, this.memoryMib());
    }, 20);
    try {
      await act();
    } finally {
      clearInterval(watch);
    }
    return Math.max(peak, this.memoryMib());
  }

  /** Alive, in good health, and able to serve: what has to hold after everything. */
  async checkUp(): Promise<void> {
    assert.equal(this.#child.exitCode, null, `the server ended: ${this.complaints.join('\n')}`);
    assert.deepEqual(this.complaints, []);
    await this.health();
    const answer = await this.whenAccepted(async () => {
      const { status, text } = await this.#ask();
      return text.includes(OVERLOADED) ? undefined : { status, text };
    });
    assert.equal(answer.status, 200, answer.text);
    assert.match(answer.text, /user: still there/);
  }

  /** Tries again, as clients are told to, what is undefined while the server refuses new turns. */
  async whenAccepted<T>(act: () => Promise<T | undefined>): Promise<T> {
    for (let tries = 0; tries < TRIES; tries += 1) {
      const done = await act();
      if (done !== undefined) return done;
      await pause(1000);
    }
    throw new Error(`refused ${TRIES} times`);
  }

  async #ask(): Promise<{ readonly status: number; readonly text: string }> {
    const answer = await this.post('{"model":"gpt-5.5","input":"still there"}');
    return { status: answer.status, text: await answer.text() };
  }

  post(body: Buffer | string, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(`${this.url}/v1/responses`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: body as string,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // First of all: a connection that the server's end has shut down already can no longer be reset.
    await this.simulator.close();
    const ended = once(this.#child, 'exit');
    if (this.#child.exitCode === null) {
      this.#child.kill('SIGKILL');
      await ended;
    }
    await rm(this.#dataDir, { recursive: true, force: true });
  }

  async #addAccount(): Promise<void> {
    const answer = await fetch(`${this.url}/api/accounts`, {
      method: 'POST',
      headers: { authorization: 'Bearer admin', 'content-type': 'application/json' },
      body: JSON.stringify({ kind: 'api_key', name: 'a', api_key: 'sk-a' }),
    });
    assert.equal(answer.status, 201);
  }
}

export function mib(count: number): number {
  return count * MIB;
}

export interface Case {
  readonly name: string;
  play(stage: Stage): Promise<void>;
}

/** `{error:{…}}` as it is documented: the four members, each of its kind. */
export function checkError(error: unknown): void {
  const { message, type, code, param } = error as Record<string, unknown>;
  assert.equal(typeof message, 'string');
  assert.equal(typeof type, 'string');
  assert.ok(code === null || typeof code === 'string', `code ${code}`);
  assert.ok(param === null || typeof param === 'string', `param ${param}`);
}

/** Fails when `promise` takes longer: a peer that is left waiting is a case that has failed. */
export async function within<T>(limitMs: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: nothing for ${limitMs} ms`)), limitMs);
  });
  try {
    return await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
  }
}
