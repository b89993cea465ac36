import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MemoryBudget } from '../../src/http/limits/memory-budget.ts';
import { DOORS, idOf, openDoor, openSocket, post, textOf } from '../support/doors.ts';
import { makeWorld, type World } from '../support/world.ts';

/** For what is refused before it leaves a trace. */
let shared: World;
beforeAll(async () => {
  shared = await makeWorld({ kind: 'api_key', names: ['a'], env: { RESPOOL_PUBLIC_HOSTS: 'pool.example' } });
});
afterAll(() => shared[Symbol.asyncDispose]());

const TURN = '{"model":"gpt-5.5","input":"hello"}';

/** `fetch` neither sends headers twice nor says what page it is. */
async function send(
  url: string,
  headers: Record<string, string>,
): Promise<{ status: number; code: unknown }> {
  const asked = request(`${url}/v1/responses`, { method: 'POST', headers });
  asked.end(TURN);
  const [answer] = await once(asked, 'response');
  const { error } = JSON.parse((await answer.toArray()).join('')) as { error: { code: unknown } | null };
  return { status: answer.statusCode, code: error?.code };
}

test.each([
  ['application/json', 200],
  ['application/json; charset=utf-8', 200],
  ['APPLICATION/JSON;charset=UTF-8', 200],
  ['application/vnd.openai+json', 200],
  ['text/plain', 415],
  ['application/x-www-form-urlencoded', 415],
  ['application/json-seq', 415],
  ['text/plain, application/json', 415],
])('a body of %s is answered with %i', async (type, status) => {
  expect((await send(shared.url, { 'content-type': type })).status).toBe(status);
});

test.each([
  ['another port of this machine', { origin: 'http://127.0.0.1:1' }, 403],
  ['a bare IP address', { origin: 'http://203.0.113.9' }, 403],
  ['a sandboxed frame', { origin: 'null' }, 403],
  ['a foreign page that needs no answer', { 'sec-fetch-site': 'same-site' }, 403],
  ['a public name of ours, without a key', { origin: 'https://pool.example' }, 401],
  ['no page at all', { 'sec-fetch-site': 'none' }, 200],
])('a call from %s is judged by its origin', async (_name, headers, status) => {
  const before = shared.simulator.seen.length;
  const answer = await send(shared.url, { 'content-type': 'application/json', ...headers });
  expect(answer.status).toBe(status);
  expect(shared.simulator.seen.length - before).toBe(status === 200 ? 1 : 0);
});

test('a page of ours may call the server it came from', async () => {
  const headers = { 'content-type': 'application/json', origin: shared.url };
  expect((await send(shared.url, headers)).status).toBe(200);
});

test.each(DOORS)('an overloaded server refuses new turns and lets running ones end (%s)', async (door) => {
  const load: { state: 'bearable' | 'overloaded'; stop(): void } = { state: 'bearable', stop: () => {} };
  await using world = await makeWorld({ kind: 'api_key', names: ['a'], load });
  world.simulator.setDefault('a', { paceMs: 20, deltas: 5 });
  await using early = await openDoor(door, world.url);
  await using late = await openDoor(door, world.url);
  const running = early.turn({ input: 'before' });
  await world.simulator.waitFor((simulator) => simulator.seen.length === 1);
  load.state = 'overloaded';
  const refused = await late.turn({ input: 'meanwhile' });
  expect(refused.status).toBe(503);
  expect(refused.error).toMatchObject({ code: 'server_is_overloaded' });
  if (door !== 'ws') expect(refused.headers.get('retry-after')).toBe('5');
  expect(textOf(await running)).toContain('user: before');
  load.state = 'bearable';
  expect(textOf(await late.turn({ input: 'after' }))).toContain('user: after');
});

test.each([
  ['written with an escape', (id: string) => `{"type":"item\\u005freference","id":"${id}"}`],
  ['without a type', (id: string) => `{"id":"${id}"}`],
  ['without an id', () => '{"type":"item_reference","id":{"toString":1}}'],
])('a reference to an item of another key is refused, also %s', async (_name, reference) => {
  await using world = await makeWorld({ kind: 'api_key', names: ['a'] });
  const mine = await post(world.url, { model: 'gpt-5.5', input: 'mine', store: true });
  const [item] = (mine.response?.['output'] ?? []) as { id: string }[];
  const { key } = (await world.admin('POST', '/api/keys', { name: 'other' })) as { key: string };
  const body = `{"model":"gpt-5.5","input":[${reference(item?.id ?? '')}]}`;
  const answer = await post(world.url, body, { authorization: `Bearer ${key}` });
  expect(answer).toMatchObject({ status: 400, error: { code: 'item_not_found' } });
  expect(world.simulator.seen).toHaveLength(1);
});

test.each(DOORS)(
  'requests hold no more memory together than they may, and give it back (%s)',
  async (door) => {
    const bodies = new MemoryBudget(1_000_000);
    await using world = await makeWorld({ kind: 'api_key', names: ['a'], bodies });
    await using client = await openDoor(door, world.url);
    expect(await client.turn({ input: 'x'.repeat(600_000) })).toMatchObject({ status: 200 });
    await expect.poll(() => bodies.held).toBe(0);
    world.simulator.setDefault('a', { paceMs: 20, deltas: 10 });
    const running = client.turn({ input: 'x'.repeat(600_000) });
    await world.simulator.waitFor((simulator) => simulator.seen.length === 2);
    await using other = await openDoor(door, world.url);
    const refused = await other.turn({ input: 'x'.repeat(600_000) });
    expect(refused).toMatchObject({ status: 503, error: { code: 'server_is_overloaded' } });
    expect(await running).toMatchObject({ status: 200 });
    await expect.poll(() => bodies.held).toBe(0);
  },
);

test('a background turn has no place on a socket, and that is said', async () => {
  const before = shared.simulator.seen.length;
  await using client = await openDoor('ws', shared.url);
  const answer = await client.turn({ input: 'later', background: true });
  expect(answer).toMatchObject({
    status: 400,
    error: { param: 'background', message: expect.stringContaining('WebSocket') },
  });
  expect(shared.simulator.seen.length - before).toBe(0);
});

test('a background turn with a stream goes up as it is', async () => {
  const before = shared.simulator.seen.length;
  const answer = await post(shared.url, { model: 'gpt-5.5', input: 'now', background: true, stream: true });
  expect(answer.status).toBe(200);
  expect(idOf(answer)).toMatch(/^resp_/);
  expect(shared.simulator.seen.slice(before)).toMatchObject([{ body: { background: true } }]);
});

test('bytes that are no UTF-8 are refused in a text frame and never travel upstream', async () => {
  const before = shared.simulator.seen.length;
  await using client = await openSocket(shared.url);
  const frame = Buffer.from('{"type":"response.create","model":"gpt-5.5","input":"X"}');
  for (const bad of [0xff, 0xc0, 0xed]) {
    frame[frame.indexOf('"input":"') + 9] = bad;
    const from = client.messages.length;
    client.socket.send(frame, { binary: false });
    const answer = await client.next((event) => event.type === 'error', from);
    expect(answer).toMatchObject({ status: 400, error: { code: 'invalid_json' } });
  }
  expect(shared.simulator.seen.length - before).toBe(0);
});

test.each([
  ['members', `{"model":"m",${Array.from({ length: 1001 }, (_, index) => `"m${index}":1`).join(',')}}`],
  ['items', `{"model":"m","input":[${Array(50_001).fill('{}').join(',')}]}`],
  ['values', `{"model":"m","input":[[${Array(2_000_000).fill('1').join(',')}]]}`],
  ['letters of a model', `{"model":"${'m'.repeat(300)}"}`],
])('a body of too many %s is refused before it costs anything', async (_name, body) => {
  const before = shared.simulator.seen.length;
  expect(await post(shared.url, body)).toMatchObject({ status: 400 });
  expect(shared.simulator.seen.length - before).toBe(0);
});

const RAW: readonly (readonly [string, string, number])[] = [
  ['no HTTP', 'HELLO\r\n\r\n', 400],
  ['headers without an end', `GET / HTTP/1.1\r\nhost: localhost\r\nx: ${'y'.repeat(20_000)}`, 431],
  [
    'a host that comes twice',
    'GET /v1/models HTTP/1.1\r\nhost: localhost\r\nhost: evil\r\nconnection: close\r\n\r\n',
    400,
  ],
  [
    'a key that comes twice',
    'GET /v1/models HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer evil\r\nauthorization: Bearer good\r\nconnection: close\r\n\r\n',
    400,
  ],
  ['a path that cannot be read', 'GET /v1/%zz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n', 400],
  [
    'a body for nowhere that does not come',
    'POST /v1/evil HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: 9\r\n\r\n{',
    404,
  ],
  ['an expectation nobody knows', 'GET / HTTP/1.1\r\nhost: localhost\r\nexpect: tea\r\n\r\n', 417],
  [
    'a handshake without a key',
    'GET /v1/responses HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n',
    400,
  ],
];

test.each(RAW)('%s gets the envelope, and nothing of what was sent', async (_name, bytes, status) => {
  const socket = connect(Number(new URL(shared.url).port), '127.0.0.1');
  socket.write(bytes);
  const answer = (await socket.toArray()).join('');
  expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  expect(answer).toContain('x-request-id: req_');
  const body = JSON.parse(answer.slice(answer.indexOf('{'), answer.lastIndexOf('}') + 1));
  expect(body).toMatchObject({ error: { code: expect.any(String), message: expect.any(String) } });
  expect(answer).not.toMatch(/zz|yyy|HELLO|evil/);
});
