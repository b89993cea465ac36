/** The built server in a process of its own, with accounts and a key, and its admin API. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { end, remember, saying } from './processes.ts';

const BUNDLE = join(import.meta.dirname, '../../dist/respool.js');
const ADMIN = 'bench';

export interface Target {
  readonly name: string;
  /** Up to and including `/v1`. */
  readonly base: string;
  readonly key: string;
  readonly pid: number;
}

export class Respool implements AsyncDisposable {
  readonly target: Target;
  readonly startMs: number;
  readonly accounts: readonly string[];
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, made: Pick<Respool, 'target' | 'startMs' | 'accounts'>) {
    this.#child = child;
    this.target = made.target;
    this.startMs = made.startMs;
    this.accounts = made.accounts;
  }

  static async start(
    upstream: string,
    options: {
      dataDir: string;
      env?: Readonly<Record<string, string>>;
      accounts?: readonly string[];
      node?: readonly string[];
      /** What runs; default: what `npm run build` has made here. */
      bundle?: string;
      /** Soft and hard limit; default: what this process has. */
      openFiles?: number;
    },
  ): Promise<Respool> {
    const { dataDir, env = {}, accounts = [], node = [], bundle = BUNDLE, openFiles } = options;
    const command = [process.execPath, ...node, bundle, 'serve'];
    const limited = openFiles === undefined ? [] : ['prlimit', `--nofile=${openFiles}`];
    const [program = '', ...words] = [...limited, ...command];
    const begun = performance.now();
    const child = remember(
      spawn(program, words, {
        cwd: dataDir,
        env: {
          PATH: process.env['PATH'],
          RESPOOL_DATA_DIR: dataDir,
          RESPOOL_PORT: '0',
          RESPOOL_OPENAI_BASE_URL: `${upstream}/v1`,
          RESPOOL_ADMIN_TOKEN: ADMIN,
          RESPOOL_DRAIN_MS: '500',
          ...env,
        },
        stdio: ['ignore', 'pipe', 'inherit'],
      }),
    );
    const url = await saying(child, /listening\s+(http:\S+)/);
    await untilReady(url);
    const startMs = performance.now() - begun;
    const ids: string[] = [];
    for (const name of accounts) {
      const body = { kind: 'api_key', name, api_key: `sk-${name}` };
      ids.push(((await admin(url, 'POST', '/api/accounts', body)) as { id: string }).id);
    }
    const { key } =
      accounts.length === 0
        ? { key: '' }
        : ((await admin(url, 'POST', '/api/keys', { name: 'bench' })) as { key: string });
    const target = { name: 'respool', base: `${url}/v1`, key, pid: child.pid ?? 0 };
    return new Respool(child, { target, startMs, accounts: ids });
  }

  admin(method: string, path: string, body?: object): Promise<unknown> {
    return admin(this.target.base, method, path, body);
  }

  /** How the accounts are spoken to from now on. */
  async speak(transport: 'http' | 'websocket' | 'auto'): Promise<void> {
    for (const id of this.accounts) await this.admin('PATCH', `/api/accounts/${id}`, { transport });
  }

  stop(): Promise<void> {
    return end(this.#child, 'SIGTERM');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return end(this.#child, 'SIGKILL');
  }
}

async function untilReady(url: string): Promise<void> {
  while (!(await fetch(new URL('/readyz', url))).ok) await pause(5);
}

async function admin(base: string, method: string, path: string, body?: object): Promise<unknown> {
  const answer = await fetch(new URL(path, base), {
    method,
    headers: { authorization: `Bearer ${ADMIN}`, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}
