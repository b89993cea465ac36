/**
 * A whole server in front of the simulator, in this process, on loopback: what every story of a test begins with.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AccountWire } from '../../src/admin-api/account.ts';
import type { ListWire } from '../../src/admin-api/answer.ts';
import type { RequestWire } from '../../src/admin-api/request.ts';
import { loadConfig } from '../../src/config.ts';
import { MemoryBudget } from '../../src/http/limits/memory-budget.ts';
import { AT_EASE, type Load } from '../../src/http/limits/overload.ts';
import { createLog, type Log } from '../../src/log.ts';
import { type RunningServer, startServer } from '../../src/server/server.ts';
import type { SimulatedAccount } from '../../src/simulator/script.ts';
import { type Simulator, startSimulator } from '../../src/simulator/simulator.ts';

export type Kind = 'api_key' | 'chatgpt';

export interface WorldOptions {
  readonly kind: Kind;
  /** Names of the accounts, first is served first while nothing is known; default a, b, c. */
  readonly names?: readonly string[];
  readonly transport?: 'auto' | 'websocket' | 'http';
  readonly simulated?: (name: string) => Partial<SimulatedAccount>;
  /** Seconds until the access tokens end; default five days. */
  readonly loginEndsInSeconds?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** Every log line at `trace`, as text; default: nothing is logged. */
  readonly onLog?: (line: string) => void;
  readonly simulator?: { readonly connectionLifetimeMs?: number };
  /** In place of what this process and its memory can bear. */
  readonly load?: Load;
  readonly bodies?: MemoryBudget;
}

export interface World extends AsyncDisposable {
  readonly simulator: Simulator;
  readonly url: string;
  readonly dataDir: string;
  readonly adminToken: string;
  /** Ids of the accounts by their names. */
  readonly ids: ReadonlyMap<string, string>;
  admin(method: string, path: string, body?: unknown): Promise<unknown>;
  /** Newest first. */
  rows(): Promise<readonly RequestWire[]>;
  account(name: string): Promise<AccountWire>;
  /** Stops the server and starts it again on the same data directory. */
  restart(env?: Readonly<Record<string, string>>, between?: () => Promise<void>): Promise<void>;
}

const DAY_S = 86_400;

/** An unsigned token with the claims that an import reads; the simulator compares it as a whole. */
export function fakeLogin(
  name: string,
  edition = 'first',
  endsInSeconds = 5 * DAY_S,
): { readonly token: string; readonly authJson: object } {
  const claims = {
    exp: Math.floor(Date.now() / 1000) + endsInSeconds,
    jti: edition,
    email: `${name}@example.com`,
    'https://api.openai.com/auth': {
      chatgpt_account_id: `workspace-${name}`,
      chatgpt_user_id: `user-${name}`,
      chatgpt_plan_type: 'plus',
    },
  };
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const token = `${part({ alg: 'none' })}.${part(claims)}.unsigned`;
  const tokens = {
    id_token: token,
    access_token: token,
    refresh_token: `rt-${name}`,
    account_id: `workspace-${name}`,
  };
  return { token, authJson: { auth_mode: 'chatgpt', OPENAI_API_KEY: null, tokens } };
}

export async function makeWorld(options: WorldOptions): Promise<World> {
  const names = options.names ?? ['a', 'b', 'c'];
  const logins = new Map(names.map((name) => [name, fakeLogin(name, 'first', options.loginEndsInSeconds)]));
  const simulator = await startSimulator({
    ...options.simulator,
    accounts: names.map((name) => simulatedAccount(name, options, logins.get(name)?.token ?? '')),
  });
  const dataDir = await mkdtemp(join(tmpdir(), 'respool-test-'));
  const start = (env: Readonly<Record<string, string>> = {}): Promise<RunningServer> => {
    const loaded = loadConfig({
      RESPOOL_DATA_DIR: dataDir,
      RESPOOL_PORT: '0',
      RESPOOL_OPENAI_BASE_URL: simulator.openaiBaseUrl,
      RESPOOL_CHATGPT_BASE_URL: simulator.chatgptBaseUrl,
      RESPOOL_AUTH_BASE_URL: simulator.authBaseUrl,
      RESPOOL_DRAIN_MS: '500',
      ...options.env,
      ...env,
    });
    if (!loaded.ok) throw new Error(loaded.problems.join('; '));
    return startServer(loaded.config, logOf(options), {
      load: options.load ?? { ...AT_EASE, stop: () => {} },
      bodies: options.bodies ?? new MemoryBudget(),
    });
  };
  let server = await start();
  const world: World = {
    simulator,
    dataDir,
    get url() {
      return server.url;
    },
    get adminToken() {
      return server.adminToken;
    },
    ids: new Map(),
    admin: (method, path, body) => callAdmin(server, { method, path, body }),
    rows: async () => {
      const answer = await callAdmin(server, { method: 'GET', path: '/api/requests?limit=1000' });
      return (answer as ListWire<RequestWire>).data;
    },
    account: async (name) => {
      const answer = await callAdmin(server, { method: 'GET', path: '/api/accounts' });
      const { data } = answer as ListWire<AccountWire>;
      const found = data.find((account) => account.name === name);
      if (found === undefined) throw new Error(`there is no account ${name}`);
      return found;
    },
    restart: async (env, between) => {
      await server.stop();
      await between?.();
      server = await start(env);
    },
    [Symbol.asyncDispose]: async () => {
      await server.stop();
      await simulator.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
  for (const name of names) {
    const login = logins.get(name);
    const credential =
      options.kind === 'chatgpt'
        ? { kind: 'chatgpt', auth_json: login?.authJson }
        : { kind: 'api_key', api_key: `sk-${name}` };
    const body = { ...credential, name, transport: options.transport ?? 'auto' };
    const account = (await world.admin('POST', '/api/accounts', body)) as { id: string };
    (world.ids as Map<string, string>).set(name, account.id);
  }
  return world;
}

function logOf({ onLog }: WorldOptions): Log {
  return onLog === undefined ? createLog('silent') : createLog('trace', { write: onLog });
}

function simulatedAccount(name: string, options: WorldOptions, token: string): SimulatedAccount {
  const more = options.simulated?.(name) ?? {};
  if (options.kind === 'api_key') return { name, dialect: 'openai', token: `sk-${name}`, ...more };
  const login = { token, accountId: `workspace-${name}`, refreshToken: `rt-${name}` };
  return { name, dialect: 'chatgpt', ...login, ...more };
}

async function callAdmin(
  server: RunningServer,
  call: { method: string; path: string; body: unknown } | { method: string; path: string },
): Promise<unknown> {
  const body = 'body' in call ? call.body : undefined;
  const answer = await fetch(`${server.url}${call.path}`, {
    method: call.method,
    headers: {
      authorization: `Bearer ${server.adminToken}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${call.method} ${call.path}: ${answer.status} ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}
