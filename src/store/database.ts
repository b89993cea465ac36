/**
 * Opens the database file: makes the data directory, refuses what is not ours, runs the migrations, checks
 * that the secret key fits, and leaves one read-only connection for the main thread. It must not be used to
 * write after that; the writing thread does.
 */
import { chmodSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { type BetterSQLite3Database, drizzle } from 'drizzle-orm/better-sqlite3';
import { migrate } from 'drizzle-orm/better-sqlite3/migrator';
import { type Backup, backUp, backUpBeforeMigration } from './backups.ts';
import { migrationsFolder, pendingMigration, refuseForeign, unlock } from './recognise.ts';
import type { Secrets } from './secrets.ts';
import { StoreError } from './store-error.ts';

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
    migrate(drizzle(writing), { migrationsFolder: migrationsFolder() });
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

function openFile(dataDir: string, path: string): Database.Database {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    const isNew = !existsSync(path);
    const db = new Database(path, { timeout: BUSY_TIMEOUT_MS });
    // The write-ahead files inherit the mode.
    if (isNew) chmodSync(path, 0o600);
    return db;
  } catch (error) {
    throw explain(error, path);
  }
}

function explain(error: unknown, path: string): unknown {
  if (error instanceof StoreError) return error;
  const code = (error as { code?: string }).code ?? '';
  if (/^SQLITE_(NOTADB|CORRUPT)/.test(code)) {
    return new StoreError(`${path} is damaged or not a database: move it away or restore a backup.`, {
      cause: error,
    });
  }
  if (/^SQLITE_(BUSY|LOCKED)/.test(code)) {
    return new StoreError(`${path} is locked by another process: stop that process and start again.`, {
      cause: error,
    });
  }
  if (/^SQLITE_|^E[A-Z]+$/.test(code)) {
    return new StoreError(
      `${path} cannot be opened (${code}): check that the directory exists, has space and can be written.`,
      { cause: error },
    );
  }
  return error;
}
