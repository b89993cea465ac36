import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { expect, test, vi } from 'vitest';
import {
  lockDatabase,
  requestRow,
  temporaryStore,
  transcriptNode,
  turnOf,
} from '../../../test/support/temporary-store.ts';
import type { ResponseId } from '../../domain/ids.ts';
import { LOCAL } from '../../domain/ids.ts';

const turn = (n: number) => turnOf(transcriptNode(`r${n}`));

test('turns of one tick are committed together, each once', async () => {
  await using temporary = await temporaryStore();
  const outcomes = await Promise.all(
    Array.from({ length: 500 }, (_, n) => temporary.store.commitTurn(turn(n))),
  );
  expect(new Set(outcomes)).toEqual(new Set(['committed']));
  expect(temporary.store.writer.pending).toBe(0);
  expect(temporary.store.requests.list({ limit: 1000 })).toHaveLength(500);
});

test('a turn is queued while the database is locked, and committed when it is free', async () => {
  await using temporary = await temporaryStore();
  const { store } = temporary;
  {
    using _held = lockDatabase(temporary.dataDir);
    expect(await store.commitTurn(turn(1))).toBe('queued');
    expect(store.writer).toMatchObject({ healthy: false, pending: 1, dropped: 0 });
    expect(await store.commitTurn(turn(2))).toBe('queued');
    expect(store.requests.ownerOf(LOCAL, 'r2' as ResponseId)).toBeDefined();
    expect(store.transcripts.get(LOCAL, 'r1' as ResponseId)).toBeDefined();
    expect(store.requests.list()).toEqual([]);
  }
  await store.writer.flush();
  expect(store.writer).toMatchObject({ healthy: true, pending: 0, dropped: 0 });
  expect((await temporary.reopen()).requests.list()).toHaveLength(2);
});

test('a full queue drops new rows, says so, and never a token', async () => {
  const warnings: string[] = [];
  await using temporary = await temporaryStore({ log: { warn: (_, message) => warnings.push(message) } });
  const { store } = temporary;
  let token: Promise<unknown>;
  {
    using _held = lockDatabase(temporary.dataDir);
    const bulk = Buffer.alloc(10 * 1024 * 1024);
    const turns = Array.from({ length: 8 }, (_, n) => ({
      ...turn(n),
      node: transcriptNode(`r${n}`, { input: [bulk] }),
    }));
    const outcomes = await Promise.all(turns.map((each) => store.commitTurn(each)));
    expect(new Set(outcomes)).toEqual(new Set(['queued']));
    expect(store.writer.dropped).toBe(2);
    token = store.accounts.upsert({
      name: 'a',
      kind: 'api_key',
      identity: 'i',
      credentials: { kind: 'api_key', apiKey: 'sk' },
    });
  }
  await token;
  await store.writer.flush();
  expect(store.requests.list()).toHaveLength(6);
  expect(warnings).toContain('database writes are lost');
});

test('what the database refuses does not take its neighbours with it', async () => {
  await using temporary = await temporaryStore();
  const { store } = temporary;
  const bad = [
    store.requests.insert({ ...requestRow({ id: 'bad' }), route: undefined as never }, { stored: false }),
  ];
  const [before, refused, after] = await Promise.all([
    store.commitTurn(turn(1)),
    store.writer.write(bad),
    store.commitTurn(turn(2)),
  ]);
  expect([before, after]).toEqual(['committed', 'committed']);
  expect(refused).toEqual({ kind: 'dropped', reason: 'SQLITE_CONSTRAINT_NOTNULL' });
  expect(store.writer.healthy).toBe(true);
});

test('a unit is committed as a whole or not at all', async () => {
  await using temporary = await temporaryStore();
  const { store } = temporary;
  const good = store.requests.insert(requestRow({ id: 'good' }), { stored: false });
  const bad = { sql: 'insert into no_such_table values (?)', params: [1] };
  expect(await store.writer.write([good, bad])).toMatchObject({ kind: 'dropped' });
  expect(store.requests.get('good')).toBeUndefined();
});

test('when the writing thread has ended another one takes its place', async () => {
  const sent = vi.spyOn(Worker.prototype, 'postMessage');
  await using temporary = await temporaryStore();
  const { store } = temporary;
  expect(await store.commitTurn(turn(1))).toBe('committed');
  await (sent.mock.contexts.at(-1) as Worker).terminate();
  expect(await store.commitTurn(turn(2))).toBe('committed');
  expect(new Set(sent.mock.contexts).size).toBe(2);
  expect(store.requests.list()).toHaveLength(2);
  sent.mockRestore();
});

test('closing commits what is queued, and refuses what comes later', async () => {
  await using temporary = await temporaryStore();
  const { store } = temporary;
  const queued = store.commitTurn(turn(1));
  const closed = store.close();
  expect(await queued).toBe('committed');
  await closed;
  expect(await store.commitTurn(turn(2))).toBe('queued');
  expect((await temporary.reopen()).requests.list().map((row) => row.responseId)).toEqual(['r1']);
});

test('every acknowledged turn outlives a SIGKILL of the process', async () => {
  await using temporary = await temporaryStore();
  await temporary.store.close();
  const script = `
    const { openStore } = await import(process.argv[1]);
    const { transcriptNode, turnOf } = await import(process.argv[2]);
    const store = await openStore({ dataDir: process.argv[3], transcripts: 'disk', retentionDays: 30 });
    for (let n = 0; ; n += 1) {
      const turn = turnOf(transcriptNode('r' + n, { parent: n ? 'r' + (n - 1) : undefined }));
      // A busy machine may take longer for a commit than a turn waits for it.
      if ((await store.commitTurn(turn)) === 'queued') await store.writer.flush(60_000);
      process.stdout.write('r' + n + '\\n');
    }`;
  const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
  const paths = [here('../store.ts'), here('../../../test/support/temporary-store.ts'), temporary.dataDir];
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script, ...paths], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const acknowledged: ResponseId[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    acknowledged.push(line as ResponseId);
    if (acknowledged.length === 200) child.kill('SIGKILL');
  }
  await ended;
  const store = await temporary.reopen();
  const last = acknowledged.at(-1) as ResponseId;
  expect(acknowledged.length).toBeGreaterThanOrEqual(200);
  expect(store.transcripts.walk(LOCAL, last)?.map((node) => node.responseId)).toEqual(acknowledged);
  expect(acknowledged.every((id) => store.requests.ownerOf(LOCAL, id))).toBe(true);
});
