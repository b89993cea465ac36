import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { DOORS, idOf, openDoor, post, textOf } from '../support/doors.ts';
import { type Kind, makeWorld } from '../support/world.ts';

const KINDS: readonly Kind[] = ['api_key', 'chatgpt'];
const CONVERSATIONS = 100;
const TURNS = 5;

test.each(KINDS)(
  '100 conversations at once share three accounts evenly and never meet (%s)',
  async (kind) => {
    await using world = await makeWorld({ kind });
    const converse = async (number: number): Promise<void> => {
      await using client = await openDoor(DOORS[number % DOORS.length] ?? 'json', world.url);
      const said: string[] = [];
      let previous = {};
      for (let turn = 1; turn <= TURNS; turn += 1) {
        said.push(`c${number}t${turn}`);
        const answer = await client.turn({ input: said.at(-1), ...previous });
        expect(textOf(answer)).toContain(`turn ${turn} · user: ${said.join(' / ')} ·`);
        previous = { previous_response_id: idOf(answer) };
      }
    };
    await Promise.all(Array.from({ length: CONVERSATIONS }, (_, number) => converse(number)));
    const rows = await world.rows();
    expect(rows).toHaveLength(CONVERSATIONS * TURNS);
    const perAccount = [...world.ids.values()].map(
      (id) => rows.filter((row) => row.account_id === id).length,
    );
    expect(Math.max(...perAccount) - Math.min(...perAccount)).toBeLessThanOrEqual(2 * TURNS);
    expect(world.simulator.refusals).toEqual([]);
  },
);

test.each(KINDS)('a turn of 17 MiB is served on every door, over HTTP (%s)', async (kind) => {
  await using world = await makeWorld({ kind, names: ['a'] });
  const text = 'x'.repeat(17 * 1024 * 1024);
  for (const door of DOORS) {
    await using client = await openDoor(door, world.url);
    const answer = await client.turn({
      input: [{ type: 'message', role: 'user', content: [{ type: 'input_text', text }] }],
    });
    expect(answer.response?.['status'], door).toBe('completed');
    expect(world.simulator.seen.at(-1)?.transport).toBe('http');
  }
});

test('bodies arrive in every coding', async () => {
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a'] });
  const codings = { gzip: gzipSync, deflate: deflateSync, br: brotliCompressSync, zstd: zstdCompressSync };
  for (const [coding, encode] of Object.entries(codings)) {
    const body = Buffer.from(JSON.stringify({ model: 'gpt-5.5', input: `as ${coding}` }));
    const answer = await post(world.url, encode(body), { 'content-encoding': coding });
    expect(textOf(answer)).toContain(`user: as ${coding} ·`);
  }
  const refused = await post(world.url, Buffer.from('not gzip'), { 'content-encoding': 'gzip' });
  expect(refused.status).toBe(400);
});

test('fields that the backend refuses are left out and named', async () => {
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a'] });
  const answer = await post(world.url, {
    model: 'gpt-5.5',
    input: 'hello',
    temperature: 0.5,
    max_output_tokens: 10,
    store: true,
  });
  expect(answer.status).toBe(200);
  expect(answer.headers.get('x-respool-dropped-params')?.split(',').toSorted()).toEqual([
    'max_output_tokens',
    'temperature',
  ]);
  expect((await world.rows())[0]?.dropped_params?.toSorted()).toEqual(['max_output_tokens', 'temperature']);
  expect(world.simulator.refusals).toEqual([]);
});

test('a body that needs no change goes up byte for byte', async () => {
  await using world = await makeWorld({ kind: 'api_key', names: ['a'] });
  const tools = [{ type: 'function', name: 'f', parameters: { z: 1, a: { type: 'object' } }, strict: false }];
  await post(world.url, {
    model: 'gpt-5.5',
    tools,
    unknown_member: { b: 1, a: 2 },
    input: [
      { type: 'unheard_of', x: 1 },
      { role: 'user', content: 'hi' },
    ],
  });
  const [turn] = world.simulator.seen;
  expect(JSON.stringify(turn?.body.tools)).toBe(JSON.stringify(tools));
  expect(JSON.stringify(turn?.body['unknown_member'])).toBe('{"b":1,"a":2}');
  expect(JSON.stringify(turn?.body.input)).toBe(
    '[{"type":"unheard_of","x":1},{"role":"user","content":"hi"}]',
  );
});

test('two keys never see each other, whatever they name', async () => {
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a'] });
  const key = async (name: string) =>
    ((await world.admin('POST', '/api/keys', { name })) as { key: string }).key;
  const [mine, theirs] = [await key('mine'), await key('theirs')].map((text) => ({
    authorization: `Bearer ${text}`,
  }));
  const first = await post(world.url, { model: 'gpt-5.5', input: 'secret', prompt_cache_key: 'same' }, mine);
  const stolen = await post(
    world.url,
    { model: 'gpt-5.5', input: 'x', previous_response_id: idOf(first) },
    theirs,
  );
  expect(stolen).toMatchObject({ status: 400, error: { code: 'previous_response_not_found' } });
  const read = await fetch(`${world.url}/v1/responses/${idOf(first)}`, { headers: theirs ?? {} });
  expect(read.status).toBe(404);
  await post(world.url, { model: 'gpt-5.5', input: 'y', prompt_cache_key: 'same' }, theirs);
  const cacheKeys = world.simulator.seen.map((turn) => turn.body['prompt_cache_key']);
  expect(new Set(cacheKeys).size).toBe(2);
  expect(cacheKeys).not.toContain('same');
  expect(
    (await post(world.url, { model: 'gpt-5.5', input: 'z' }, { authorization: 'Bearer rsp_wrong' })).status,
  ).toBe(401);
});
