import { expect, test } from 'vitest';
import { requestRow, temporaryStore } from '../../test/support/temporary-store.ts';
import type { AccountId, Tenant } from '../domain/ids.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** The beginning of a day. */
const MIDNIGHT = 19_675 * DAY_MS;

const served = {
  tenant: 'key_1' as Tenant,
  accountId: 'acc_1' as AccountId,
  model: 'gpt-5.5',
  inputTokens: 100,
  cachedTokens: 40,
  outputTokens: 10,
  reasoningTokens: 5,
};

test('turns are summed up by hour, key, account and model', async () => {
  await using temporary = await temporaryStore();
  const { store } = temporary;
  const turns = [
    requestRow({ ...served, id: 'r1', at: MIDNIGHT + 1 }),
    requestRow({ ...served, id: 'r2', at: MIDNIGHT + HOUR_MS - 1, status: 'failed' }),
    requestRow({ ...served, id: 'r3', at: MIDNIGHT + HOUR_MS }),
    requestRow({ ...served, id: 'r4', at: MIDNIGHT + HOUR_MS, model: 'gpt-5.4' }),
  ];
  for (const row of turns) await store.commitTurn({ row, stored: false });
  const sums = store.usage.since(MIDNIGHT, HOUR_MS);
  expect(sums.map((sum) => [sum.at, sum.model, sum.turns, sum.failed, sum.inputTokens])).toEqual([
    [MIDNIGHT, 'gpt-5.5', 2, 1, 200],
    [MIDNIGHT + HOUR_MS, 'gpt-5.4', 1, 0, 100],
    [MIDNIGHT + HOUR_MS, 'gpt-5.5', 1, 0, 100],
  ]);
  expect(store.usage.since(MIDNIGHT, DAY_MS).map((sum) => [sum.model, sum.turns])).toEqual([
    ['gpt-5.4', 1],
    ['gpt-5.5', 3],
  ]);
  expect(store.usage.since(MIDNIGHT + DAY_MS, HOUR_MS)).toEqual([]);
});

test('a turn whose commit is sent twice is counted once', async () => {
  await using temporary = await temporaryStore();
  const { store } = temporary;
  const row = requestRow({ ...served, id: 'r1', at: MIDNIGHT });
  await store.commitTurn({ row, stored: false });
  await store.commitTurn({ row, stored: false });
  expect(store.usage.since(MIDNIGHT, HOUR_MS)).toMatchObject([{ turns: 1, outputTokens: 10 }]);
});

test('a turn that no account was asked for counts without one', async () => {
  await using temporary = await temporaryStore();
  const { store } = temporary;
  await store.commitTurn({ row: requestRow({ id: 'r1', at: MIDNIGHT, status: 'failed' }), stored: false });
  expect(store.usage.since(MIDNIGHT, HOUR_MS)).toMatchObject([{ accountId: '', model: '', failed: 1 }]);
});

test('sums that no range can reach any more are swept away', async () => {
  await using temporary = await temporaryStore({ now: () => MIDNIGHT + 40 * DAY_MS });
  const { store } = temporary;
  await store.commitTurn({ row: requestRow({ ...served, id: 'old', at: MIDNIGHT }), stored: false });
  await store.commitTurn({
    row: requestRow({ ...served, id: 'new', at: MIDNIGHT + 20 * DAY_MS }),
    stored: false,
  });
  await store.sweep();
  expect(store.usage.since(0, HOUR_MS).map((sum) => sum.at)).toEqual([MIDNIGHT + 20 * DAY_MS]);
});
