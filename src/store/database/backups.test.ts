import { existsSync, readdirSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { temporaryStore } from '../../../test/support/temporary-store.ts';
import { StoreError } from '../store-error.ts';
import { checkDatabase, restoreDatabase } from './backups.ts';

const DRAFT = {
  name: 'first',
  kind: 'api_key',
  identity: 'x',
  credentials: { kind: 'api_key', apiKey: 'sk' },
} as const;

test('a copy made beside a running server is whole, private and restored with everything in it', async () => {
  await using temporary = await temporaryStore();
  const { dataDir } = temporary;
  await temporary.store.accounts.upsert(DRAFT);
  const { file, bytes } = await temporary.store.backUp();
  expect(bytes).toBe(statSync(file).size);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(checkDatabase(file, dataDir, undefined)).toMatchObject({ problems: [], counts: { account: 1 } });
  const [row] = temporary.store.accounts.all();
  if (row !== undefined) await temporary.store.accounts.remove(row.id);
  await temporary.store.close();
  const kept = restoreDatabase(file, dataDir, new Date(0));
  expect(kept).toContain('before-restore-1970');
  expect(existsSync(kept ?? '')).toBe(true);
  const { accounts } = await temporary.reopen();
  expect(accounts.all().map((account) => account.name)).toEqual(['first']);
});

test('a file that is damaged, foreign, or sealed with another key is refused', async () => {
  await using temporary = await temporaryStore();
  const { dataDir } = temporary;
  const { file } = await temporary.store.backUp();
  const other = Buffer.alloc(32, 7).toString('base64');
  expect(() => checkDatabase(file, dataDir, other)).toThrow(/secret key does not fit/);
  const foreign = join(dataDir, 'foreign.db');
  const db = new Database(foreign);
  db.exec('create table t (x)');
  db.close();
  expect(() => checkDatabase(foreign, dataDir, undefined)).toThrow(/not a respool database/);
  writeFileSync(join(dataDir, 'garbage.db'), 'garbage '.repeat(1000));
  expect(() => checkDatabase(join(dataDir, 'garbage.db'), dataDir, undefined)).toThrow(StoreError);
  truncateSync(file, 5000);
  expect(() => checkDatabase(file, dataDir, undefined)).toThrow(StoreError);
});

test('a database is copied before it is migrated, and not otherwise', async () => {
  await using temporary = await temporaryStore();
  const { dataDir } = temporary;
  await temporary.reopen();
  expect(existsSync(join(dataDir, 'backups'))).toBe(false);
  await temporary.store.close();
  const db = new Database(join(dataDir, 'respool.db'));
  // As if the newest migration had not been applied yet.
  db.exec(
    'drop table account_binding; alter table request drop column bound; delete from __drizzle_migrations where created_at = (select max(created_at) from __drizzle_migrations)',
  );
  db.close();
  await temporary.reopen();
  expect(readdirSync(join(dataDir, 'backups'))).toEqual([
    expect.stringMatching(/^respool-.*-before-0003_.*\.db$/),
  ]);
});
