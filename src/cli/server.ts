/**
 * The whole server as one value: built from the bottom floor up, taken down from the top.
 */
import { createSecretKey } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { Allowances } from '../accounts/allowances.ts';
import { AccountPool } from '../accounts/pool.ts';
import { Renewals } from '../accounts/renewal.ts';
import { Upkeep } from '../accounts/upkeep.ts';
import { Bridge } from '../bridge/bridge.ts';
import { Sessions } from '../bridge/sessions.ts';
import { UpgradeMemory } from '../bridge/upgrade-memory.ts';
import { Workshop } from '../bridge/workshop.ts';
import type { Config } from '../config.ts';
import { sessionToWire } from '../http/admin-sessions.ts';
import { buildApp } from '../http/app.ts';
import { ByteBudget } from '../http/byte-budget.ts';
import { Catalogue } from '../http/catalogue.ts';
import { LoadWatch } from '../http/load.ts';
import type { Parts } from '../http/parts.ts';
import { LOCAL, type Tenant } from '../ids.ts';
import { createLog, type Log } from '../log.ts';
import { openStore, type Store } from '../store/store.ts';
import { StoreError } from '../store/store-error.ts';
import { HttpUpstream } from '../upstream/http.ts';
import { Issuer } from '../upstream/issuer.ts';
import { Feed } from '../watch/feed.ts';
import { Live } from '../watch/live.ts';
import { Notifier } from '../watch/notifier.ts';
import { RunningTurns } from '../watch/running-turns.ts';
import { Stop } from './stop.ts';
import { VERSION } from './version.ts';

export interface RunningServer {
  readonly url: string;
  readonly accounts: { readonly total: number; readonly ready: number };
  readonly adminToken: string;
  /** Made at the first start of a server that others can reach; shown once. */
  readonly firstKey: string | undefined;
  /** Running turns finish within the drain time, then everything closes. */
  stop(): Promise<void>;
}

export async function startServer(
  config: Config,
  log: Log = createLog(config.logLevel),
  strength: Strength = strengthOf(log),
): Promise<RunningServer> {
  const store = await openOrStop(config, log);
  const http = new HttpUpstream();
  const upgrades = new UpgradeMemory();
  const issuer = new Issuer(http, config.authBaseUrl);
  const renewals = new Renewals({ rows: store.accounts, issuer, log, onOutcome: () => {} });
  const pool = new AccountPool({
    rows: store.accounts,
    config,
    renewals,
    log,
    onEdited: (id) => {
      upgrades.forget(id);
      http.retire(id);
    },
  });
  const allowances = new Allowances({ pool, rows: store.accounts, config, http, log });
  const upkeep = new Upkeep({ pool, allowances, log });
  const watch = { feed: new Feed(), turns: new RunningTurns() };
  const live: Live = new Live(watch.feed, watch.turns, {
    accounts: () => pool.rows(),
    account: (id) => shownOrNot(pool.get(id), (row) => pool.show(row)),
    session: (id) => shownOrNot(sessions.get(id), sessionToWire),
  });
  store.accounts.watch((id) => live.accountChanged(id));
  const { workshop, sessions } = buildBridge({ config, log, store, http, pool, allowances, upgrades, live });
  const bridge = new Bridge(workshop);
  const catalogue = new Catalogue(pool, http, config);
  const notifier = new Notifier({ store, log });
  const adminToken = store.adminToken(config.adminToken);
  const floors = { config, store, pool, allowances, sessions, bridge, http, catalogue, notifier, watch, log };
  const parts = { ...floors, ...strength, adminToken, version: VERSION };
  const app = await buildApp(parts);
  const firstKey = await firstKeyOf(store, config);
  const url = await listen(() => app.server.listen({ host: config.host, port: config.port }), config);
  return {
    url,
    accounts: {
      total: pool.rows().length,
      ready: pool.rows().filter((row) => pool.show(row)['status'] === 'ready').length,
    },
    adminToken,
    firstKey,
    stop: async () => {
      const drained = bridge.drain(config.drainMs);
      app.closeIdleSockets();
      await drained;
      upkeep[Symbol.dispose]();
      live.close();
      await app.server.close();
      await notifier.stop();
      await http.close();
      await store.close();
      strength.load.stop();
    },
  };
}

/** What the server can bear at once. */
export type Strength = Pick<Parts, 'bodies' | 'load'>;

function strengthOf(log: Log): Strength {
  const load = new LoadWatch((state, sample) => log.warn({ state, ...sample }, 'load changed'));
  return { bodies: new ByteBudget(), load };
}

const REFUSED_ANCHORS_KEPT = 10_000;

interface Floors {
  readonly config: Config;
  readonly log: Log;
  readonly store: Store;
  readonly http: HttpUpstream;
  readonly pool: AccountPool;
  readonly allowances: Allowances;
  readonly upgrades: UpgradeMemory;
  readonly live: Live;
}

function shownOrNot<T, S>(value: T | undefined, show: (value: T) => S): S | undefined {
  return value === undefined ? undefined : show(value);
}

function buildBridge({ config, log, store, http, pool, allowances, upgrades, live }: Floors): {
  workshop: Workshop;
  sessions: Sessions;
} {
  const { secrets } = store;
  const sessions = new Sessions({
    idleMs: config.sessionIdleMs,
    mac: (purpose, ...parts) => secrets.mac(purpose, ...parts),
    sessionOf: (tenant, id) => store.requests.ownerOf(tenant, id)?.session,
    onPin: ({ from, to }) => {
      if (from !== undefined) pool.unpinned(from);
      if (to !== undefined) pool.pinned(to);
      for (const id of [from, to]) if (id !== undefined) live.accountChanged(id);
    },
    onChange: (session) => live.sessionChanged(session),
  });
  const chainKey = createSecretKey(secrets.mac('transcript-chain'));
  const refusedAnchors = new LRUCache<string, true>({ max: REFUSED_ANCHORS_KEPT });
  const memory = { transcripts: store.transcripts, requests: store.requests, chainKey, refusedAnchors };
  /** Two tenants with the same cache key or thread must not meet upstream either. */
  const scoped = (tenant: Tenant, value: string): string =>
    tenant === LOCAL ? value : secrets.mac('scoped-id', tenant, value).toString('hex').slice(0, 32);
  const carriers = { http, upgrades, pingMs: config.upstreamPingMs, memory, scoped };
  const workshop = new Workshop({
    pool,
    allowances,
    sessions,
    carriers,
    memory,
    refusedAnchors,
    store,
    config,
    log,
    onTurn: (turn) => live.turnCommitted(turn),
    onGlimpse: (glimpse) => live.turnMoved(glimpse),
  });
  return { workshop, sessions };
}

async function openOrStop(config: Config, log: Log): Promise<Store> {
  try {
    const secretKey = config.secretKey?.toString('base64');
    const { dataDir, transcripts, retentionDays } = config;
    return await openStore({ dataDir, secretKey, transcripts, retentionDays, log });
  } catch (error) {
    if (error instanceof StoreError) throw new Stop(error.message, 78);
    throw error;
  }
}

const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost']);

/** A server that others can reach serves nobody without a key, so the first start makes one. */
async function firstKeyOf(store: Store, config: Config): Promise<string | undefined> {
  if (LOOPBACK.has(config.host) || store.keys.list().length > 0) return undefined;
  return (await store.keys.create({ name: 'first' })).text;
}

async function listen(start: () => Promise<string>, config: Config): Promise<string> {
  try {
    return await start();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const where = `${config.host}:${config.port}`;
    if (code === 'EADDRINUSE') {
      throw new Stop(
        `Port ${config.port} is in use. Stop what listens there, or set RESPOOL_PORT to another one.`,
        1,
      );
    }
    if (code === 'EACCES' || code === 'EADDRNOTAVAIL') {
      throw new Stop(`respool may not listen on ${where} (${code}). Set RESPOOL_HOST and RESPOOL_PORT.`, 1);
    }
    throw error;
  }
}
