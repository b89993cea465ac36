/**
 * A strict fake of both upstreams on loopback: the public Responses API under `/v1`, the ChatGPT backend
 * under `/backend-api`, and the login service at the root. For tests, the demo and the bench; the server
 * itself never imports it.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AccountState, type Quota, type SocketDrop } from './account-state.ts';
import { Journal, type SeenRefusal, type SeenTurn } from './journal.ts';
import { Ledger } from './ledger.ts';
import { answerHttp } from './routes.ts';
import type { Behaviour, SimulatedAccount } from './script.ts';
import { serveSockets } from './sockets.ts';
import type { ErrorAnswer } from './wire.ts';
import type { World } from './world.ts';

export interface SimulatorOptions {
  readonly accounts: readonly SimulatedAccount[];
  /** Default 0: any free port. */
  readonly port?: number;
  /** After this long a socket gets `websocket_connection_limit_reached` and is closed. Default: never. */
  readonly connectionLifetimeMs?: number;
  /** A longer frame closes the socket with 1009. Default 16 MiB, as measured upstream. */
  readonly maxFrameBytes?: number;
}

/** A running fake upstream. Methods that name an account throw when there is none of that name. */
export interface Simulator extends AsyncDisposable {
  readonly origin: string;
  readonly openaiBaseUrl: string;
  readonly chatgptBaseUrl: string;
  /** The login service; its paths start at the root. */
  readonly authBaseUrl: string;
  /** Queues behaviours. Each turn takes one; an empty queue gives the plain answer. */
  script(account: string, ...behaviours: readonly Behaviour[]): void;
  /** What an empty queue gives instead of the plain answer. */
  setDefault(account: string, behaviour: Behaviour): void;
  addAccount(account: SimulatedAccount): void;
  setQuota(account: string, quota: Quota): void;
  /** The old token is answered with `token_expired` from now on. Open sockets stay. */
  replaceToken(account: string, token: string): void;
  /** The credentials that are good now; the login service rotates both. */
  tokens(account: string): { readonly token: string; readonly refreshToken: string | undefined };
  /** Answers to the next refreshes in place of new tokens; `lost`: the token is used up, the answer never comes. */
  scriptRefresh(...answers: readonly (ErrorAnswer | 'lost')[]): void;
  /** Every refresh token that was sent to the login service, in order. */
  readonly refreshes: readonly string[];
  /** The account that the next browser or device login signs in to; default: the first of its dialect. */
  setNextLogin(account: string): void;
  /** The device flow stays pending for so many polls. */
  setDevicePendings(polls: number): void;
  /** Every create, prewarm and compact that reached us, in order. */
  readonly seen: readonly SeenTurn[];
  /** Every broken rule. A test of a well-behaved client asserts that this is empty. */
  readonly refusals: readonly SeenRefusal[];
  /** Behaviours that were scripted and not taken yet. */
  unplayed(account: string): number;
  openSockets(account?: string): number;
  /** Handshakes that were asked for, refused ones included. */
  upgrades(account?: string): number;
  /** Ends all open sockets of the account, for faults between turns. */
  dropSockets(account: string, how: SocketDrop): void;
  /** Resolves as soon as `predicate` holds; rejects after `timeoutMs` (default 5000) saying what was seen. */
  waitFor(predicate: (simulator: Simulator) => boolean, timeoutMs?: number): Promise<void>;
  close(): Promise<void>;
}

export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  const world = createWorld(options);
  const server = createServer((request, response) => {
    answerHttp(world, request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  server.keepAliveTimeout = 60_000;
  serveSockets(server, world);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  return steer(world, server);
}

function createWorld(options: SimulatorOptions): World {
  const accounts = new Map<string, AccountState>();
  for (const account of options.accounts) accounts.set(account.name, new AccountState(account));
  return {
    accounts,
    ledger: new Ledger(),
    journal: new Journal(),
    connectionLifetimeMs: options.connectionLifetimeMs,
    maxFrameBytes: options.maxFrameBytes ?? 16 * 1024 * 1024,
    socketCount: 0,
    background: new Map(),
    usedRefreshTokens: new Map(),
    refreshAnswers: [],
    refreshes: [],
    usedCodes: new Set(),
    deviceLogins: 0,
    devicePendings: 0,
    nextLogin: () => [...accounts.values()].find((one) => one.account.dialect === 'chatgpt'),
  };
}

function steer(world: World, server: Server): Simulator {
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { accounts, journal } = world;
  const named = (name: string): AccountState => {
    const account = accounts.get(name);
    if (account === undefined) throw new Error(`the simulator has no account ${name}`);
    return account;
  };
  const some = (name?: string) => (name === undefined ? [...accounts.values()] : [named(name)]);
  const close = () => stop(world, server);
  const simulator: Simulator = {
    origin,
    openaiBaseUrl: `${origin}/v1`,
    chatgptBaseUrl: `${origin}/backend-api`,
    authBaseUrl: origin,
    seen: journal.seen,
    refusals: journal.refusals,
    script: (name, ...behaviours) => named(name).script.add(behaviours),
    setDefault: (name, behaviour) => named(name).script.setDefault(behaviour),
    addAccount: (account) => void accounts.set(account.name, new AccountState(account)),
    setQuota: (name, quota) => named(name).setQuota(quota),
    replaceToken: (name, token) => named(name).replaceToken(token),
    tokens: (name) => ({ token: named(name).token, refreshToken: named(name).refreshToken }),
    scriptRefresh: (...answers) => void world.refreshAnswers.push(...answers),
    refreshes: world.refreshes,
    setNextLogin: (name) => {
      world.nextLogin = () => named(name);
    },
    setDevicePendings: (polls) => {
      world.devicePendings = polls;
    },
    unplayed: (name) => named(name).script.waiting,
    openSockets: (name) => some(name).reduce((sum, one) => sum + one.sockets.size, 0),
    upgrades: (name) => some(name).reduce((sum, one) => sum + one.upgrades, 0),
    dropSockets: (name, how) => {
      for (const socket of named(name).sockets) socket.drop(how);
    },
    waitFor: (predicate, timeoutMs = 5000) => journal.waitFor(() => predicate(simulator), timeoutMs),
    close,
    [Symbol.asyncDispose]: close,
  };
  return simulator;
}

/** Ends everything at once; running turns see their client leave. */
async function stop(world: World, server: Server): Promise<void> {
  for (const account of world.accounts.values()) {
    for (const socket of account.sockets) socket.drop({ reset: true });
  }
  for (const running of world.background.values()) running.abort();
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
