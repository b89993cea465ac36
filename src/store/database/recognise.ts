/**
 * What a database file is: ours or another's, of which version, and whether the secret key opens it. Changes
 * nothing but the check value of a new one.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type Database from 'better-sqlite3';
import { loadSecretKey, type Secrets, secretsFrom } from '../secrets/secrets.ts';
import { StoreError } from '../store-error.ts';

const CHECK_KEY = 'secret_check';
const CHECK_TEXT = 'respool';

/** The repository's own in development; the bundle has a copy beside it, so that `dist` is all it needs. */
export function migrationsFolder(): string {
  const folder = import.meta.url.endsWith('.ts') ? '../../../migrations' : './migrations';
  return fileURLToPath(new URL(folder, import.meta.url));
}

/** A file of a later version, or of another program, is left as it is. */
export function refuseForeign(db: Database.Database, path: string): void {
  const tables = db.prepare("select name from sqlite_master where type = 'table'").pluck().all() as string[];
  if (tables.length === 0) return;
  if (!tables.includes('__drizzle_migrations')) {
    throw new StoreError(
      `${path} is not a respool database: move it away or set RESPOOL_DATA_DIR to another directory.`,
    );
  }
  const known = Math.max(...journal().map((entry) => entry.when));
  const applied = db.prepare('select max(created_at) from __drizzle_migrations').pluck().get() as
    | number
    | null;
  if (Number(applied ?? 0) > known) {
    throw new StoreError(
      `${path} was written by a newer version of respool: start that version, or restore a backup made before the upgrade.`,
    );
  }
}

/** The newest migration that an existing database lacks; undefined for a new one, or when there is none. */
export function pendingMigration(db: Database.Database): string | undefined {
  const tables = db.prepare("select count(*) from sqlite_master where name = '__drizzle_migrations'");
  if (tables.pluck().get() === 0) return undefined;
  const applied = Number(db.prepare('select max(created_at) from __drizzle_migrations').pluck().get() ?? 0);
  const newest = journal().at(-1);
  return newest !== undefined && newest.when > applied ? newest.tag : undefined;
}

function journal(): readonly { readonly when: number; readonly tag: string }[] {
  const text = readFileSync(join(migrationsFolder(), 'meta/_journal.json'), 'utf8');
  return (JSON.parse(text) as { entries: { when: number; tag: string }[] }).entries;
}

/** Loads the key and opens the check value with it; the first start writes that value. */
export function unlock(
  db: Database.Database,
  dataDir: string,
  secretKey: string | undefined,
  purpose: 'use' | 'look' = 'use',
): Secrets {
  const check = db.prepare('select value from setting where key = ?').pluck().get(CHECK_KEY) as
    | string
    | undefined;
  const secrets = secretsFrom(
    loadSecretKey(dataDir, secretKey, check === undefined && purpose === 'use' ? 'fresh' : 'sealed'),
  );
  if (check === undefined) {
    if (purpose === 'look') return secrets;
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
