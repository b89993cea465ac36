import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryStore } from '../../../test/support/temporary-store.ts';
import type { AccountDraft } from '../../domain/account.ts';
import type { AccountId } from '../../domain/ids.ts';
import { openStore } from '../store.ts';

const DRAFT: AccountDraft = {
  name: 'first',
  kind: 'chatgpt',
  identity: 'upstream-account-1',
  email: 'someone@example.test',
  plan: 'plus',
  proxy: 'http://user:hidden@proxy.test',
  credentials: { kind: 'chatgpt', accessToken: 'very secret token', accessExpiresAt: 5 },
};

test('an account comes back with its login opened, and rests sealed', async () => {
  await using temporary = await temporaryStore();
  const { row, outcome } = await temporary.store.accounts.upsert(DRAFT);
  const { identity: _identity, ...login } = DRAFT;
  expect(outcome).toBe('created');
  expect(row).toMatchObject({
    ...login,
    priority: 0,
    maxUsedPercent: 100,
    transport: 'auto',
    status: 'ready',
  });
  const { accounts } = await temporary.reopen();
  expect(accounts.all()).toEqual([row]);
  const file = readFileSync(join(temporary.dataDir, 'respool.db'));
  for (const text of ['very secret', 'someone@', 'hidden@', 'upstream-account-1']) {
    expect(file.includes(text)).toBe(false);
  }
});

test('the same login again updates its account and makes it ready', async () => {
  await using temporary = await temporaryStore();
  const first = await temporary.store.accounts.upsert({ ...DRAFT, priority: 3 });
  await temporary.store.accounts.patch(first.row.id, { status: 'needs_login', statusReason: 'expired' });
  const { accounts } = await temporary.reopen();
  const again = await accounts.upsert({
    ...DRAFT,
    name: 'again',
    credentials: { kind: 'chatgpt', accessToken: 'new' },
  });
  expect(again.outcome).toBe('updated');
  expect(again.row).toMatchObject({
    id: first.row.id,
    name: 'again',
    priority: 3,
    status: 'ready',
    statusReason: undefined,
    credentials: { kind: 'chatgpt', accessToken: 'new' },
  });
  const other = await accounts.upsert({ ...DRAFT, kind: 'api_key' });
  expect(other.outcome).toBe('created');
});

test('two imports of one login at the same time make one account', async () => {
  await using temporary = await temporaryStore();
  const [one, two] = await Promise.all([1, 2].map(() => temporary.store.accounts.upsert(DRAFT)));
  expect(one?.row.id).toBe(two?.row.id);
  expect((await temporary.reopen()).accounts.all()).toHaveLength(1);
});

test('changed fields, windows and refused models come back', async () => {
  await using temporary = await temporaryStore({ now: () => 1000 });
  const { row } = await temporary.store.accounts.upsert(DRAFT);
  const { accounts } = temporary.store;
  await accounts.patch(row.id, { paused: true, status: 'cooling', availableAt: 9, maxUsedPercent: 90.5 });
  await accounts.saveWindows(row.id, [
    { name: '5h', usedPercent: 12.5, windowMinutes: 300, resetsAt: 7000, seenAt: 1 },
    { name: 'weekly', usedPercent: 50, seenAt: 1 },
  ]);
  await accounts.saveWindows(row.id, [{ name: '5h', usedPercent: 13, seenAt: 2 }]);
  await accounts.blockModel(row.id, { model: 'big', untilAt: 5000, reason: 'plan' });
  await accounts.blockModel(row.id, { model: 'small', untilAt: 5000, reason: 'plan' });
  await accounts.blockModel(row.id, { model: 'small', untilAt: 0, reason: 'plan' });
  const before = accounts.get(row.id);
  expect(before).toMatchObject({ paused: true, status: 'cooling', availableAt: 9, maxUsedPercent: 90.5 });
  expect(before?.modelBlocks).toEqual([{ model: 'big', untilAt: 5000, reason: 'plan' }]);
  await temporary.store.sweep();
  const after = (await temporary.reopen()).accounts.get(row.id);
  const byName = (windows = before?.windows) => windows?.toSorted((a, b) => a.name.localeCompare(b.name));
  expect(byName(after?.windows)).toEqual(byName());
  expect({ ...after, windows: [] }).toEqual({ ...before, windows: [] });
});

test('a removed account is gone, and what is reported late about it changes nothing', async () => {
  await using temporary = await temporaryStore();
  const { accounts, writer } = temporary.store;
  const { row } = await accounts.upsert(DRAFT);
  const late = accounts.saveWindows(row.id, [{ name: '5h', usedPercent: 1, seenAt: 1 }]);
  expect(await accounts.remove(row.id)).toBe('removed');
  await late;
  expect(await accounts.remove(row.id)).toBe('unknown');
  expect(await accounts.patch(row.id, { paused: true })).toBeUndefined();
  expect(writer.dropped).toBe(0);
  expect((await temporary.reopen()).accounts.all()).toEqual([]);
});

test('a token written after a state is not lost when the state is committed later', async () => {
  await using temporary = await temporaryStore();
  const { accounts } = temporary.store;
  const { row } = await accounts.upsert(DRAFT);
  // Tokens overtake states in the queue.
  await Promise.all([
    accounts.patch(row.id, { lastUsedAt: 5 }),
    accounts.patch(row.id, { credentials: { kind: 'chatgpt', accessToken: 'rotated' } }),
  ]);
  const after = (await temporary.reopen()).accounts.get(row.id as AccountId);
  expect(after).toMatchObject({ lastUsedAt: 5, credentials: { kind: 'chatgpt', accessToken: 'rotated' } });
});

test('a watcher hears of every change of an account', async () => {
  await using temporary = await temporaryStore();
  const { accounts } = temporary.store;
  const heard: AccountId[] = [];
  accounts.watch((id) => heard.push(id));
  const { row } = await accounts.upsert(DRAFT);
  await accounts.patch(row.id, { status: 'suspended' });
  await accounts.saveWindows(row.id, [{ name: '5h', usedPercent: 1, seenAt: 1 }]);
  await accounts.blockModel(row.id, { model: 'm', untilAt: Number.MAX_SAFE_INTEGER, reason: 'plan' });
  await accounts.remove(row.id);
  expect(heard).toEqual(Array(5).fill(row.id));
});

test('a change writes its own fields only, whatever another process has written into the others', async () => {
  await using temporary = await temporaryStore();
  const { row } = await temporary.store.accounts.upsert(DRAFT);
  const other = await openStore({ dataDir: temporary.dataDir, transcripts: 'off', retentionDays: 30 });
  const { accounts } = temporary.store;
  await accounts.patch(row.id, { paused: true, name: 'renamed', status: 'exhausted', availableAt: 9 });
  await accounts.patch(row.id, {
    credentials: { kind: 'chatgpt', accessToken: 'rotated' },
    proxy: undefined,
  });
  await other.accounts.patch(row.id, { priority: 5, lastUsedAt: 7 });
  await other.accounts.patch(row.id, { plan: 'pro', strikes: 2 });
  await other.close();
  expect((await temporary.reopen()).accounts.get(row.id)).toMatchObject({
    paused: true,
    name: 'renamed',
    proxy: undefined,
    status: 'exhausted',
    availableAt: 9,
    priority: 5,
    lastUsedAt: 7,
    plan: 'pro',
    strikes: 2,
    credentials: { kind: 'chatgpt', accessToken: 'rotated' },
    loginVersion: 2,
  });
});

test('a model that is free again leaves memory, too', async () => {
  let now = 1000;
  await using temporary = await temporaryStore({ now: () => now });
  const { accounts } = temporary.store;
  const { row } = await accounts.upsert(DRAFT);
  await accounts.blockModel(row.id, { model: 'm', untilAt: 2000, reason: 'plan' });
  await accounts.expire();
  expect(accounts.get(row.id)?.modelBlocks.length).toBe(1);
  now = 2000;
  await accounts.expire();
  expect(accounts.get(row.id)?.modelBlocks).toEqual([]);
});
