import { expect, test } from 'vitest';
import type { Behaviour } from '../../src/simulator/script.ts';
import { DOORS, idOf, openDoor, textOf } from '../support/doors.ts';
import { makeWorld } from '../support/world.ts';

const STREAMING = ['sse', 'ws'] as const;

const MID_OUTPUT: readonly (readonly [string, Behaviour])[] = [
  ['a reset', { fault: { kind: 'reset', at: 'mid_output', afterDeltas: 1 } }],
  ['a close', { fault: { kind: 'close', code: 1011, at: 'mid_output', afterDeltas: 1 } }],
];

test.each(
  STREAMING.flatMap((door) => MID_OUTPUT.map(([name, behaviour]) => [name, door, behaviour] as const)),
)(
  '%s after visible output ends the turn once (%s), and the next one is whole',
  async (_name, door, behaviour) => {
    await using world = await makeWorld({ kind: 'chatgpt', names: ['a', 'b'] });
    await using client = await openDoor(door, world.url, { 'session-id': 's' });
    const first = await client.turn({ input: 'one' });
    world.simulator.script('a', behaviour);
    const broken = await client.turn({ input: 'two', previous_response_id: idOf(first) });
    expect(broken.events.at(-1)?.type).toBe('response.failed');
    expect(broken.error?.['code']).toBe('stream_incomplete');
    expect(broken.events.filter((event) => event.type === 'response.created')).toHaveLength(1);
    expect(world.simulator.seen).toHaveLength(2);
    const next = await client.turn({ input: 'two again', previous_response_id: idOf(first) });
    expect(textOf(next)).toContain('user: one / two again ·');
    expect(world.simulator.refusals).toEqual([]);
  },
);

test('behind a JSON answer a loss in the middle of the output is repaired unseen', async () => {
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a'] });
  world.simulator.script('a', { fault: { kind: 'reset', at: 'mid_output', afterDeltas: 1 } });
  await using client = await openDoor('json', world.url);
  expect(textOf(await client.turn({ input: 'hello' }))).toBe('turn 1 · user: hello · items 1');
});

test.each(DOORS)('a socket that died between two turns is not noticed (%s)', async (door) => {
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a'] });
  await using client = await openDoor(door, world.url);
  const first = await client.turn({ input: 'one' });
  world.simulator.dropSockets('a', { reset: true });
  const second = await client.turn({ input: 'two', previous_response_id: idOf(first) });
  expect(textOf(second)).toContain('user: one / two ·');
});

test('a silent upstream is given up after the first-event limit, and the turn is repeated once', async () => {
  await using world = await makeWorld({
    kind: 'api_key',
    names: ['a'],
    env: { RESPOOL_FIRST_EVENT_TIMEOUT_MS: '100' },
  });
  world.simulator.script('a', { fault: { kind: 'silence', at: 'before_created' } });
  await using client = await openDoor('json', world.url);
  expect(textOf(await client.turn({ input: 'hello' }))).toContain('user: hello ·');
  const [row] = await world.rows();
  expect(row?.attempts.map((attempt) => attempt.error_code ?? attempt.outcome)).toEqual([
    'first_event_timeout',
    'completed',
  ]);
});

test('a lost turn is not repeated when its tools act upstream', async () => {
  await using world = await makeWorld({ kind: 'api_key', names: ['a', 'b'] });
  world.simulator.script('a', { fault: { kind: 'reset', at: 'before_created' } });
  await using client = await openDoor('json', world.url);
  const answer = await client.turn({
    input: 'hello',
    tools: [{ type: 'mcp', server_label: 'x', server_url: 'https://example.com' }],
  });
  expect(answer.status).toBe(502);
  expect(world.simulator.seen).toHaveLength(1);
});

test.each(['refused_426', 'refused_404'] as const)(
  'an upstream without WebSocket (%s) is spoken to over HTTP, and not asked again',
  async (websocket) => {
    await using world = await makeWorld({ kind: 'chatgpt', names: ['a'], simulated: () => ({ websocket }) });
    await using client = await openDoor('json', world.url);
    const first = await client.turn({ input: 'one' });
    const second = await client.turn({ input: 'two', previous_response_id: idOf(first) });
    expect(textOf(second)).toContain('user: one / two ·');
    expect(world.simulator.upgrades('a')).toBe(1);
    expect(world.simulator.seen.map((turn) => turn.transport)).toEqual(['http', 'http']);
  },
);

test.each(['api_key', 'chatgpt'] as const)('a restart between two turns loses nothing (%s)', async (kind) => {
  await using world = await makeWorld({ kind });
  const ask = async (input: string, previous?: string) => {
    await using client = await openDoor('json', world.url);
    return client.turn({ input, ...(previous === undefined ? {} : { previous_response_id: previous }) });
  };
  const first = await ask('one');
  await world.restart();
  const second = await ask('two', idOf(first));
  expect(textOf(second)).toContain('user: one / two ·');
  expect(new Set((await world.rows()).map((row) => row.account_id)).size).toBe(1);
});

test('without a transcript a conversation waits for its owner and is never shortened', async () => {
  await using world = await makeWorld({ kind: 'api_key', env: { RESPOOL_TRANSCRIPTS: 'off' } });
  await using client = await openDoor('json', world.url);
  const first = await client.turn({ input: 'one' });
  const second = await client.turn({ input: 'two', previous_response_id: idOf(first) });
  expect(textOf(second)).toContain('user: one / two ·');
  const spent = { type: 'usage_limit_reached', message: 'spent', resets_in_seconds: 900 };
  world.simulator.script('a', {
    fault: { kind: 'status', at: 'before_created', status: 429, body: { error: spent } },
  });
  const third = await client.turn({ input: 'three', previous_response_id: idOf(second) });
  expect(third.status).toBe(502);
  expect(third.error?.['code']).toBe('upstream_unavailable');
});

test('a half-open socket is found by its unanswered pings, and the turn is repeated on a new one', async () => {
  await using world = await makeWorld({
    kind: 'chatgpt',
    names: ['a'],
    env: { RESPOOL_UPSTREAM_PING_MS: '40' },
  });
  world.simulator.script('a', { fault: { kind: 'silence', at: 'before_created', pongs: 'none' } });
  await using client = await openDoor('json', world.url);
  expect(textOf(await client.turn({ input: 'hello' }))).toContain('user: hello ·');
  const [row] = await world.rows();
  expect(row?.attempts.map((attempt) => attempt.error_code ?? attempt.outcome)).toEqual([
    'ping_timeout',
    'completed',
  ]);
});

test('a spent account serves again by itself once its reset has passed', async () => {
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a'] });
  const spent = { type: 'usage_limit_reached', message: 'spent', resets_in_seconds: 1 };
  world.simulator.script('a', {
    fault: { kind: 'status', at: 'before_created', status: 429, body: { error: spent } },
  });
  await using client = await openDoor('json', world.url);
  expect((await client.turn({ input: 'too early' })).status).toBe(429);
  const status = async (): Promise<number> => (await client.turn({ input: 'again' })).status;
  await expect.poll(status, { timeout: 4000, interval: 200 }).toBe(200);
  expect((await world.account('a'))['status']).toBe('ready');
});

test('a chain of anchors survives an account that has forgotten them, and the id is not offered again', async () => {
  await using world = await makeWorld({
    kind: 'api_key',
    names: ['a'],
    simulated: () => ({ responseLifetime: 'socket' }),
  });
  await using client = await openDoor('json', world.url);
  const first = await client.turn({ input: 'one' });
  world.simulator.dropSockets('a', { reset: true });
  await world.simulator.waitFor((simulator) => simulator.openSockets() === 0);
  const ask = (input: string) => client.turn({ input, previous_response_id: idOf(first) });
  expect(textOf(await ask('two'))).toContain('user: one / two ·');
  const offered = world.simulator.refusals.length;
  expect(offered).toBe(1);
  expect(textOf(await ask('another two'))).toContain('user: one / another two ·');
  expect(world.simulator.refusals).toHaveLength(offered);
});

test('without transcripts a restart still finds the owner, where ids outlive sockets', async () => {
  await using world = await makeWorld({ kind: 'api_key', env: { RESPOOL_TRANSCRIPTS: 'off' } });
  const first = await (await openDoor('json', world.url)).turn({ input: 'one' });
  await world.restart();
  const second = await (await openDoor('json', world.url)).turn({
    input: 'two',
    previous_response_id: idOf(first),
  });
  expect(textOf(second)).toContain('user: one / two ·');
  expect((await world.rows())[0]).toMatchObject({ continuity: 'preserved' });
});
