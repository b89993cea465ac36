import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, test, vi } from 'vitest';
import {
  lockDatabase,
  type TemporaryStore,
  temporaryStore,
  transcriptNode,
  turnOf,
} from '../../../test/support/temporary-store.ts';
import type { ResponseId } from '../../domain/ids.ts';
import { LOCAL } from '../../domain/ids.ts';
import type { Store } from '../store.ts';

const id = (text: string) => text as ResponseId;
const node = (name: string, parent?: string) =>
  transcriptNode(name, { parent: parent === undefined ? undefined : id(parent) });
const idsOf = (store: Store, name: string) =>
  store.transcripts.walk(LOCAL, id(name))?.map((found) => found.responseId);

async function commit(store: Store, ...nodes: readonly ReturnType<typeof node>[]): Promise<void> {
  await Promise.all(nodes.map((each) => store.commitTurn(turnOf(each))));
}

/** What is on disk, looked at without using it. */
function onDisk(dataDir: string) {
  using db = disposable(new Database(join(dataDir, 'respool.db'), { readonly: true }));
  const trees = db.prepare('select root_id, bytes from transcript_tree order by root_id').all();
  return (trees as { root_id: string; bytes: number }[]).map((tree) => ({
    name: tree.root_id,
    bytes: tree.bytes,
  }));
}

const disposable = (db: Database.Database) => Object.assign(db, { [Symbol.dispose]: () => void db.close() });

/** Conversations of two turns, the first one used longest ago, where the disk takes so many of them. */
async function conversations(count: number, fitting: number) {
  let now = 1_700_000_000_000;
  const fill = async ({ store }: TemporaryStore) => {
    for (let n = 0; n < count; n += 1) {
      now += 1;
      await commit(store, node(`root ${n}`), node(`leaf ${n}`, `root ${n}`));
    }
  };
  await using measured = await temporaryStore();
  await commit(measured.store, node('root 0'), node('leaf 0', 'root 0'));
  const [one] = onDisk(measured.dataDir);
  const diskBytes = Math.ceil(fitting * (one?.bytes ?? 0));
  const temporary = await temporaryStore({ now: () => now, diskBytes });
  await fill(temporary);
  const left = () => onDisk(temporary.dataDir).map(({ name }) => name.replace('root ', ''));
  return { temporary, left, later: () => (now += 1) };
}

test('no more conversations are evicted than needed, and nothing in memory pretends that they are there', async () => {
  const { temporary, left } = await conversations(10, 8.5);
  await using _ = temporary;
  await temporary.store.sweep();
  const { transcripts } = temporary.store;
  expect(transcripts.tip(LOCAL, id('leaf 1'))).toBeUndefined();
  expect(transcripts.findByChain(LOCAL, node('leaf 1').chain)).toBeUndefined();
  expect(transcripts.findItem(LOCAL, 'item of leaf 1')).toBeUndefined();
  expect(left()).toEqual(['2', '3', '4', '5', '6', '7', '8', '9']);
  expect(idsOf(temporary.store, 'leaf 2')).toEqual(['root 2', 'leaf 2']);
});

test('a conversation in use is never evicted, and what its turn adds finds it whole', async () => {
  const { temporary, left, later } = await conversations(6, 3.5);
  await using _ = temporary;
  const { store } = temporary;
  {
    using _first = store.transcripts.lease(LOCAL, id('leaf 0'));
    using second = store.transcripts.lease(LOCAL, id('leaf 0'));
    second[Symbol.dispose]();
    await store.transcripts.writeTouches();
    // Used later than the one whose turn has been running for so long.
    for (const name of ['leaf 4', 'leaf 5']) expect(later() && idsOf(store, name)).toBeDefined();
    for (const name of ['leaf 1', 'leaf 2', 'leaf 3']) expect(later() && idsOf(store, name)).toBeDefined();
    await store.sweep();
    expect(left()).toEqual(['0', '2', '3']);
    await commit(store, node('branch', 'leaf 0'));
  }
  expect(idsOf(store, 'branch')).toEqual(['root 0', 'leaf 0', 'branch']);
  expect(store.transcripts.tip(LOCAL, id('branch'))?.responseId).toBe('branch');
});

test('with every conversation in use the bound is passed, and held again when they are over', async () => {
  const { temporary, left } = await conversations(3, 0);
  await using _ = temporary;
  const { store } = temporary;
  {
    using leases = new DisposableStack();
    for (const name of ['root 0', 'leaf 1', 'leaf 2']) leases.use(store.transcripts.lease(LOCAL, id(name)));
    await store.sweep();
    expect(left()).toEqual(['0', '1', '2']);
  }
  await store.sweep();
  expect(left()).toEqual([]);
});

test('while a conversation is being removed nobody finds it any more', async () => {
  const { temporary, left } = await conversations(2, 0);
  await using _ = temporary;
  const { transcripts } = await temporary.reopen();
  let evicted: Promise<void>;
  {
    using _held = lockDatabase(temporary.dataDir);
    evicted = transcripts.evict();
    // A look at the turn itself would be a use of it.
    const found = () => transcripts.findByChain(LOCAL, node('leaf 0').chain);
    await vi.waitFor(() => expect(found()).toBeUndefined());
    expect(transcripts.tip(LOCAL, id('leaf 0'))).toBeUndefined();
    expect(left()).toEqual(['0', '1']);
  }
  await evicted;
  expect(left()).toEqual([]);
});

test.each(['disk', 'memory'] as const)(
  'in mode %s a turn after a history that is gone is kept, with its successors, and never taken for whole',
  async (mode) => {
    await using temporary = await temporaryStore({ transcripts: mode });
    await commit(temporary.store, node('r5', 'gone'));
    await commit(temporary.store, node('r6', 'r5'), node('r7', 'r6'));
    const check = ({ transcripts }: Store) => {
      for (const name of ['r5', 'r6', 'r7']) {
        expect(transcripts.get(LOCAL, id(name))?.responseId).toBe(name);
        expect(transcripts.tip(LOCAL, id(name))).toBeUndefined();
        expect(transcripts.walk(LOCAL, id(name))).toBeUndefined();
      }
    };
    check(temporary.store);
    // The client uploads everything once more: from there on the conversation is whole again.
    await commit(temporary.store, node('r8'), node('r9', 'r8'));
    expect(idsOf(temporary.store, 'r9')).toEqual(['r8', 'r9']);
    if (mode === 'disk') check(await temporary.reopen());
  },
);

test('turns after a history that is gone are evicted together, as one conversation', async () => {
  let now = 1_700_000_000_000;
  await using temporary = await temporaryStore({ now: () => now });
  await commit(temporary.store, node('r5', 'gone'));
  await commit(temporary.store, node('r6', 'r5'));
  now += 47 * 3_600_000;
  await commit(temporary.store, node('r7', 'r6'));
  now += 47 * 3_600_000;
  await temporary.store.sweep();
  expect(temporary.store.transcripts.get(LOCAL, id('r5'))).toBeDefined();
  now += 48 * 3_600_000 + 1;
  await temporary.store.sweep();
  const store = await temporary.reopen();
  expect(['r5', 'r6', 'r7'].map((name) => store.transcripts.get(LOCAL, id(name)))).toEqual(
    Array(3).fill(undefined),
  );
});

test('in memory a conversation in use outlives any other, from its beginning', async () => {
  await using temporary = await temporaryStore({ transcripts: 'memory', cacheBytes: 16_000 });
  const { store } = temporary;
  await commit(store, node('root'), node('leaf', 'root'));
  {
    using _lease = store.transcripts.lease(LOCAL, id('leaf'));
    for (let n = 0; n < 40; n += 1) await commit(store, node(`other ${n}`));
    await commit(store, node('branch', 'leaf'));
  }
  expect(idsOf(store, 'branch')).toEqual(['root', 'leaf', 'branch']);
  expect(store.transcripts.itemOwner(LOCAL, 'item of root')).toBe('account');
});

test('a conversation unused for two days goes as a whole, a used one stays as a whole', async () => {
  let now = 1_700_000_000_000;
  await using temporary = await temporaryStore({ now: () => now });
  await commit(temporary.store, node('a1'), node('a2', 'a1'), node('a3', 'a1'), node('b1'), node('b2', 'b1'));
  now += 47 * 3_600_000;
  expect(idsOf(temporary.store, 'a3')).toEqual(['a1', 'a3']);
  now += 2 * 3_600_000;
  await temporary.store.sweep();
  const store = await temporary.reopen();
  expect(idsOf(store, 'a2')).toEqual(['a1', 'a2']);
  expect(store.transcripts.get(LOCAL, id('b1'))).toBeUndefined();
  expect(store.transcripts.get(LOCAL, id('b2'))).toBeUndefined();
  expect(store.transcripts.itemOwner(LOCAL, 'item of b2')).toBeUndefined();
});

test('over the bound on disk the least recently used conversations go first', async () => {
  let now = 1_700_000_000_000;
  await using temporary = await temporaryStore({ now: () => now, diskBytes: 10_000 });
  for (let n = 0; n < 100; n += 1) {
    now += 1;
    await commit(temporary.store, node(`root ${n}`), node(`leaf ${n}`, `root ${n}`));
  }
  now += 1;
  expect(idsOf(temporary.store, 'leaf 0')).toBeDefined();
  await temporary.store.sweep();
  const store = await temporary.reopen();
  expect(idsOf(store, 'leaf 0')).toEqual(['root 0', 'leaf 0']);
  expect(idsOf(store, 'leaf 99')).toEqual(['root 99', 'leaf 99']);
  expect(store.transcripts.get(LOCAL, id('root 1'))).toBeUndefined();
  expect(store.transcripts.get(LOCAL, id('leaf 1'))).toBeUndefined();
});
