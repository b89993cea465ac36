/** Failures that proxies of this kind are known for, one test each. */
import { expect, test } from 'vitest';
import type { Behaviour } from '../../src/simulator/script.ts';
import { type Client, idOf, openDoor, openSocket, post, textOf } from '../support/doors.ts';
import { fakeLogin, makeWorld, type World } from '../support/world.ts';

const status = (code: number, body: object): Behaviour => ({
  fault: { kind: 'status', at: 'before_created', status: code, body },
});
const SPENT = status(429, {
  error: { type: 'usage_limit_reached', message: 'spent', resets_in_seconds: 900 },
});
const SESSION = { 'session-id': 'one-conversation' };
const user = (text: string) => ({ type: 'message', role: 'user', content: [{ type: 'input_text', text }] });

/** Says one text after the other, each anchored to the answer before. */
async function talk(client: Client, texts: readonly string[], previous?: string): Promise<string> {
  let anchor = previous;
  for (const input of texts) {
    const answer = await client.turn({
      input,
      ...(anchor === undefined ? {} : { previous_response_id: anchor }),
    });
    expect(answer.response?.['status'], JSON.stringify(answer.error)).toBe('completed');
    anchor = idOf(answer);
  }
  return anchor ?? '';
}

const lastBody = (world: World) => world.simulator.seen.at(-1)?.body;
const session = async (world: World) =>
  (
    (await world.admin('GET', '/api/sessions')) as {
      data: { id: string; account_id: string; switches: { reason: string }[] }[];
    }
  ).data[0];

test('a conversation does not stay pinned to an account whose quota has ended', async () => {
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a', 'b'] });
  await using client = await openDoor('json', world.url, SESSION);
  const first = await talk(client, ['one']);
  world.simulator.script('a', SPENT);
  await talk(client, ['two'], first);
  expect(await session(world)).toMatchObject({
    account_id: world.ids.get('b'),
    switches: [{ from: world.ids.get('a'), to: world.ids.get('b'), reason: 'usage_limit_reached' }],
  });
});

test('a renewed login gets a socket of its own', async () => {
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a'] });
  await using client = await openDoor('json', world.url, SESSION);
  const first = await talk(client, ['one']);
  const { token, authJson } = fakeLogin('a', 'renewed');
  world.simulator.replaceToken('a', token);
  await world.admin('POST', '/api/accounts', { kind: 'chatgpt', name: 'a', auth_json: authJson });
  await talk(client, ['two'], first);
  expect(world.simulator.upgrades('a')).toBe(2);
  expect(world.simulator.refusals).toEqual([]);
});

test('no id of the old account reaches the new one', async () => {
  await using world = await makeWorld({ kind: 'api_key', names: ['a', 'b'] });
  await using client = await openDoor('ws', world.url, SESSION);
  const first = await talk(client, ['one']);
  world.simulator.script('a', SPENT);
  await talk(client, ['two'], first);
  expect(world.simulator.seen.at(-1)?.account).toBe('b');
  expect(lastBody(world)).not.toHaveProperty('previous_response_id');
  expect(JSON.stringify(lastBody(world))).not.toContain('_a_');
});

test('the old connection can neither reach nor abort a newer turn', async () => {
  await using world = await makeWorld({
    kind: 'chatgpt',
    names: ['a', 'b'],
    env: { RESPOOL_FIRST_EVENT_TIMEOUT_MS: '60' },
  });
  await using client = await openDoor('sse', world.url, SESSION);
  const first = await talk(client, ['one']);
  // The first attempt is given up before its answer begins, and that answer begins while the second one streams.
  world.simulator.script('a', { delayMs: 120 }, { deltas: 20, paceMs: 10 });
  const answer = await client.turn({ input: 'two', previous_response_id: first });
  await world.simulator.waitFor((simulator) => simulator.seen.at(-2)?.status === 'aborted');
  expect(textOf(answer)).toContain('turn 2 · user: one / two ·');
  expect(answer.events.filter((event) => event.type === 'response.created').length).toBeLessThanOrEqual(1);
  expect(
    answer.events.filter((event) => ['response.completed', 'response.failed'].includes(event.type)),
  ).toHaveLength(1);
});

test('a second move after a whole upload still carries everything', async () => {
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a', 'b', 'c'] });
  await using client = await openDoor('ws', world.url, SESSION);
  const first = await talk(client, ['one', 'two']);
  world.simulator.script('a', SPENT);
  const moved = await talk(client, ['three', 'four'], first);
  world.simulator.script('b', SPENT);
  await talk(client, ['five'], moved);
  expect(world.simulator.seen.at(-1)?.historyTexts.filter((text) => /^\w+$/.test(text))).toEqual([
    'one',
    'two',
    'three',
    'four',
    'five',
  ]);
});

test('a failed turn leaves no trace in the history', async () => {
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a'] });
  await using client = await openDoor('ws', world.url, SESSION);
  const first = await talk(client, ['one']);
  world.simulator.script('a', { fault: { kind: 'reset', at: 'mid_output', afterDeltas: 1 } });
  expect((await client.turn({ input: 'two', previous_response_id: first })).events.at(-1)?.type).toBe(
    'response.failed',
  );
  const again = await client.turn({ input: 'two', previous_response_id: first });
  expect(textOf(again)).toContain('turn 2 · user: one / two ·');
});

test('a turn that waits in a session which is released is answered at once', async () => {
  await using world = await makeWorld({ kind: 'api_key', names: ['a'] });
  world.simulator.setDefault('a', { paceMs: 50, deltas: 200 });
  await using running = await openSocket(world.url, SESSION);
  running.send({ type: 'response.create', model: 'gpt-5.5', input: 'long' });
  const created = await running.next((event) => event.type === 'response.created');
  const { id } = created['response'] as { id: string };
  await using waiting = await openDoor('json', world.url, SESSION);
  const queued = waiting.turn({ input: 'next', previous_response_id: id });
  await running.next((event) => event.type === 'response.output_text.delta');
  await world.admin('DELETE', `/api/sessions/${(await session(world))?.id}`);
  expect((await queued).status).toBeGreaterThanOrEqual(400);
  expect((await running.next((event) => event.type === 'response.failed')).type).toBe('response.failed');
  world.simulator.setDefault('a', {});
  await using next = await openDoor('json', world.url, SESSION);
  await talk(next, ['served again']);
});

test('frames for a client that has gone do no harm', async () => {
  await using world = await makeWorld({ kind: 'api_key', names: ['a'] });
  world.simulator.setDefault('a', { paceMs: 5, deltas: 50 });
  const clients = await Promise.all(Array.from({ length: 10 }, () => openSocket(world.url)));
  for (const client of clients) client.send({ type: 'response.create', model: 'gpt-5.5', input: 'x' });
  await Promise.all(
    clients.map((client) => client.next((event) => event.type === 'response.output_text.delta')),
  );
  for (const client of clients) client.socket.terminate();
  await world.simulator.waitFor((simulator) => simulator.seen.every((turn) => turn.status === 'aborted'));
  world.simulator.setDefault('a', {});
  expect(textOf(await post(world.url, { model: 'gpt-5.5', input: 'alive' }))).toContain('user: alive ·');
});

test('a 403 that everybody gets does not walk through the pool', async () => {
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a', 'b', 'c', 'd'] });
  for (const name of ['a', 'b', 'c', 'd']) world.simulator.setDefault(name, status(403, {}));
  const answer = await post(world.url, { model: 'gpt-5.5', input: 'x' });
  expect(answer).toMatchObject({ status: 503, error: { code: 'account_unavailable' } });
  expect(world.simulator.seen.length + world.simulator.upgrades()).toBeLessThanOrEqual(4);
  const states = await Promise.all(
    ['a', 'b', 'c', 'd'].map(async (name) => (await world.account(name))['status']),
  );
  expect(states).toEqual(['ready', 'ready', 'ready', 'ready']);
});

test('after a move the next turn is a delta again', async () => {
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a', 'b'] });
  await using client = await openDoor('ws', world.url, SESSION);
  const first = await talk(client, ['one']);
  world.simulator.script('a', SPENT);
  await talk(client, ['two', 'three'], first);
  expect(lastBody(world)).toHaveProperty('previous_response_id');
  expect(lastBody(world)?.input).toHaveLength(1);
});

test.each([
  ['json', {}, 502, 'upstream_unavailable'],
  ['ws', {}, 502, 'upstream_unavailable'],
  ['ws', { originator: 'codex_exec' }, 400, 'previous_response_not_found'],
] as const)(
  'a socket that took the only history with it is told honestly (%s, %o)',
  async (door, headers, code, name) => {
    await using world = await makeWorld({
      kind: 'chatgpt',
      names: ['a'],
      env: { RESPOOL_TRANSCRIPTS: 'off' },
    });
    await using client = await openDoor(door, world.url, { ...SESSION, ...headers });
    const first = await talk(client, ['one']);
    world.simulator.dropSockets('a', { reset: true });
    await world.simulator.waitFor((simulator) => simulator.openSockets() === 0);
    const answer = await client.turn({ input: 'two', previous_response_id: first });
    expect(answer).toMatchObject({ status: code, error: { code: name } });
  },
);

test('a shared session header does not make two conversations one', async () => {
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a'] });
  await using one = await openDoor('json', world.url, { ...SESSION, 'thread-id': 'one' });
  await using other = await openDoor('json', world.url, { ...SESSION, 'thread-id': 'other' });
  await talk(one, ['mine']);
  const answer = await other.turn({ input: 'yours' });
  expect(textOf(answer)).toContain('turn 1 · user: yours ·');
  const same = await one.turn({ input: 'a fresh start' });
  expect(textOf(same)).toContain('turn 1 · user: a fresh start ·');
});

test('nobody is left waiting when the server shuts down', async () => {
  await using world = await makeWorld({ kind: 'api_key', names: ['a'] });
  world.simulator.setDefault('a', { delayMs: 60_000 });
  const pending = post(world.url, { model: 'gpt-5.5', input: 'x' });
  await using socket = await openSocket(world.url);
  const framed = socket.turn({ input: 'y' });
  await world.simulator.waitFor((simulator) => simulator.seen.length === 2);
  await world.restart();
  expect(await pending).toMatchObject({ status: 503, error: { code: 'server_shutting_down' } });
  expect((await framed).status).toBe(503);
});

test('two turns that meet a dead socket share one replacement', async () => {
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a'] });
  await using client = await openSocket(world.url, SESSION);
  await talk(client, ['one']);
  world.simulator.dropSockets('a', { reset: true });
  client.send({ type: 'response.create', model: 'gpt-5.5', input: 'two' });
  client.send({ type: 'response.create', model: 'gpt-5.5', input: 'three' });
  await client.next(
    (event) => event.type === 'response.completed' && JSON.stringify(event).includes('user: three ·'),
  );
  expect(world.simulator.upgrades('a')).toBe(2);
});

test('a client’s own mistake is nobody else’s', async () => {
  await using world = await makeWorld({ kind: 'api_key', names: ['a'] });
  world.simulator.script(
    'a',
    status(400, {
      error: { type: 'invalid_request_error', code: 'context_length_exceeded', message: 'too long' },
    }),
  );
  expect((await post(world.url, { model: 'gpt-5.5', input: 'x' })).status).toBe(400);
  expect(await world.account('a')).toMatchObject({ status: 'ready', active_turns: 0 });
  expect(textOf(await post(world.url, { model: 'gpt-5.5', input: 'y' }))).toContain('user: y ·');
});

test('failing turns give their places back', async () => {
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a', 'b'] });
  for (const name of ['a', 'b'])
    world.simulator.setDefault(name, { fault: { kind: 'reset', at: 'before_created' } });
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, turn) => post(world.url, { model: 'gpt-5.5', input: [user(`t${turn}`)] })),
  );
  expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([502]));
  for (const name of ['a', 'b'])
    expect(await world.account(name)).toMatchObject({ status: 'ready', active_turns: 0 });
});

test('fifty turns into one spent account mark it once and are all served elsewhere', async () => {
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a', 'b'] });
  world.simulator.setDefault('a', SPENT);
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, turn) => post(world.url, { model: 'gpt-5.5', input: `t${turn}` })),
  );
  expect(answers.every((answer) => answer.status === 200)).toBe(true);
  expect((await world.account('a'))['status']).toBe('exhausted');
  await world.restart();
  expect((await world.account('a'))['status']).toBe('exhausted');
});
