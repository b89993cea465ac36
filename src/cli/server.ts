/**
 * The server's life: opened, listening, drained, closed. What it is made of is in build.ts.
 */
import type { Config } from '../config.ts';
import { buildApp } from '../http/app.ts';
import { createLog, type Log } from '../log.ts';
import { openStore, type Store } from '../store/store.ts';
import { StoreError } from '../store/store-error.ts';
import { buildParts, type Strength, strengthOf } from './build.ts';
import { Stop } from './stop.ts';

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
  const { parts, rest, close } = buildParts({ config, log, store, strength });
  const app = await buildApp(parts);
  const firstKey = await firstKeyOf(store, config);
  const url = await listen(() => app.server.listen({ host: config.host, port: config.port }), config);
  const { pool, bridge, adminToken } = parts;
  return {
    url,
    accounts: {
      total: pool.rows().length,
      ready: pool.rows().filter((row) => pool.show(row)['status'] === 'ready').length,
    },
    adminToken,
    firstKey,
    stop: async () => {
      rest();
      const drained = bridge.drain(config.drainMs);
      app.closeIdleSockets();
      await drained;
      parts.watch.live.close();
      await app.server.close();
      await close();
      await store.close();
    },
  };
}

/** A store that cannot be used ends the command with its own sentence. */
export async function openOrStop(config: Config, log: Log): Promise<Store> {
  try {
    const secretKey = config.secretKey?.toString('base64');
    const { dataDir, transcripts, transcriptsDiskBytes: diskBytes, retentionDays } = config;
    return await openStore({ dataDir, secretKey, transcripts, diskBytes, retentionDays, log });
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
