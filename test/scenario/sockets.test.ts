import { expect, test } from 'vitest';
import { idOf, openDoor, openSocket, type StreamEvent, textOf } from '../support/doors.ts';
import { makeWorld } from '../support/world.ts';

const message = (role: string, text: string): object => ({
  type: 'message',
  role,
  content: [{ type: role === 'assistant' ? 'output_text' : 'input_text', text }],
});
const CODEX = { originator: 'codex_exec', 'thread-id': 'thread-1' };

test.each(['api_key', 'chatgpt'] as const)(
  'two lanes of one socket run side by side and every event names its lane (%s)',
  async (kind) => {
    await using world = await makeWorld({ kind, names: ['a'] });
    world.simulator.setDefault('a', { delayMs: 30, paceMs: 10 });
    await using client = await openSocket(world.url);
    client.send({ type: 'response.create', model: 'gpt-5.5', stream_id: 'left', input: 'to the left' });
    client.send({ type: 'response.create', model: 'gpt-5.5', stream_id: 'right', input: 'to the right' });
    const ended = (lane: string) =>
      client.next((event) => event.type === 'response.completed' && event['stream_id'] === lane);
    const [left, right] = await Promise.all([ended('left'), ended('right')]);
    expect(JSON.stringify(left)).toContain('user: to the left ·');
    expect(JSON.stringify(right)).toContain('user: to the right ·');
    expect(client.messages.every((event) => ['left', 'right'].includes(String(event['stream_id'])))).toBe(
      true,
    );
    const firstEnd = client.messages.findIndex((event) => event.type === 'response.completed');
    const begun = client.messages.slice(0, firstEnd).filter((event) => event.type === 'response.created');
    expect(begun).toHaveLength(2);
    expect(world.simulator.seen.every((turn) => !('stream_id' in turn.body))).toBe(true);
    expect(world.simulator.refusals).toEqual([]);
  },
);

test('turns without a lane follow each other, and the second finds the first', async () => {
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a'] });
  world.simulator.setDefault('a', { delayMs: 20 });
  await using client = await openSocket(world.url);
  client.send({ type: 'response.create', model: 'gpt-5.5', input: 'first' });
  client.send({ type: 'response.create', model: 'gpt-5.5', input: 'second' });
  const isEnd = (event: StreamEvent): boolean => event.type === 'response.completed';
  await client.next((event) => isEnd(event) && JSON.stringify(event).includes('user: second ·'));
  const order = client.messages.filter((event) =>
    ['response.created', 'response.completed'].includes(event.type),
  );
  expect(order.map((event) => event.type)).toEqual([
    'response.created',
    'response.completed',
    'response.created',
    'response.completed',
  ]);
});

test('the seventeenth running lane is refused, and the socket goes on', async () => {
  await using world = await makeWorld({ kind: 'api_key', names: ['a'] });
  world.simulator.setDefault('a', { delayMs: 100 });
  await using client = await openSocket(world.url);
  for (let lane = 1; lane <= 17; lane += 1) {
    client.send({ type: 'response.create', model: 'gpt-5.5', stream_id: `lane-${lane}`, input: 'x' });
  }
  const refused = await client.next((event) => event.type === 'error');
  expect(refused).toMatchObject({
    status: 400,
    stream_id: 'lane-17',
    error: { code: 'websocket_stream_limit_reached' },
  });
  await client.next((event) => event.type === 'response.completed' && event['stream_id'] === 'lane-16');
});

test.each(['api_key', 'chatgpt'] as const)(
  'a client that comes back with its full history finds its upstream socket warm (%s)',
  async (kind) => {
    await using world = await makeWorld({ kind, names: ['a'] });
    const base = message('developer', 'base instructions');
    const history: object[] = [base, message('user', 'hello')];
    {
      await using client = await openSocket(world.url, CODEX);
      const prewarm = await client.turn({ generate: false, input: [base] });
      const turn = await client.turn({ previous_response_id: idOf(prewarm), input: history.slice(1) });
      const items = turn.events
        .filter((event) => event.type === 'response.output_item.done')
        .map((event) => event['item'] as object);
      history.push(...items.map((item) => ({ content: null, ...item })));
    }
    const upgrades = world.simulator.upgrades();
    await using client = await openSocket(world.url, CODEX);
    const prewarm = await client.turn({ generate: false, input: [base] });
    const turn = await client.turn({
      previous_response_id: idOf(prewarm),
      input: [...history.slice(1), message('user', 'again')],
    });
    expect(textOf(turn)).toContain('user: hello / again ·');
    expect(world.simulator.upgrades()).toBe(upgrades);
    expect(world.simulator.seen.at(-1)?.body.input).toHaveLength(1);
    expect(world.simulator.seen.at(-1)?.body.previous_response_id).toBeDefined();
    expect((await world.rows()).map((row) => row.continuity)).toEqual([
      'preserved',
      'none',
      'preserved',
      'none',
    ]);
    expect(world.simulator.refusals).toEqual([]);
  },
);

test('vendor events reach Codex, with the limits of the pool, and nobody else', async () => {
  await using world = await makeWorld({
    kind: 'chatgpt',
    names: ['a'],
    simulated: () => ({
      windows: { primary: { usedPercent: 40, windowMinutes: 300, resetsInSeconds: 600 } },
    }),
  });
  await using codex = await openSocket(world.url, { originator: 'codex_exec' });
  const answer = await codex.turn({ input: 'hello' });
  const limits = answer.events.find((event) => event.type === 'codex.rate_limits');
  expect(limits?.['rate_limits']).toMatchObject({
    limit_reached: false,
    primary: { used_percent: 40, window_minutes: 300 },
  });
  await using other = await openSocket(world.url);
  const plain = await other.turn({ input: 'hello' });
  expect(
    plain.events.filter((event) => !event.type.startsWith('response.') || event.type === 'response.metadata'),
  ).toEqual([]);
});

test.each([
  ['generic', {}, 'pings'],
  ['codex', { originator: 'codex_exec' }, 'frames'],
] as const)('while a turn is held a %s client hears something', async (_name, headers, form) => {
  await using world = await makeWorld({ kind: 'api_key', names: ['a'], env: { RESPOOL_KEEPALIVE_MS: '30' } });
  world.simulator.script('a', { delayMs: 150 });
  await using client = await openSocket(world.url, headers);
  let pings = 0;
  client.socket.on('ping', () => {
    pings += 1;
  });
  const answer = await client.turn({ input: 'hello' });
  const frames = answer.events.filter((event) => event.type === 'codex.keepalive').length;
  expect(form === 'pings' ? pings : frames).toBeGreaterThanOrEqual(2);
  expect(form === 'pings' ? frames : pings).toBe(0);
});

test.each([
  ['a generic client gets comments', {}, 3],
  ['Codex waits for its headers', { originator: 'codex_exec' }, 0],
] as const)('while an event stream is held %s', async (_name, headers, atLeast) => {
  await using world = await makeWorld({ kind: 'api_key', names: ['a'], env: { RESPOOL_KEEPALIVE_MS: '30' } });
  world.simulator.script('a', { delayMs: 150 });
  await using client = await openDoor('sse', world.url, headers);
  const answer = await client.turn({ input: 'hello' });
  expect(textOf(answer)).toContain('user: hello ·');
  expect(answer.comments.length >= atLeast).toBe(true);
  expect(answer.comments.length > 0).toBe(atLeast > 0);
});

test('a waiting turn that is refused does not block the one behind it', async () => {
  await using world = await makeWorld({ kind: 'api_key', names: ['a'] });
  const { key } = (await world.admin('POST', '/api/keys', { name: 'k', models: ['gpt-5.5'] })) as {
    key: string;
  };
  world.simulator.script('a', { delayMs: 50 });
  await using client = await openSocket(world.url, { authorization: `Bearer ${key}` });
  for (const model of ['gpt-5.5', 'forbidden', 'gpt-5.5'])
    client.send({ type: 'response.create', model, input: model });
  await client.next((event) => event.type === 'error');
  const ended = client.messages.length;
  await client.next((event) => event.type === 'response.completed', ended);
  expect(client.messages.filter((event) => event.type === 'response.completed')).toHaveLength(2);
});

test('an upstream socket that had to wait for the client serves the next turn', async () => {
  await using world = await makeWorld({ kind: 'api_key', names: ['a'] });
  // More than a client may let wait, in one event: what ends the turn is read together with it.
  world.simulator.setDefault('a', { deltas: 1, deltaBytes: 10_000_000 });
  await using client = await openSocket(world.url);
  await client.turn({ input: 'one' });
  await client.turn({ input: 'two' });
  expect(world.simulator.seen).toHaveLength(2);
});
