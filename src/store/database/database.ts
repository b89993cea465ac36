/**
 * Opens the database file: makes the data directory, refuses what is not ours, runs the migrations, checks
 * that the secret key fits, and leaves one read-only connection for the main thread. It must not be used to
 * write after that; the writing thread does.
 */
import { chmodSync, existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { type BetterSQLite3Database, drizzle } from 'drizzle-orm/better-sqlite3';
import { migrate } from 'drizzle-orm/better-sqlite3/migrator';
import type { Secrets } from '../secrets/secrets.ts';
import { StoreError } from '../store-error.ts';
import { type Backup, backUp, backUpBeforeMigration } from './backups.ts';
import { makeDirectory } from './directory.ts';
import { codeOf, explain } from './explain.ts';
import { migrationsFolder, pendingMigration, refuseForeign, unlock } from './recognise.ts';

export type Reads = BetterSQLite3Database;

export interface OpenDatabase {
  readonly path: string;
  readonly secrets: Secrets;
  readonly reads: Reads;
  backUp(file: string): Promise<Backup>;
  close(): void;
}

const BUSY_TIMEOUT_MS = 5000;
/** The system keeps pages of the file as well; what is left to gain is the call that fetches one. */
const PAGE_CACHE_KIB = 2048;

/** Throws `StoreError` with one sentence and the next step; in that case nothing on disk was replaced. */
export function openDatabase(dataDir: string, secretKey: string | undefined): OpenDatabase {
  const path = join(dataDir, 'respool.db');
  const writing = openFile(dataDir, path);
  try {
    refuseForeign(writing, path);
    const pending = pendingMigration(writing);
    if (pending !== undefined) backUpBeforeMigration(writing, dataDir, pending);
    writing.pragma('journal_mode = WAL');
    bringUpToDate(writing, path);
    const secrets = unlock(writing, dataDir, secretKey);
    const reading = new Database(path, { readonly: true, timeout: BUSY_TIMEOUT_MS });
    reading.pragma(`cache_size = -${PAGE_CACHE_KIB}`);
    return {
      path,
      secrets,
      reads: drizzle(reading),
      backUp: (file) => backUp(reading, file),
      close: () => reading.close(),
    };
  } catch (error) {
    throw explain(error, path);
  } finally {
    writing.close();
  }
}

function bringUpToDate(db: Database.Database, path: string): void {
  try {
    migrate(drizzle(db), { migrationsFolder: migrationsFolder() });
  } catch (error) {
    const code = codeOf(error);
    // What the disk says is explained as such; anything else is about the tables that were found.
    if (!/^SQLITE_(ERROR|CONSTRAINT|MISMATCH|SCHEMA)/.test(code)) throw error;
    const folder = join(dirname(path), 'backups');
    throw new StoreError(
      `${path} could not be brought to this version (${code}): start the version before, or restore the newest copy in ${folder}.`,
      { cause: error, mend: 'circumstances' },
    );
  }
}

function openFile(dataDir: string, path: string): Database.Database {
  try {
    makeDirectory(dataDir);
    const isNew = !existsSync(path);
    const db = new Database(path, { timeout: BUSY_TIMEOUT_MS });
    // The write-ahead files inherit the mode.
    if (isNew) chmodSync(path, 0o600);
    return db;
  } catch (error) {
    throw explain(error, path);
  }
}
