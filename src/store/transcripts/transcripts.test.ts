import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { temporaryStore, transcriptNode, turnOf } from '../../../test/support/temporary-store.ts';
import type { AccountId, ResponseId, Tenant } from '../../domain/ids.ts';
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

test.each(['disk', 'memory'] as const)(
  'in %s mode a turn is visible before its commit',
  async (transcripts) => {
    await using temporary = await temporaryStore({ transcripts });
    const first = node('r1');
    const committed = temporary.store.commitTurn(turnOf(first));
    expect(temporary.store.transcripts.get(LOCAL, id('r1'))).toMatchObject(first);
    expect(temporary.store.transcripts.findByChain(LOCAL, first.chain)).toBe('r1');
    expect(temporary.store.transcripts.findItem(LOCAL, 'item of r1')?.node).toMatchObject(first);
    expect(temporary.store.transcripts.itemOwner(LOCAL, 'item of r1')).toBe('account');
    await committed;
  },
);

test.each(['disk', 'memory'] as const)('in mode %s a conversation with a gap has no tip', async (mode) => {
  await using temporary = await temporaryStore({ transcripts: mode });
  const { store } = temporary;
  await commit(store, node('r1'));
  await commit(store, node('r2', 'r1'));
  await commit(store, node('r9', 'r8'));
  expect(store.transcripts.tip(LOCAL, id('r2'))?.responseId).toBe('r2');
  expect(store.transcripts.tip(LOCAL, id('r9'))).toBeUndefined();
  expect(store.transcripts.tip('key_other' as Tenant, id('r2'))).toBeUndefined();
});

test.each(['written', 'read back'] as const)(
  'a turn that was %s keeps no memory but its own',
  async (how) => {
    await using temporary = await temporaryStore();
    await commit(temporary.store, node('r1'));
    const store = how === 'written' ? temporary.store : await temporary.reopen();
    const found = store.transcripts.get(LOCAL, id('r1'));
    expect(found?.body.buffer.byteLength).toBe(found?.body.length);
  },
);

test('on disk every look-up works after a reopening, for its tenant only', async () => {
  await using temporary = await temporaryStore();
  const first = transcriptNode('r1', { account: undefined, itemIds: [] });
  const second = node('r2', 'r1');
  await commit(temporary.store, first, second);
  const { transcripts } = await temporary.reopen();
  expect(transcripts.itemOwner(LOCAL, 'item of r2')).toBe('account');
  expect(transcripts.findByChain(LOCAL, second.chain)).toBe('r2');
  expect(transcripts.findItem(LOCAL, 'item of r2')?.node).toMatchObject(second);
  const walked = transcripts.walk(LOCAL, id('r2'));
  expect(walked).toHaveLength(2);
  for (const [index, expected] of [first, second].entries()) expect(walked?.[index]).toMatchObject(expected);
  const other = 'key_other' as Tenant;
  expect(transcripts.get(other, id('r2'))).toBeUndefined();
  expect(transcripts.findByChain(other, second.chain)).toBeUndefined();
  expect(transcripts.findItem(other, 'item of r2')).toBeUndefined();
  expect(transcripts.itemOwner(other, 'item of r2')).toBeUndefined();
});

test('off keeps nothing, memory keeps nothing over a reopening', async () => {
  await using temporary = await temporaryStore({ transcripts: 'off' });
  await commit(temporary.store, node('r1'));
  expect(temporary.store.transcripts.get(LOCAL, id('r1'))).toBeUndefined();
  const memory = await temporary.reopen({ transcripts: 'memory' });
  await commit(memory, node('r2'));
  expect(idsOf(memory, 'r2')).toEqual(['r2']);
  expect(idsOf(await temporary.reopen({ transcripts: 'disk' }), 'r2')).toBeUndefined();
});

test('any tree of turns walks from its root to any response, in memory and from disk', async () => {
  await using temporary = await temporaryStore();
  let run = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(), { minLength: 1, maxLength: 12 }), async (choices) => {
      run += 1;
      const parents = choices.map((choice, n) => (n === 0 ? undefined : choice % n));
      const name = (n: number) => `run ${run} turn ${n}`;
      const pathTo = (n: number): string[] => {
        const parent = parents[n];
        return [...(parent === undefined ? [] : pathTo(parent)), name(n)];
      };
      const nodes = parents.map((parent, n) =>
        node(name(n), parent === undefined ? undefined : name(parent)),
      );
      await commit(temporary.store, ...nodes);
      const walks = () => parents.map((_, n) => idsOf(temporary.store, name(n)));
      const expected = parents.map((_, n) => pathTo(n));
      expect(walks()).toEqual(expected);
      await temporary.reopen();
      expect(walks()).toEqual(expected);
    }),
    { numRuns: 10 },
  );
});

test('a walk over a missing link or in a circle gives nothing', async () => {
  await using temporary = await temporaryStore();
  await commit(temporary.store, node('child', 'never seen'), node('self', 'self'));
  expect(idsOf(temporary.store, 'child')).toBeUndefined();
  expect(idsOf(temporary.store, 'self')).toBeUndefined();
  expect(temporary.store.transcripts.get(LOCAL, id('child'))).toBeDefined();
});

test.each(['disk', 'memory'] as const)(
  'in %s mode a hidden response is unknown, its descendants keep their history',
  async (transcripts) => {
    await using temporary = await temporaryStore({ transcripts });
    await commit(temporary.store, node('r1'), node('r2', 'r1'));
    await temporary.store.forgetResponse(LOCAL, id('r1'));
    const check = (store: Store) => {
      expect(store.transcripts.get(LOCAL, id('r1'))).toBeUndefined();
      expect(idsOf(store, 'r1')).toBeUndefined();
      expect(store.transcripts.findByChain(LOCAL, node('r1').chain)).toBeUndefined();
      expect(idsOf(store, 'r2')).toEqual(['r1', 'r2']);
    };
    check(temporary.store);
    if (transcripts === 'disk') check(await temporary.reopen());
  },
);

test('of two responses with the same history the newer is found', async () => {
  let at = 1;
  await using temporary = await temporaryStore({ now: () => at++ });
  const chain = Buffer.from('same');
  await commit(temporary.store, transcriptNode('older', { chain }));
  await commit(temporary.store, transcriptNode('newer', { chain }));
  expect(temporary.store.transcripts.findByChain(LOCAL, chain)).toBe('newer');
  expect((await temporary.reopen()).transcripts.findByChain(LOCAL, chain)).toBe('newer');
});

test('a small cache loses nothing that is on disk', async () => {
  await using temporary = await temporaryStore({ cacheBytes: 6000 });
  const names = Array.from({ length: 40 }, (_, n) => `r${n}`);
  await commit(temporary.store, ...names.map((name, n) => node(name, names[n - 1])));
  expect(idsOf(temporary.store, 'r39')).toEqual(names);
  expect(temporary.store.transcripts.itemOwner(LOCAL, 'item of r0')).toBe('account');
});

test('in memory the beginning of a running conversation outlives idle ones', async () => {
  await using temporary = await temporaryStore({ transcripts: 'memory', cacheBytes: 16_000 });
  await commit(temporary.store, node('root'), node('idle'));
  for (let n = 0; n < 8; n += 1) {
    await commit(temporary.store, node(`turn ${n}`, n === 0 ? 'root' : `turn ${n - 1}`), node(`other ${n}`));
  }
  expect(idsOf(temporary.store, 'turn 7')?.[0]).toBe('root');
  expect(idsOf(temporary.store, 'idle')).toBeUndefined();
});

test('no text of a conversation is in any file of the data directory', async () => {
  await using temporary = await temporaryStore();
  const text = 'the quick brown fox asks something private';
  const said = Buffer.from(JSON.stringify({ text }));
  await commit(temporary.store, transcriptNode('r1', { input: [said], output: [said], response: said }));
  const contents = () =>
    readdirSync(temporary.dataDir).map((name) =>
      readFileSync(join(temporary.dataDir, name)).includes('quick'),
    );
  expect(contents()).not.toContain(true);
  await temporary.reopen();
  expect(contents()).not.toContain(true);
  expect(temporary.store.transcripts.get(LOCAL, id('r1'))?.input[0]?.toString()).toContain(text);
});

test('a stored turn that was tampered with counts as missing and is reported', async () => {
  await using temporary = await temporaryStore();
  await commit(temporary.store, node('r1'), node('r2', 'r1'));
  await temporary.store.close();
  const db = new Database(join(temporary.dataDir, 'respool.db'));
  // A body that belongs to another response must not open under this one's id.
  db.exec(
    "update transcript set body = (select body from transcript where response_id = 'r2') where response_id = 'r1'",
  );
  db.close();
  const warnings: string[] = [];
  const store = await temporary.reopen({ log: { warn: (_, message) => warnings.push(message) } });
  expect(idsOf(store, 'r2')).toBeUndefined();
  expect(store.transcripts.itemOwner(LOCAL, 'item of r2')).toBe('account' as AccountId);
  expect(warnings).toEqual(['a stored turn cannot be read']);
});

test.each(['disk', 'memory'] as const)(
  'the history of a response is what came before it (%s)',
  async (mode) => {
    await using temporary = await temporaryStore({ transcripts: mode });
    const { store } = temporary;
    await commit(store, node('root'), node('second', 'root'), node('third', 'second'));
    const historyOf = (name: string, tenant = LOCAL) => store.transcripts.historyOf(tenant, id(name));
    expect(historyOf('third')?.items).toBe(4);
    expect(historyOf('second')?.bytes).toBeGreaterThan(20);
    expect(historyOf('root')).toBeUndefined();
    expect(historyOf('third', 'key_2' as Tenant)).toBeUndefined();
  },
);
