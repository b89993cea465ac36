import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryStore } from '../../test/support/temporary-store.ts';
import type { AccountId, Tenant } from '../domain/ids.ts';
import { openStore } from './store.ts';

test('a new key is found by its text, now and after a reopening, and the text is not kept', async () => {
  await using temporary = await temporaryStore();
  const limits = { requestsPerMinute: 5, tokensPerDay: 100, concurrentTurns: 2 };
  const draft = { name: 'laptop', models: ['m'], accounts: ['acc_1' as AccountId], limits };
  const { text, key } = await temporary.store.keys.create(draft);
  expect(text).toMatch(/^rsp_[0-9A-Za-z]{38}$/);
  expect(key).toMatchObject(draft);
  expect(temporary.store.keys.find(text)).toEqual(key);
  const { keys } = await temporary.reopen();
  expect(keys.find(text)).toEqual(key);
  expect(keys.list()).toEqual([key]);
  expect(readFileSync(join(temporary.dataDir, 'respool.db')).includes(text)).toBe(false);
});

test('a mistyped, cut or foreign key is not found', async () => {
  await using temporary = await temporaryStore();
  await using other = await temporaryStore();
  const { text } = await temporary.store.keys.create({ name: 'k' });
  const foreign = (await other.store.keys.create({ name: 'k' })).text;
  const mistyped = text.slice(0, -1) + (text.endsWith('0') ? '1' : '0');
  for (const wrong of [mistyped, text.slice(0, -1), `${text}0`, foreign, '', 'sk-something']) {
    expect(temporary.store.keys.find(wrong)).toBeUndefined();
  }
});

test('a revoked key is refused from the same moment on and stays listed', async () => {
  await using temporary = await temporaryStore();
  const { text, key } = await temporary.store.keys.create({ name: 'k' });
  const revoked = temporary.store.keys.revoke(key.id);
  expect(temporary.store.keys.find(text)).toBeUndefined();
  await revoked;
  const { keys } = await temporary.reopen();
  expect(keys.find(text)).toBeUndefined();
  expect(keys.list().map((each) => typeof each.revokedAt)).toEqual(['number']);
  expect(await keys.revoke('key_unknown' as Tenant)).toBeUndefined();
});

test('a key ends at its instant, and a change moves it', async () => {
  let now = 1000;
  await using temporary = await temporaryStore({ now: () => now });
  const { text, key } = await temporary.store.keys.create({ name: 'k', expiresAt: 2000 });
  expect(temporary.store.keys.find(text)).toBeDefined();
  now = 2000;
  expect(temporary.store.keys.find(text)).toBeUndefined();
  await temporary.store.keys.patch(key.id, { expiresAt: undefined, name: 'renamed' });
  const { keys } = await temporary.reopen();
  expect(keys.find(text)).toMatchObject({ name: 'renamed', expiresAt: undefined });
});

test('a key that one process has revoked stays so when another changes it', async () => {
  await using temporary = await temporaryStore();
  const { text, key } = await temporary.store.keys.create({ name: 'k', models: ['m'] });
  const other = await openStore({ dataDir: temporary.dataDir, transcripts: 'off', retentionDays: 30 });
  await temporary.store.keys.revoke(key.id);
  await temporary.store.keys.patch(key.id, { models: ['n'] });
  await other.keys.patch(key.id, { name: 'renamed', limits: { concurrentTurns: 1 } });
  await other.close();
  const { keys } = await temporary.reopen();
  expect(keys.find(text)).toBeUndefined();
  expect(keys.get(key.id)).toMatchObject({
    name: 'renamed',
    models: ['n'],
    limits: { concurrentTurns: 1 },
    revokedAt: expect.any(Number),
  });
});

test('settings keep JSON values over a reopening', async () => {
  await using temporary = await temporaryStore();
  await temporary.store.settings.set('notify', { url: 'u' });
  await temporary.store.settings.set('gone', 1);
  await temporary.store.settings.set('gone', undefined);
  const { settings } = await temporary.reopen();
  expect(settings.all()).toEqual({ notify: { url: 'u' } });
  expect(settings.get('notify')).toEqual({ url: 'u' });
});
