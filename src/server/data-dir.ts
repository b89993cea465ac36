/** Whose the data directory is: a server's for as long as it runs, else a command's for as long as it works on it. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Config } from '../config.ts';
import { acquireDataLock, type DataLock, type Holder, holderOf } from '../store/database/data-lock.ts';
import { StoreError } from '../store/store-error.ts';
import { ExitError } from './exit-error.ts';

/** A command holds it for as long as one request takes; the next one waits for that. */
const WAIT_MS = 10_000;
/** From the lock of a server to its address. */
const START_MS = 5000;
const LOOK_AGAIN_MS = 50;

type Taken = { readonly kind: 'taken'; readonly by: Holder | undefined };

/** For a server: `ExitError` names whoever is there already. */
export async function holdAsServer({ dataDir }: Pick<Config, 'dataDir'>): Promise<DataLock> {
  const acquired = await inWords(() => acquireDataLock(dataDir, 'server', WAIT_MS));
  if (acquired.kind === 'held') return acquired.lock;
  throw taken(acquired, dataDir, 'stop it, or set RESPOOL_DATA_DIR to another directory');
}

/** For a command that opens the database itself. */
export async function holdAsCommand({ dataDir }: Pick<Config, 'dataDir'>, mend: string): Promise<DataLock> {
  const acquired = await lockAsCommand(dataDir);
  if (acquired.kind === 'held') return acquired.lock;
  throw taken(acquired, dataDir, mend);
}

/** The same for a command that has another way while a server runs. */
export async function holdUnlessServed({ dataDir }: Pick<Config, 'dataDir'>): Promise<DataLock | 'served'> {
  const acquired = await lockAsCommand(dataDir);
  if (acquired.kind === 'held') return acquired.lock;
  if (acquired.by?.role === 'server') return 'served';
  throw taken(acquired, dataDir, 'try again when it has ended');
}

const lockAsCommand = (dataDir: string) => inWords(() => acquireDataLock(dataDir, 'command', WAIT_MS));

/** The server of this data directory, if one runs; one that has just been started is given the time to listen. */
export async function runningServer({ dataDir }: Pick<Config, 'dataDir'>): Promise<Holder | undefined> {
  const end = performance.now() + START_MS;
  for (;;) {
    const holder = await inWords(() => holderOf(dataDir));
    if (holder?.role !== 'server') return undefined;
    if (holder.url !== undefined || performance.now() >= end) return holder;
    await pause(LOOK_AGAIN_MS);
  }
}

function taken({ by }: Taken, dataDir: string, mend: string): ExitError {
  if (by === undefined) return new ExitError(`${dataDir} is in use by another process: ${mend}.`);
  const who = by.role === 'server' ? 'respool' : 'a respool command';
  const where = by.url === undefined ? '' : ` at ${by.url}`;
  return new ExitError(`${dataDir} is in use by ${who} with process id ${by.pid}${where}: ${mend}.`);
}

/** A store that cannot be used ends the command with its own sentence. */
export async function inWords<T>(act: () => T | Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof StoreError) throw new ExitError(error.message, error.mend === 'settings' ? 78 : 1);
    throw error;
  }
}
