/**
 * Opens the database file: makes the data directory, refuses what is not ours, runs the migrations, checks
 * that the secret key fits, and leaves one read-only connection for the main thread. It must not be used to
 * write after that; the writing thread does.
 */
import { chmodSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { type BetterSQLite3Database, drizzle } from 'drizzle-orm/better-sqlite3';
import { migrate } from 'drizzle-orm/better-sqlite3/migrator';
import { loadSecretKey, type Secrets, secretsFrom } from './secrets.ts';
import { StoreError } from './store-error.ts';

export type Reads = BetterSQLite3Database;

export interface OpenDatabase {
  readonly path: string;
  readonly secrets: Secrets;
  readonly reads: Reads;
  close(): void;
}

const CHECK_KEY = 'secret_check';
const CHECK_TEXT = 'respool';
const BUSY_TIMEOUT_MS = 5000;

/** From `src/store/*.ts` in development, from `dist/*.js` in the bundle: the folder beside either. */
function migrationsFolder(): string {
  const toRoot = import.meta.url.endsWith('.ts') ? '../../migrations' : '../migrations';
  return fileURLToPath(new URL(toRoot, import.meta.url));
}

/** Throws `StoreError` with one sentence and the next step; in that case nothing on disk was replaced. */
export function openDatabase(dataDir: string, secretKey: string | undefined): OpenDatabase {
  const path = join(dataDir, 'respool.db');
  const writing = openFile(dataDir, path);
  try {
    refuseForeign(writing, path);
    writing.pragma('journal_mode = WAL');
    migrate(drizzle(writing), { migrationsFolder: migrationsFolder() });
    const secrets = unlock(writing, dataDir, secretKey);
    const reading = new Database(path, { readonly: true, timeout: BUSY_TIMEOUT_MS });
    return { path, secrets, reads: drizzle(reading), close: () => reading.close() };
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

/** A file of a later version, or of another program, is left as it is. */
function refuseForeign(db: Database.Database, path: string): void {
  const tables = db.prepare("select name from sqlite_master where type = 'table'").pluck().all() as string[];
  if (tables.length === 0) return;
  if (!tables.includes('__drizzle_migrations')) {
    throw new StoreError(
      `${path} is not a respool database: move it away or set RESPOOL_DATA_DIR to another directory.`,
    );
  }
  const journal = JSON.parse(readFileSync(join(migrationsFolder(), 'meta/_journal.json'), 'utf8')) as {
    entries: { when: number }[];
  };
  const known = Math.max(...journal.entries.map((entry) => entry.when));
  const applied = db.prepare('select max(created_at) from __drizzle_migrations').pluck().get() as
    | number
    | null;
  if (Number(applied ?? 0) > known) {
    throw new StoreError(
      `${path} was written by a newer version of respool: start that version, or restore a backup made before the upgrade.`,
    );
  }
}

/** Loads the key and opens the check value with it; the first start writes that value. */
function unlock(db: Database.Database, dataDir: string, secretKey: string | undefined): Secrets {
  const check = db.prepare('select value from setting where key = ?').pluck().get(CHECK_KEY) as
    | string
    | undefined;
  const secrets = secretsFrom(loadSecretKey(dataDir, secretKey, check === undefined ? 'fresh' : 'sealed'));
  if (check === undefined) {
    const sealed = secrets.seal(Buffer.from(CHECK_TEXT), CHECK_KEY).toString('base64');
    db.prepare('insert into setting (key, value) values (?, ?)').run(CHECK_KEY, sealed);
    return secrets;
  }
  try {
    secrets.open(Buffer.from(check, 'base64'), CHECK_KEY);
  } catch (cause) {
    throw new StoreError(
      'The secret key does not fit this database: use the key it was created with (secret.key or RESPOOL_SECRET_KEY).',
      { cause },
    );
  }
  return secrets;
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
