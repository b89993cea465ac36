/**
 * One process works on a data directory at a time. The lock is one that SQLite takes on an empty file: the system
 * gives it back however the process ends, so that nothing has to be cleaned up after a kill. Who holds it stands in a
 * file beside it, which means nothing once the lock is free.
 *
 * The lock file is opened by SQLite alone: to read it in any other way would give up the lock of this process.
 */

import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { makeDirectory } from './directory.ts';
import { codeOf, explain } from './explain.ts';

const RETRY_MS = 40;

export interface Holder {
  readonly pid: number;
  /** `command`: a verb that works on the database itself, for as long as one request takes. */
  readonly role: 'server' | 'command';
  /** Where a server is reached, once it listens. */
  readonly url?: string;
}

export type Acquired =
  | { readonly kind: 'held'; readonly lock: DataLock }
  /** Undefined: whoever holds it has not said so yet. */
  | { readonly kind: 'taken'; readonly by: Holder | undefined };

export class DataLock implements Disposable {
  readonly #dataDir: string;
  readonly #database: Database.Database;
  readonly #role: Holder['role'];

  constructor(dataDir: string, database: Database.Database, role: Holder['role']) {
    this.#dataDir = dataDir;
    this.#database = database;
    this.#role = role;
    this.announce();
  }

  /** Says who holds the lock, and where a server is reached. */
  announce(url?: string): void {
    const holder: Holder = { pid: process.pid, role: this.#role, ...(url !== undefined && { url }) };
    const path = holderPath(this.#dataDir);
    const draft = `${path}.${process.pid}`;
    try {
      writeFileSync(draft, `${JSON.stringify(holder)}\n`, { mode: 0o600 });
      renameSync(draft, path);
    } finally {
      rmSync(draft, { force: true });
    }
  }

  [Symbol.dispose](): void {
    if (!this.#database.open) return;
    rmSync(holderPath(this.#dataDir), { force: true });
    this.#database.close();
  }
}

/** Commands are waited for, up to `waitMs`; a server is not: it stays. Throws `StoreError` where no lock can be. */
export async function acquireDataLock(
  dataDir: string,
  role: Holder['role'],
  waitMs: number,
): Promise<Acquired> {
  const end = performance.now() + waitMs;
  for (let before: Holder | undefined; ; ) {
    const lock = tryLock(dataDir, role);
    if (lock !== undefined) return { kind: 'held', lock };
    const by = readHolder(dataDir);
    // Seen twice: for a moment, what the one before has left behind may still stand there.
    const isServer = by?.role === 'server' && before?.pid === by.pid;
    if (isServer || performance.now() >= end) return { kind: 'taken', by };
    before = by;
    await pause(RETRY_MS);
  }
}

/** Who works on this directory now; makes and changes nothing. */
export function holderOf(dataDir: string): Holder | undefined {
  const holder = readHolder(dataDir);
  return holder !== undefined && isLocked(lockPath(dataDir)) ? holder : undefined;
}

function tryLock(dataDir: string, role: Holder['role']): DataLock | undefined {
  const path = lockPath(dataDir);
  let database: Database.Database | undefined;
  try {
    makeDirectory(dataDir);
    create(path);
    database = new Database(path, { timeout: 0 });
    // No journal file is left behind by a kill.
    database.pragma('journal_mode = MEMORY');
    database.exec('BEGIN EXCLUSIVE');
    return new DataLock(dataDir, database, role);
  } catch (error) {
    database?.close();
    if (isBusy(error)) return undefined;
    throw explain(error, path);
  }
}

/** Never opens a file that is there: to close it again would give up a lock that this process has on it. */
function create(path: string): void {
  try {
    writeFileSync(path, '', { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

function isLocked(path: string): boolean {
  if (!existsSync(path)) return false;
  const database = new Database(path, { readonly: true, timeout: 0 });
  try {
    database.prepare('select 1 from sqlite_master').get();
    return false;
  } catch (error) {
    if (isBusy(error)) return true;
    throw explain(error, path);
  } finally {
    database.close();
  }
}

const isBusy = (error: unknown): boolean => codeOf(error).startsWith('SQLITE_BUSY');

function readHolder(dataDir: string): Holder | undefined {
  try {
    return JSON.parse(readFileSync(holderPath(dataDir), 'utf8')) as Holder;
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw explain(error, holderPath(dataDir));
  }
}

const lockPath = (dataDir: string): string => join(dataDir, 'respool.lock');
const holderPath = (dataDir: string): string => `${lockPath(dataDir)}.json`;
