/**
 * The server's life: opened, listening, drained, closed. What it is made of is in compose.ts.
 */
import type { Config } from '../config.ts';
import { buildApp } from '../http/app.ts';
import { createLog, type Log } from '../log.ts';
import { openStore, type Store } from '../store/store.ts';
import { StoreError } from '../store/store-error.ts';
import { baseUrl } from './base-url.ts';
import { type Capacity, type ComposeOptions, capacityOf, compose } from './compose.ts';
import { holdAsServer, inWords } from './data-dir.ts';
import { ExitError } from './exit-error.ts';

export interface RunningServer {
  readonly url: string;
  readonly accounts: { readonly total: number; readonly ready: number };
  readonly adminToken: string;
  /** Made at the first start of a server that others can reach; shown once. */
  readonly firstKey: string | undefined;
  /** Running turns finish within the drain time, then everything closes. */
  stop(): Promise<void>;
}

/** For the failures of the turns that were cut off to be read. */
const LAST_WORDS_MS = 1000;

/** Throws `ExitError` where it cannot be started, with everything closed again that was opened on the way. */
export async function startServer(
  config: Config,
  log: Log = createLog(config.logLevel),
  capacity: Capacity = capacityOf(log),
): Promise<RunningServer> {
  await using opened = new AsyncDisposableStack();
  opened.defer(() => capacity.load.stop());
  try {
    return await open({ config, log, capacity }, opened);
  } catch (error) {
    throw unstarted(error, log);
  }
}

async function open(
  { config, log, capacity }: Omit<ComposeOptions, 'store'>,
  opened: AsyncDisposableStack,
): Promise<RunningServer> {
  const lock = opened.use(await holdAsServer(config));
  const store = opened.adopt(await openOrStop(config, log), (one) => one.close());
  const { dependencies, rest } = opened.adopt(compose({ config, log, store, capacity }), (built) =>
    built.close(),
  );
  const app = await buildApp(dependencies);
  opened.defer(() => app.server.close());
  const firstKey = await firstKeyOf(store, config);
  const url = await listen(() => app.server.listen({ host: config.host, port: config.port }), config);
  lock.announce(baseUrl({ host: config.host, port: Number(new URL(url).port) }));
  const { pool, bridge, adminToken } = dependencies;
  const held = opened.move();
  return {
    url,
    accounts: {
      total: pool.rows().length,
      ready: pool.rows().filter((row) => pool.show(row)['status'] === 'ready').length,
    },
    adminToken,
    firstKey,
    stop: async () => {
      const until = performance.now() + config.drainMs;
      rest();
      const drained = bridge.drain(config.drainMs);
      app.closeIdleSockets();
      await drained;
      dependencies.watch.live.close();
      await app.deliver(Math.max(until - performance.now(), LAST_WORDS_MS));
      await held.disposeAsync();
    },
  };
}

/** Whoever starts a server is told in one sentence, also of what nobody has thought of. */
function unstarted(error: unknown, log: Log): ExitError {
  if (error instanceof ExitError) return error;
  const { message, stack, mend } = error as Error & Partial<StoreError>;
  if (error instanceof StoreError) return new ExitError(message, mend === 'settings' ? 78 : 1);
  log.debug({ stack }, 'the start failed');
  const [said] = message.split('\n');
  return new ExitError(
    `respool cannot start (${said}): set RESPOOL_LOG_LEVEL=debug to see where, and report it.`,
  );
}

export function openOrStop(config: Config, log: Log): Promise<Store> {
  const secretKey = config.secretKey?.toString('base64');
  const { dataDir, transcripts, transcriptsDiskBytes: diskBytes, retentionDays } = config;
  return inWords(() => openStore({ dataDir, secretKey, transcripts, diskBytes, retentionDays, log }));
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
    const stop = unheard((error as NodeJS.ErrnoException).code ?? '', config);
    throw stop ?? error;
  }
}

function unheard(code: string, { host, port }: Config): ExitError | undefined {
  switch (code) {
    case 'EADDRINUSE':
      return new ExitError(
        `Port ${port} is in use. Stop what listens there, or set RESPOOL_PORT to another one.`,
      );
    case 'EACCES':
    case 'EADDRNOTAVAIL':
    case 'EAFNOSUPPORT':
      return new ExitError(
        `respool may not listen on ${host}:${port} (${code}). Set RESPOOL_HOST and RESPOOL_PORT.`,
      );
    case 'ENOTFOUND':
      return new ExitError(
        `No address has the name ${host}. Set RESPOOL_HOST to an address of this machine.`,
        78,
      );
    case 'EAI_AGAIN':
      return new ExitError(
        `The address of ${host} cannot be looked up now. Set RESPOOL_HOST to an address of this machine, or start again when its name service answers.`,
      );
    default:
      return undefined;
  }
}
