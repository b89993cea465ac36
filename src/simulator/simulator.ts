/**
 * A strict fake of both upstreams on loopback: the public Responses API under `/v1`, the ChatGPT backend
 * under `/backend-api`, and the login service at the root. For tests, the demo and the bench; the server
 * itself never imports it.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AccountState, type Quota, type Retrieval, type SocketDrop } from './account-state.ts';
import { tokenExpired } from './errors.ts';
import { Journal, type SeenRefusal, type SeenTurn } from './journal.ts';
import { Ledger } from './ledger.ts';
import { answerHttp } from './routes.ts';
import type { Behaviour, SimulatedAccount, SimulatedWindows } from './script.ts';
import { serveSockets } from './sockets.ts';
import type { ErrorAnswer } from './wire.ts';
import type { LoginTrouble, World } from './world.ts';

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
  /** What an empty queue gives instead of the plain answer, every time. */
  setDefault(account: string, behaviour: Behaviour): void;
  /** Forgets what was scripted, the default included. */
  clearScript(account: string): void;
  addAccount(account: SimulatedAccount): void;
  setQuota(account: string, quota: Quota): void;
  /** What headers, events and the usage call say from now on. An open socket keeps the headers of its handshake. */
  setWindows(account: string, windows: SimulatedWindows): void;
  /** The old token is answered with `token_expired` from now on. Open sockets stay. */
  replaceToken(account: string, token: string): void;
  /** The credentials that are good now; the login service rotates both. */
  tokens(account: string): { readonly token: string; readonly refreshToken: string | undefined };
  /** An incident: every bearer of the ChatGPT dialect gets this (default `token_expired`). Open sockets stay. */
  refuseTokens(answer?: ErrorAnswer): void;
  /** The incident is over. */
  acceptTokens(): void;
  /** A file that the account uploaded: other accounts cannot name it. */
  addFile(account: string, fileId: string): void;
  /** Sealed content as the account would have given it out. */
  seal(account: string): string;
  /** How reads of the account's stored responses are answered; creates are not touched. */
  setRetrieval(account: string, retrieval: Retrieval): void;
  /** Answers to the next refreshes in place of new tokens. */
  scriptRefresh(...answers: readonly LoginTrouble[]): void;
  /** What every call of the login service gets from now on when no answer is scripted. */
  setLoginService(state: 'up' | LoginTrouble): void;
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
  /** Reads of stored responses, refused and unanswered ones included. */
  retrievals(account?: string): number;
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
    loginService: 'up',
    tokenRefusal: undefined,
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
  const close = () => stop(world, server);
  const simulator: Simulator = {
    origin,
    openaiBaseUrl: `${origin}/v1`,
    chatgptBaseUrl: `${origin}/backend-api`,
    authBaseUrl: origin,
    ...ofAccounts(world, named),
    ...ofLogins(world, named),
    ...gauges(world, named),
    waitFor: (predicate, timeoutMs = 5000) => journal.waitFor(() => predicate(simulator), timeoutMs),
    close,
    [Symbol.asyncDispose]: close,
  };
  return simulator;
}

type Named = (name: string) => AccountState;

function ofAccounts({ accounts, ledger }: World, named: Named) {
  return {
    script: (name: string, ...behaviours: readonly Behaviour[]) => named(name).script.add(behaviours),
    setDefault: (name: string, behaviour: Behaviour) => named(name).script.setDefault(behaviour),
    clearScript: (name: string) => named(name).script.clear(),
    addAccount: (account: SimulatedAccount) => void accounts.set(account.name, new AccountState(account)),
    setQuota: (name: string, quota: Quota) => named(name).setQuota(quota),
    setWindows: (name: string, windows: SimulatedWindows) => {
      named(name).windows = windows;
    },
    addFile: (name: string, fileId: string) => ledger.addFile(fileId, named(name).name),
    seal: (name: string) => {
      const content = named(name).nextId('sealed_part');
      ledger.seal(content, { account: name, texts: [] });
      return content;
    },
    setRetrieval: (name: string, retrieval: Retrieval) => {
      named(name).retrieval = retrieval;
    },
    dropSockets: (name: string, how: SocketDrop) => {
      for (const socket of named(name).sockets) socket.drop(how);
    },
  };
}

function ofLogins(world: World, named: Named) {
  return {
    replaceToken: (name: string, token: string) => named(name).replaceToken(token),
    tokens: (name: string) => ({ token: named(name).token, refreshToken: named(name).refreshToken }),
    refuseTokens: (answer = tokenExpired()) => {
      world.tokenRefusal = answer;
    },
    acceptTokens: () => {
      world.tokenRefusal = undefined;
    },
    scriptRefresh: (...answers: readonly LoginTrouble[]) => void world.refreshAnswers.push(...answers),
    setLoginService: (state: 'up' | LoginTrouble) => {
      world.loginService = state;
    },
    refreshes: world.refreshes,
    setNextLogin: (name: string) => {
      world.nextLogin = () => named(name);
    },
    setDevicePendings: (polls: number) => {
      world.devicePendings = polls;
    },
  };
}

function gauges({ accounts, journal }: World, named: Named) {
  const sum = (count: (account: AccountState) => number, name?: string) =>
    (name === undefined ? [...accounts.values()] : [named(name)]).reduce((all, one) => all + count(one), 0);
  return {
    seen: journal.seen,
    refusals: journal.refusals,
    unplayed: (name: string) => named(name).script.waiting,
    openSockets: (name?: string) => sum((one) => one.sockets.size, name),
    upgrades: (name?: string) => sum((one) => one.upgrades, name),
    retrievals: (name?: string) => sum((one) => one.retrievals, name),
  };
}

/** Ends everything at once; running turns see their client leave. */
async function stop(world: World, server: Server): Promise<void> {
  for (const account of world.accounts.values()) {
    for (const socket of account.sockets) socket.drop({ reset: true });
  }
  for (const running of world.background.values()) running.cancel();
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
