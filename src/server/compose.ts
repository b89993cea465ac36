/**
 * What the server is made of, built from the bottom floor up: the only file that knows all of it.
 */
import { glanceAt } from '../accounts/account.ts';
import { Maintenance } from '../accounts/maintenance.ts';
import { ModelCatalogue } from '../accounts/model-catalogue.ts';
import { OAuthLogins } from '../accounts/oauth-logins.ts';
import { AccountPool } from '../accounts/pool.ts';
import { QuotaMonitor } from '../accounts/quota-monitor.ts';
import { TokenRefresher } from '../accounts/token-refresh.ts';
import type { FeedEvents } from '../admin-api/events.ts';
import { AccountChoice } from '../bridge/account-choice.ts';
import { WebsocketSupport } from '../bridge/attempt/websocket-support.ts';
import { Bridge } from '../bridge/bridge.ts';
import type { TurnDependencies } from '../bridge/dependencies.ts';
import { historySource } from '../bridge/history/source.ts';
import { KeyRateLimiter } from '../bridge/key-rate-limiter.ts';
import type { Session } from '../bridge/session/session.ts';
import { Sessions } from '../bridge/session/sessions.ts';
import { TurnLog } from '../bridge/turn-log.ts';
import type { Config } from '../config.ts';
import { LOCAL, type SessionId, type Tenant } from '../domain/ids.ts';
import { listenForCallback } from '../http/admin/oauth-callback.ts';
import { sessionToWire } from '../http/admin/sessions.ts';
import type { Dependencies } from '../http/dependencies.ts';
import { MemoryBudget } from '../http/limits/memory-budget.ts';
import { OverloadDetector } from '../http/limits/overload.ts';
import type { Log } from '../log.ts';
import { Live } from '../observability/live/change-events.ts';
import { Feed } from '../observability/live/feed.ts';
import { RunningTurns } from '../observability/live/running-turns.ts';
import { Metrics, type MetricsSnapshot } from '../observability/metrics.ts';
import { Notifier } from '../observability/notifications/notifier.ts';
import type { Store } from '../store/store.ts';
import { localFailure } from '../turn/local-failure.ts';
import { ConnectionGauge } from '../upstream/connection-gauge.ts';
import { HttpUpstream } from '../upstream/http.ts';
import { OAuthClient } from '../upstream/oauth-client.ts';
import { VERSION } from './version.ts';

/** What the server can bear at once. */
export type Capacity = Pick<Dependencies, 'bodies' | 'load'>;

export function capacityOf(log: Log): Capacity {
  const load = new OverloadDetector((state, sample) => log.warn({ state, ...sample }, 'load changed'));
  return { bodies: new MemoryBudget(), load };
}

export interface ComposeOptions {
  readonly config: Config;
  readonly log: Log;
  readonly store: Store;
  readonly capacity: Capacity;
}

export interface Composed {
  readonly dependencies: Dependencies;
  /** What runs by itself begins nothing more. */
  rest(): void;
  /** Ends what runs by itself and closes the connections; the store stays open. */
  close(): Promise<void>;
}

export function compose({ config, log, store, capacity }: ComposeOptions): Composed {
  const http = new HttpUpstream();
  const connectionGauge = new ConnectionGauge();
  const metrics: Metrics = new Metrics(VERSION, () =>
    glance({ store, http, connectionGauge, sessions, bridge }),
  );
  const accounts = buildAccounts({ config, log, store, http, metrics });
  const watch = buildWatch(accounts.pool, (id) => sessions.get(id));
  store.accounts.watch((id) => watch.live.accountChanged(id));
  const { live } = watch;
  const keyLimiter = new KeyRateLimiter({
    limitsOf: (tenant) => store.keys.get(tenant)?.limits,
    tokensSince: (tenant, at) => store.usage.tokensSince(tenant, at),
  });
  const { turnDependencies, sessions, shutDown } = buildBridge({
    config,
    log,
    store,
    http,
    ...accounts,
    live,
    keyLimiter,
    metrics,
    connectionGauge,
  });
  const { pool, quotaMonitor, logins } = accounts;
  const notifier = new Notifier({ store, log });
  const bridge = new Bridge(turnDependencies, keyLimiter, shutDown);
  const dependencies: Dependencies = {
    ...capacity,
    config,
    store,
    pool,
    quotaMonitor,
    logins,
    sessions,
    bridge,
    metrics,
    keyLimiter,
    http,
    catalogue: new ModelCatalogue(pool, http, config),
    notifier,
    watch,
    log,
    adminToken: store.adminToken(config.adminToken),
    version: VERSION,
  };
  const close = async (): Promise<void> => {
    await endAccounts(accounts);
    metrics.stop();
    await notifier.stop();
    await http.close();
    capacity.load.stop();
  };
  return { dependencies, rest: () => accounts.maintenance[Symbol.dispose](), close };
}

type Accounts = ReturnType<typeof buildAccounts>;

async function endAccounts({ maintenance, logins, tokenRefresher }: Accounts): Promise<void> {
  maintenance[Symbol.dispose]();
  logins[Symbol.dispose]();
  await tokenRefresher.drain();
}

function glance({ store, http, connectionGauge, sessions, bridge }: Watched): MetricsSnapshot {
  return {
    activeTurns: bridge.activeTurns,
    sessions: sessions.all().length,
    connections: { ws: connectionGauge.open, http: http.running },
    writer: store.writer,
    accounts: store.accounts.all().map((row) => glanceAt(row, Date.now())),
  };
}

function buildAccounts({ config, log, store, http, metrics }: AccountGround) {
  const { accounts: rows } = store;
  const upgrades = new WebsocketSupport([config.openaiBaseUrl, config.chatgptBaseUrl, ...PROVIDERS]);
  const oauth = new OAuthClient(http, config.authBaseUrl);
  const tokenRefresher = new TokenRefresher({
    rows,
    oauth,
    log,
    onOutcome: (outcome) => metrics.refreshed(outcome),
  });
  const pool = new AccountPool({
    rows,
    config,
    tokenRefresher,
    log,
    onEdited: (id) => {
      upgrades.forget(id);
      http.retire(id);
    },
  });
  const quotaMonitor = new QuotaMonitor({ pool, rows, config, http, log });
  const maintenance = new Maintenance({ pool, quotaMonitor, log });
  const logins = new OAuthLogins({ oauth, rows, quotaMonitor, listen: listenForCallback, log });
  return { pool, quotaMonitor, maintenance, logins, upgrades, tokenRefresher };
}

function buildWatch(
  pool: AccountPool,
  sessionOf: (id: SessionId) => Session | undefined,
): Dependencies['watch'] {
  const feed = new Feed<FeedEvents>();
  const turns = new RunningTurns();
  const live = new Live(feed, turns, {
    accounts: () => pool.rows(),
    account: (id) => shownOrNot(pool.get(id), (row) => pool.show(row)),
    session: (id) => shownOrNot(sessionOf(id), sessionToWire),
  });
  return { feed, turns, live };
}

/** Over a slow line a handshake takes a while. */
const SHORTEST_HANDSHAKE_MS = 2000;
/** Addresses that are known to speak WebSocket, beside those that the settings name in their place. */
const PROVIDERS = ['https://api.openai.com/v1', 'https://chatgpt.com/backend-api'];

interface Floors {
  readonly config: Config;
  readonly log: Log;
  readonly store: Store;
  readonly http: HttpUpstream;
  readonly pool: AccountPool;
  readonly quotaMonitor: QuotaMonitor;
  readonly upgrades: WebsocketSupport;
  readonly live: Live;
  readonly keyLimiter: KeyRateLimiter;
  readonly metrics: Metrics;
  readonly connectionGauge: ConnectionGauge;
}

interface Watched extends Pick<Floors, 'store' | 'http' | 'connectionGauge'> {
  readonly sessions: Sessions;
  readonly bridge: Bridge;
}

type AccountGround = Pick<Floors, 'config' | 'log' | 'store' | 'http' | 'metrics'>;

function shownOrNot<T, S>(value: T | undefined, show: (value: T) => S): S | undefined {
  return value === undefined ? undefined : show(value);
}

function buildBridge({
  config,
  log,
  store,
  http,
  pool,
  quotaMonitor,
  upgrades,
  live,
  keyLimiter,
  metrics,
  connectionGauge,
}: Floors) {
  const { secrets } = store;
  const sessions = new Sessions({
    idleMs: config.sessionIdleMs,
    mac: (purpose, ...dependencies) => secrets.mac(purpose, ...dependencies),
    sessionOf: (tenant, id) => store.requests.ownerOf(tenant, id)?.session,
    onPin: ({ from, to }) => {
      if (from !== undefined) pool.unpinned(from);
      if (to !== undefined) pool.pinned(to);
      for (const id of [from, to]) if (id !== undefined) live.accountChanged(id);
    },
    onChange: (session) => live.sessionChanged(session),
  });
  const source = historySource(store);
  /** Two tenants with the same cache key or thread must not meet upstream either. */
  const scoped = (tenant: Tenant, value: string): string =>
    tenant === LOCAL ? value : secrets.mac('scoped-id', tenant, value).toString('hex').slice(0, 32);
  // A turn that waits for a handshake in vain needs time left for another account.
  const handshakeMs = Math.max(SHORTEST_HANDSHAKE_MS, config.failoverBudgetMs / 4);
  const transports = {
    http,
    upgrades,
    pingMs: config.upstreamPingMs,
    handshakeMs,
    connectionGauge,
    source,
    scoped,
  };
  const turnLog = new TurnLog({
    store,
    log,
    onTurn: (turn) => {
      const { tenant, inputTokens = 0, outputTokens = 0 } = turn.row;
      keyLimiter.spent(tenant, inputTokens + outputTokens, Date.now());
      metrics.turnCommitted(turn);
      live.turnCommitted(turn);
    },
    onMoved: (turn) => live.turnMoved(turn),
  });
  let closing = localFailure('session_released');
  const turnDependencies: TurnDependencies = {
    pool,
    quotaMonitor,
    sessions,
    choice: new AccountChoice(pool),
    transports,
    source,
    turnLog,
    config,
    log,
    closing: () => closing,
  };
  const shutDown = (): void => {
    closing = localFailure('shutting_down');
  };
  return { turnDependencies, sessions, shutDown };
}
