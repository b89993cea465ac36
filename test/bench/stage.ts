/**
 * Who takes part in a run: the fake upstream, the load generator, the floor, and the built server or whatever stands in
 * its place. All of them are processes and end with this one.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Job, Yield } from './jobs.ts';
import { cpuUs, listenerOn } from './proc.ts';
import { end, remember, startScript } from './processes.ts';
import { Respool, type Target } from './server.ts';

const JOB_LIMIT_MS = 30_000;

export interface Peer {
  readonly url: string;
  readonly key: string;
}

export interface StageOptions {
  readonly peer?: Peer | undefined;
  /** A peer must know where its upstream is. */
  readonly upstreamPort?: number | undefined;
}

export class Load {
  readonly #child = remember(fork(join(import.meta.dirname, 'load.ts')));
  readonly #waiting = new Map<number, (yielded: Yield) => void>();
  #number = 0;

  constructor() {
    this.#child.on('message', ({ number, yielded }: { number: number; yielded: Yield }) => {
      this.#waiting.get(number)?.(yielded);
      this.#waiting.delete(number);
    });
  }

  run(job: Job): Promise<Yield> {
    this.#number += 1;
    this.#child.send({ number: this.#number, job });
    return new Promise((resolve) => this.#waiting.set(this.#number, resolve));
  }

  stop(): Promise<void> {
    return end(this.#child, 'SIGKILL');
  }
}

export interface Counts {
  readonly http: number;
  readonly upgrades: number;
  readonly turns: number;
  /** Since the last look. */
  readonly gapsMs: readonly number[];
}

export class Stage implements AsyncDisposable {
  readonly load = new Load();
  readonly upstream: Target;
  readonly floor: Target;
  /** What is measured against the floor. */
  readonly tested: Target;
  /** Undefined where a peer is tested: it cannot be told what to do. */
  readonly respool: Respool | undefined;
  readonly #scratch: string;
  readonly #processes: readonly ChildProcess[];
  /** What the clients were told in full, over all jobs. */
  turnsDone = 0;
  #directories = 0;

  private constructor(made: {
    upstream: Target;
    floor: Target;
    tested: Target;
    respool: Respool | undefined;
    scratch: string;
    processes: readonly ChildProcess[];
  }) {
    this.upstream = made.upstream;
    this.floor = made.floor;
    this.tested = made.tested;
    this.respool = made.respool;
    this.#scratch = made.scratch;
    this.#processes = made.processes;
  }

  static async open({ peer, upstreamPort }: StageOptions = {}): Promise<Stage> {
    const scratch = mkdtempSync(join(tmpdir(), 'respool-bench-'));
    process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));
    const up = await startScript('upstream.ts', String(upstreamPort ?? 0));
    const origin = `http://127.0.0.1:${up.port}`;
    const upstream = { name: 'upstream', base: `${origin}/v1`, key: 'sk-direct', pid: up.child.pid ?? 0 };
    const raw = await startScript('raw-node.ts', origin);
    const floor = targetAt('raw-node', raw);
    const respool =
      peer === undefined
        ? await Respool.start(origin, { dataDir: mkdtempSync(join(scratch, 'data-')), accounts: ['a', 'b'] })
        : undefined;
    const tested = respool?.target ?? (await peerTarget(peer));
    return new Stage({ upstream, floor, tested, respool, scratch, processes: [up.child, raw.child] });
  }

  get origin(): string {
    return new URL(this.upstream.base).origin;
  }

  directory(): string {
    this.#directories += 1;
    return mkdtempSync(join(this.#scratch, `extra-${this.#directories}-`));
  }

  /** Another server of ours, for what needs a process that has done nothing yet. */
  fresh(options: Partial<Parameters<typeof Respool.start>[1]> = {}): Promise<Respool> {
    return Respool.start(this.origin, { dataDir: this.directory(), ...options });
  }

  async freshFloor(): Promise<Target & AsyncDisposable> {
    const raw = await startScript('raw-node.ts', this.origin);
    return { ...targetAt('raw-node', raw), [Symbol.asyncDispose]: () => end(raw.child, 'SIGKILL') };
  }

  async counts(): Promise<Counts> {
    return (await (await fetch(`${this.origin}/bench`)).json()) as Counts;
  }

  /** Runs the job and says what it cost the target; anything that went wrong ends the line. */
  async cost(target: Target, job: Job): Promise<{ readonly us: number; readonly yielded: Yield }> {
    const before = cpuUs(target.pid);
    const yielded = await this.run(job);
    return { us: cpuUs(target.pid) - before, yielded };
  }

  async run(job: Job): Promise<Yield> {
    const late = new AbortController();
    const limit = pause(JOB_LIMIT_MS, undefined, { signal: late.signal }).then(
      () => Promise.reject(new Error(`a job was not done after ${JOB_LIMIT_MS / 1000} s`)),
      () => new Promise<never>(() => {}),
    );
    const yielded = await Promise.race([this.load.run(job), limit]);
    late.abort();
    this.turnsDone += yielded.turns;
    if (yielded.errors.length > 0) throw new Error(yielded.errors.join(' | '));
    return yielded;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.respool?.[Symbol.asyncDispose]();
    await this.load.stop();
    await Promise.all(this.#processes.map((child) => end(child, 'SIGKILL')));
    rmSync(this.#scratch, { recursive: true, force: true });
  }
}

function targetAt(name: string, { child, port }: { child: ChildProcess; port: number }): Target {
  return { name, base: `http://127.0.0.1:${port}/v1`, key: 'sk-direct', pid: child.pid ?? 0 };
}

async function peerTarget(peer: Peer | undefined): Promise<Target> {
  const url = new URL(peer?.url ?? '');
  const pid = listenerOn(Number(url.port));
  if (pid === undefined) throw new Error(`nothing listens on port ${url.port} that this user may look at`);
  return { name: 'peer', base: url.href.replace(/\/$/, ''), key: peer?.key ?? '', pid };
}
