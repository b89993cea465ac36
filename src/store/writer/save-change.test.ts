import { expect, test } from 'vitest';
import {
  lockDatabase,
  temporaryStore,
  transcriptNode,
  turnOf,
} from '../../../test/support/temporary-store.ts';
import type { ResponseId } from '../../domain/ids.ts';
import { LOCAL } from '../../domain/ids.ts';
import type { StoreOptions } from '../store.ts';
import { StoreUnavailable } from '../store-error.ts';

/** A try takes longer than a change waits (`in_flight`), or is over long before (`queued`). */
const LIMITS = {
  queued: { patience: { withdrawAfterMs: 60, uncertainAfterMs: 60_000 }, busyTimeoutMs: 1 },
  in_flight: { patience: { withdrawAfterMs: 20, uncertainAfterMs: 60_000 }, busyTimeoutMs: 100 },
};
const R1 = 'r1' as ResponseId;

async function filledStore(limits: Partial<StoreOptions>) {
  const temporary = await temporaryStore();
  const { store } = temporary;
  const { row } = await store.accounts.upsert(draft('first'));
  await store.accounts.upsert(draft('second'));
  const { key, text } = await store.keys.create({ name: 'laptop' });
  await store.settings.set('notify', 'before');
  await store.commitTurn(turnOf(transcriptNode('r1')));
  await temporary.reopen(limits);
  // The first write also waits for the thread to start.
  await temporary.store.writer.write([]);
  return { temporary, account: row.id, key: key.id, text };
}

const draft = (name: string) =>
  ({ name, kind: 'api_key', identity: name, credentials: { kind: 'api_key', apiKey: name } }) as const;

test.each(['queued', 'in_flight'] as const)(
  'a change by hand that cannot be written (%s) is answered so, and has not happened, now or later',
  async (limits) => {
    const { temporary, account, key, text } = await filledStore(LIMITS[limits]);
    await using _ = temporary;
    const { store } = temporary;
    const state = () => ({
      accounts: temporary.store.accounts.all(),
      keys: temporary.store.keys.list(),
      settings: temporary.store.settings.all(),
      found: temporary.store.keys.find(text)?.id,
      owner: temporary.store.requests.ownerOf(LOCAL, R1),
      response: temporary.store.transcripts.get(LOCAL, R1)?.responseId,
    });
    const before = state();
    {
      using _held = lockDatabase(temporary.dataDir);
      const changes = [
        store.accounts.upsert(draft('third')),
        store.accounts.upsert({
          ...draft('first'),
          credentials: { kind: 'api_key', apiKey: 'again' },
          priority: 4,
        }),
        store.accounts.patch(account, { paused: true, name: 'renamed' }),
        store.accounts.remove(account),
        store.keys.create({ name: 'another' }),
        store.keys.patch(key, { name: 'renamed' }),
        store.keys.revoke(key),
        store.settings.set('notify', 'after'),
        store.settings.set('new', 1),
        store.forgetResponse(LOCAL, R1),
      ];
      expect(store.keys.find(text)).toBeUndefined();
      for (const outcome of await Promise.allSettled(changes)) {
        expect(outcome).toMatchObject({ status: 'rejected', reason: expect.any(StoreUnavailable) });
        if (outcome.status === 'rejected')
          expect(outcome.reason.message).toMatch(/nothing was changed.*free/);
      }
      expect(store.writer.pending).toBe(0);
    }
    expect(state()).toEqual(before);
    await temporary.reopen();
    expect(state()).toEqual(before);
  },
);

test('what somebody else has changed meanwhile is not taken back', async () => {
  const { temporary, account } = await filledStore(LIMITS.queued);
  await using _ = temporary;
  const { accounts } = temporary.store;
  {
    using _held = lockDatabase(temporary.dataDir);
    const failing = accounts.patch(account, { paused: true, priority: 3 });
    void accounts.patch(account, { status: 'exhausted' });
    await expect(failing).rejects.toThrow(StoreUnavailable);
  }
  const expected = { paused: false, priority: 0, status: 'exhausted' };
  expect(accounts.get(account)).toMatchObject(expected);
  expect((await temporary.reopen()).accounts.get(account)).toMatchObject(expected);
});

test('a change that the database keeps without a word is called uncertain, and settles later', async () => {
  const patience = { withdrawAfterMs: 10, uncertainAfterMs: 20 };
  const { temporary, key } = await filledStore({ patience, busyTimeoutMs: 60_000 });
  await using _ = temporary;
  const { keys } = temporary.store;
  {
    using _held = lockDatabase(temporary.dataDir);
    await expect(keys.patch(key, { name: 'after' })).rejects.toThrow(/not known whether this was saved/);
    expect(keys.get(key)?.name).toBe('after');
  }
  await temporary.store.writer.flush();
  expect((await temporary.reopen()).keys.get(key)?.name).toBe('after');
});

test('a renewed login waits for the database as long as it takes', async () => {
  const { temporary, account } = await filledStore(LIMITS.queued);
  await using _ = temporary;
  const { store } = temporary;
  expect(await store.accounts.beginRenewal(account, 1)).toBe('begun');
  let stored: Promise<unknown>;
  {
    using _held = lockDatabase(temporary.dataDir);
    stored = store.accounts.finishRenewal(account, 1, { kind: 'api_key', apiKey: 'renewed' });
    await expect(store.accounts.patch(account, { paused: true })).rejects.toThrow(StoreUnavailable);
    expect(store.writer).toMatchObject({ pending: 1, dropped: 0 });
  }
  expect(await stored).toBe('stored');
  expect((await temporary.reopen()).accounts.get(account)).toMatchObject({
    credentials: { kind: 'api_key', apiKey: 'renewed' },
    paused: false,
  });
});

test('what the database refuses for good is no matter of waiting', async () => {
  const { temporary, key } = await filledStore({});
  await using _ = temporary;
  const { keys } = temporary.store;
  const failure = keys.patch(key, { name: undefined as unknown as string });
  await expect(failure).rejects.toThrow(/refuses this change \(SQLITE_CONSTRAINT/);
  await expect(failure).rejects.not.toThrow(StoreUnavailable);
  expect(keys.get(key)?.name).toBe('laptop');
});
