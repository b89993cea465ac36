/**
 * Copies of the database: made beside a running server or before a migration, looked through, and put back. A copy
 * is whole or it is not there, and nothing that exists is ever overwritten.
 */
import { chmodSync, copyFileSync, existsSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { StoreError } from '../store-error.ts';
import { makeDirectory } from './directory.ts';
import { refuseForeign, unlock } from './recognise.ts';

const MIGRATION_BACKUPS_KEPT = 5;

export interface Backup {
  readonly file: string;
  readonly bytes: number;
}

/** `respool-2026-01-31T12-00-00-000Z.db` in the folder `backups` of the data directory. */
export function backupPath(dataDir: string, now: Date, suffix = ''): string {
  const stamp = now.toISOString().replaceAll(/[:.]/g, '-');
  return join(dataDir, 'backups', `respool-${stamp}${suffix}.db`);
}

/** While others write: SQLite copies page by page and begins anew where it must. */
export async function backUp(source: Database.Database, file: string): Promise<Backup> {
  prepare(file);
  await source.backup(file);
  return settle(file);
}

/** The same in one go, for a start that waits for it. Older copies of this kind make room. */
export function backUpBeforeMigration(source: Database.Database, dataDir: string, tag: string): Backup {
  const file = backupPath(dataDir, new Date(), `-before-${tag}`);
  prepare(file);
  source.prepare('vacuum into ?').run(file);
  const folder = dirname(file);
  const old = readdirSync(folder)
    .filter((name) => name.includes('-before-'))
    .sort();
  for (const name of old.slice(0, -MIGRATION_BACKUPS_KEPT)) rmSync(join(folder, name));
  return settle(file);
}

function prepare(file: string): void {
  if (existsSync(file)) throw new StoreError(`${file} exists already: name another file.`);
  makeDirectory(dirname(file));
}

function settle(file: string): Backup {
  chmodSync(file, 0o600);
  const copy = new Database(file, { readonly: true });
  try {
    const found = copy.pragma('quick_check', { simple: true });
    if (found !== 'ok') throw new StoreError(`The copy ${file} is damaged: check the disk and try again.`);
  } finally {
    copy.close();
  }
  return { file, bytes: statSync(file).size };
}

export interface Checked {
  /** Sentences about what is wrong; empty: nothing is. */
  readonly problems: readonly string[];
  readonly counts: Readonly<Record<string, number>>;
}

const TABLES = ['account', 'api_key', 'request', 'transcript'];

/** Looks a database file through without changing it. Throws `StoreError` when it is none of ours. */
export function checkDatabase(file: string, dataDir: string, secretKey: string | undefined): Checked {
  if (!existsSync(file)) throw new StoreError(`${file} does not exist.`);
  const db = openQuietly(file);
  try {
    refuseForeign(db, file);
    const problems = (db.pragma('integrity_check', { simple: false }) as { integrity_check: string }[])
      .map((row) => row.integrity_check)
      .filter((found) => found !== 'ok');
    const dangling = (db.pragma('foreign_key_check') as unknown[]).length;
    if (dangling > 0) problems.push(`${dangling} rows refer to rows that are gone`);
    unlock(db, dataDir, secretKey, 'look');
    const count = (table: string) => db.prepare(`select count(*) from ${table}`).pluck().get() as number;
    return { problems, counts: Object.fromEntries(TABLES.map((table) => [table, count(table)])) };
  } catch (error) {
    if (error instanceof Database.SqliteError)
      throw new StoreError(`${file} is damaged (${error.code}).`, { cause: error });
    throw error;
  } finally {
    db.close();
  }
}

function openQuietly(file: string): Database.Database {
  try {
    return new Database(file, { readonly: true });
  } catch (cause) {
    throw new StoreError(`${file} cannot be opened as a database.`, { cause });
  }
}

/** Puts `file` in the place of the database, which is kept beside it under the name that is returned. */
export function restoreDatabase(file: string, dataDir: string, now: Date): string | undefined {
  const path = join(dataDir, 'respool.db');
  const kept = `${path}.before-restore-${now.toISOString().replaceAll(/[:.]/g, '-')}`;
  makeDirectory(dataDir);
  const arriving = `${path}.arriving`;
  copyFileSync(file, arriving);
  chmodSync(arriving, 0o600);
  const had = existsSync(path);
  // With the log of the old file beside it, SQLite would write old pages into the new one.
  for (const end of ['', '-wal', '-shm']) if (existsSync(path + end)) renameSync(path + end, kept + end);
  renameSync(arriving, path);
  return had ? kept : undefined;
}
