/**
 * What a soak is played on: the built server as a process of its own, in front of a simulator with accounts of both
 * kinds, and what can be seen of it from outside and through the diagnosis it was started with.
 */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { ListWire } from '../../src/admin-api/answer.ts';
import type { RequestWire } from '../../src/admin-api/request.ts';
import { type Simulator, startSimulator } from '../../src/simulator/simulator.ts';
import { type Launched, launch } from '../support/child.ts';
import { fakeLogin } from '../support/world.ts';
import { Caller } from './caller.ts';
import type { Diagnosis } from './diagnosis.ts';
import { Relay } from './relay.ts';

const KEYS = ['k1', 'k2', 'k3', 'k4'];
const LOGINS = ['l1', 'l2', 'l3', 'l4'];
export const ACCOUNTS: readonly string[] = [...KEYS, ...LOGINS];
/** One of each kind that speaks HTTP upstream, and one behind the relay. */
const OVER_HTTP = ['k2', 'l2'];
const BEHIND_RELAY = 'k3';
const REHEARSED = ['websocket', 'http'];
export const TURNS_BEFORE = REHEARSED.length;
/** Turns a key may run at once: a slot that is not given back is missed before long. */
const SLOTS = 40;

export interface ShownSession {
  readonly id: string;
}

export interface Held {
  readonly descriptors: number;
  readonly timers: number;
}

interface ShownAccount {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly active_turns: number;
}

interface Started extends Launched {
  readonly simulator: Simulator;
  readonly relay: Relay;
  readonly dataDir: string;
}

export class SoakStage implements AsyncDisposable {
  readonly url: string;
  readonly simulator: Simulator;
  readonly relay: Relay;
  /** Lines that the server should never write. */
  readonly complaints: readonly string[];
  /** What the callers send as their credentials; the first has none. */
  readonly callers: Record<string, string>[] = [{}];
  readonly #child: ChildProcess;
  readonly #dataDir: string;
  #idle: Held = { descriptors: 0, timers: 0 };
  #caller: Caller;

  private constructor(started: Started) {
    this.url = started.url;
    this.simulator = started.simulator;
    this.relay = started.relay;
    this.complaints = started.complaints;
    this.#child = started.child;
    this.#dataDir = started.dataDir;
    this.#caller = new Caller(this.url);
  }

  static async open(): Promise<SoakStage> {
    const simulator = await startSimulator({
      accounts: [
        ...KEYS.map((name) => ({ name, dialect: 'openai' as const, token: `sk-${name}` })),
        ...LOGINS.map((name) => ({
          name,
          dialect: 'chatgpt' as const,
          token: fakeLogin(name).token,
          accountId: `workspace-${name}`,
          refreshToken: `rt-${name}`,
        })),
      ],
    });
    const relay = await Relay.open(Number(new URL(simulator.origin).port));
    const dataDir = await mkdtemp(join(tmpdir(), 'respool-soak-'));
    const stage = new SoakStage({ simulator, relay, dataDir, ...(await startServer(simulator, dataDir)) });
    stage.#idle = await stage.#rehearse();
    for (const name of ACCOUNTS) await stage.#signIn(name);
    for (const name of ['one', 'two']) {
      const limits = { concurrent_turns: SLOTS };
      const { key } = (await stage.admin('POST', '/api/keys', { name, limits })) as { key: string };
      stage.callers.push({ authorization: `Bearer ${key}` });
    }
    return stage;
  }

  async diagnose(): Promise<Diagnosis> {
    this.#child.send('diagnose');
    const [diagnosis] = (await once(this.#child, 'message')) as [Diagnosis];
    return diagnosis;
  }

  descriptors(): number {
    return readdirSync(`/proc/${this.#child.pid}/fd`).length;
  }

  /** What the server held after its first turns, when it had neither accounts nor clients. */
  get idle(): Held {
    return this.#idle;
  }

  async held(): Promise<Held> {
    return { descriptors: this.descriptors(), timers: (await this.diagnose()).timers };
  }

  /** A metric with its labels, or the sum over all of them. */
  async metric(name: string): Promise<number> {
    const answer = await this.#caller.call({ method: 'GET', path: '/metrics' });
    const lines = (await answer.text()).split('\n');
    const own = lines.filter((line) => [' ', '{'].some((next) => line.startsWith(`respool_${name}${next}`)));
    assert.ok(own.length > 0, `there is no metric ${name}`);
    return own.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
  }

  async admin(method: string, path: string, body?: object): Promise<unknown> {
    const headers = { authorization: 'Bearer admin' };
    const answer = await this.#caller.call({ method, path, headers, body });
    const text = await answer.text();
    assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  }

  async sessions(): Promise<readonly ShownSession[]> {
    return ((await this.admin('GET', '/api/sessions')) as { data: ShownSession[] }).data;
  }

  /** Lets go of all conversations. What is held for them is a cache; they can be gone on with. */
  async releaseSessions(): Promise<void> {
    const headers = { authorization: 'Bearer admin' };
    for (const { id } of await this.sessions()) {
      await this.#caller.call({ method: 'DELETE', path: `/api/sessions/${id}`, headers });
    }
  }

  async accounts(): Promise<readonly ShownAccount[]> {
    return ((await this.admin('GET', '/api/accounts')) as { data: ShownAccount[] }).data;
  }

  /** The codes of failed turns that were struck more than once, which may be more than can be mended. */
  async struckTwice(): Promise<readonly string[]> {
    const path = '/api/requests?status=failed&limit=1000';
    const { data } = (await this.admin('GET', path)) as ListWire<RequestWire>;
    return data.filter(({ attempts }) => attempts.length > 1).flatMap(({ error }) => error?.code ?? []);
  }

  /** What an operator does about accounts that are out. */
  async freeAccounts(): Promise<void> {
    for (const { id, name, status } of await this.accounts()) {
      if (status === 'needs_login') await this.#signIn(name);
      else if (status !== 'ready') await this.admin('POST', `/api/accounts/${id}/probe`);
    }
  }

  /** The slots that callers are counted to hold. */
  async slots(): Promise<number> {
    const { data } = (await this.admin('GET', '/api/keys')) as {
      data: { used: { concurrent_turns: number } }[];
    };
    return data.reduce((sum, { used }) => sum + used.concurrent_turns, 0);
  }

  /** No connection of ours is open afterwards. */
  hangUp(): void {
    this.#caller.close();
    this.#caller = new Caller(this.url);
  }

  /** Nothing that the server holds afterwards is held for an upstream that keeps connections open. */
  async closeUpstream(): Promise<void> {
    await this.relay[Symbol.asyncDispose]();
    await this.simulator.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.hangUp();
    const ended = once(this.#child, 'exit');
    if (this.#child.exitCode === null) {
      this.#child.kill('SIGKILL');
      await ended;
    }
    await this.closeUpstream();
    await rm(this.#dataDir, { recursive: true, force: true });
  }

  /** A turn over each transport, on an upstream of its own and all given back: what is held then is held for good. */
  async #rehearse(): Promise<Held> {
    const simulator = await startSimulator({ accounts: [{ name: 'r', dialect: 'openai', token: 'sk-r' }] });
    const credential = { kind: 'api_key', api_key: 'sk-r', base_url: simulator.openaiBaseUrl };
    for (const transport of REHEARSED) {
      const { id } = (await this.admin('POST', '/api/accounts', {
        ...credential,
        transport,
      })) as ShownAccount;
      const body = { model: 'gpt-5.5', input: 'rehearsal' };
      const answer = await this.#caller.call({ method: 'POST', path: '/v1/responses', body });
      assert.equal(answer.status, 200);
      await this.releaseSessions();
      await this.admin('DELETE', `/api/accounts/${id}`);
    }
    this.hangUp();
    await simulator.close();
    await pause(REST_MS);
    return this.held();
  }

  async #signIn(name: string): Promise<void> {
    await this.admin('POST', '/api/accounts', { name, ...this.#transport(name), ...this.#credential(name) });
  }

  #transport(name: string): object {
    return OVER_HTTP.includes(name) ? { transport: 'http' } : {};
  }

  #credential(name: string): object {
    if (KEYS.includes(name)) {
      const through = { base_url: `http://127.0.0.1:${this.relay.port}/v1` };
      return { kind: 'api_key', api_key: `sk-${name}`, ...(name === BEHIND_RELAY ? through : {}) };
    }
    const { token, refreshToken } = this.simulator.tokens(name);
    const tokens = { id_token: token, access_token: token, refresh_token: refreshToken };
    const account_id = `workspace-${name}`;
    return { kind: 'chatgpt', auth_json: { auth_mode: 'chatgpt', tokens: { ...tokens, account_id } } };
  }
}

/** Closed connections are noticed within this. */
const REST_MS = 1000;
/** So short that a silent upstream is left before long, and long enough for a machine that is busy. */
const PATIENCE_MS = '3000';

async function startServer(simulator: Simulator, dataDir: string): Promise<Launched> {
  const env = {
    RESPOOL_DATA_DIR: dataDir,
    RESPOOL_OPENAI_BASE_URL: simulator.openaiBaseUrl,
    RESPOOL_CHATGPT_BASE_URL: simulator.chatgptBaseUrl,
    RESPOOL_AUTH_BASE_URL: simulator.authBaseUrl,
    RESPOOL_ADMIN_TOKEN: 'admin',
    RESPOOL_FIRST_EVENT_TIMEOUT_MS: PATIENCE_MS,
    RESPOOL_STREAM_IDLE_TIMEOUT_MS: PATIENCE_MS,
    RESPOOL_LOG_LEVEL: 'error',
  };
  const preload = new URL('diagnosis.ts', import.meta.url).pathname;
  return launch(env, ['--expose-gc', '--disable-warning=ExperimentalWarning', '--import', preload], 'ipc');
}
