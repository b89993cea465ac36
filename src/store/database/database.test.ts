import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { temporaryStore } from '../../../test/support/temporary-store.ts';
import { StoreError } from '../store-error.ts';

/** A closed, empty store's directory. */
async function closedStore() {
  const temporary = await temporaryStore();
  await temporary.store.close();
  return { ...temporary, path: join(temporary.dataDir, 'respool.db') };
}

test('the data directory and its files are readable by their owner only', async () => {
  await using temporary = await temporaryStore();
  const token = temporary.store.adminToken();
  const mode = (name: string) => statSync(join(temporary.dataDir, name)).mode & 0o777;
  expect(['', 'respool.db', 'secret.key', 'admin-token'].map(mode)).toEqual([0o700, 0o600, 0o600, 0o600]);
  expect(temporary.store.adminToken()).toBe(token);
  expect(temporary.store.adminToken('given')).toBe('given');
});

test('a wrong secret key stops the start and leaves the database usable with the right one', async () => {
  await using temporary = await closedStore();
  const wrong = randomBytes(32).toString('base64');
  await expect(temporary.reopen({ secretKey: wrong })).rejects.toThrow(/secret key does not fit/);
  await expect(temporary.reopen()).resolves.toBeDefined();
});

test('a lost secret key is not replaced by a new one', async () => {
  await using temporary = await closedStore();
  const path = join(temporary.dataDir, 'secret.key');
  const key = readFileSync(path, 'utf8');
  rmSync(path);
  await expect(temporary.reopen()).rejects.toThrow(/secret\.key is missing.*put the file back/);
  await expect(temporary.reopen({ secretKey: key })).resolves.toBeDefined();
});

test('a file that is no database is refused and left as it is', async () => {
  await using temporary = await closedStore();
  const original = readFileSync(temporary.path);
  const garbage = Buffer.alloc(8192, 'not a database ');
  writeFileSync(temporary.path, garbage);
  await expect(temporary.reopen()).rejects.toThrow(StoreError);
  await expect(temporary.reopen()).rejects.toThrow(/damaged or not a database/);
  expect(readFileSync(temporary.path)).toEqual(garbage);
  writeFileSync(temporary.path, original);
  await expect(temporary.reopen()).resolves.toBeDefined();
});

test('the database of another program is refused and left as it is', async () => {
  await using temporary = await closedStore();
  rmSync(temporary.path);
  const other = new Database(temporary.path);
  other.exec('create table song (title text)');
  other.close();
  const before = readFileSync(temporary.path);
  await expect(temporary.reopen()).rejects.toThrow(/not a respool database/);
  expect(readFileSync(temporary.path)).toEqual(before);
});

test('a database of a newer version is refused and left as it is', async () => {
  await using temporary = await closedStore();
  const newer = new Database(temporary.path);
  newer.prepare('insert into __drizzle_migrations (hash, created_at) values (?, ?)').run('later', 9e15);
  newer.pragma('wal_checkpoint(TRUNCATE)');
  newer.close();
  const before = readFileSync(temporary.path);
  await expect(temporary.reopen()).rejects.toThrow(/newer version/);
  expect(readFileSync(temporary.path)).toEqual(before);
});

test('a path that cannot be opened is named in one sentence', async () => {
  await using temporary = await closedStore();
  rmSync(temporary.path);
  mkdirSync(temporary.path);
  await expect(temporary.reopen()).rejects.toThrow(/respool\.db cannot be opened/);
});
