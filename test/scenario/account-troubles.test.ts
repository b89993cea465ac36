/** Troubles of accounts, logins and hosts that are no verdict on an account, or only for a while. */
import { describe, expect, test } from 'vitest';
import { DOORS, idOf, openDoor, post, textOf } from '../support/doors.ts';
import { fakeLogin, type Kind, makeWorld, type World } from '../support/world.ts';

const KINDS: readonly Kind[] = ['api_key', 'chatgpt'];
const ask = (world: World, more: object = {}) =>
  post(world.url, { model: 'gpt-5.5', input: 'hello', ...more });
const statuses = async (world: World, names = ['a', 'b', 'c']): Promise<unknown[]> =>
  Promise.all(names.map(async (name) => (await world.account(name))['status']));

test('one incident of the login service signs nobody out: all serve again as soon as it is over', async () => {
  await using world = await makeWorld({ kind: 'chatgpt', env: { RESPOOL_FAILOVER_BUDGET_MS: '3000' } });
  world.simulator.refuseTokens();
  for (let n = 0; n < 3; n += 1) expect((await ask(world)).status).toBe(503);
  expect(await statuses(world)).toEqual(['ready', 'ready', 'ready']);
  world.simulator.acceptTokens();
  for (const _ of [1, 2, 3]) expect((await ask(world)).status).toBe(200);
});

test('every key refused within a minute is trouble of the host, one refused key is trouble of the key', async () => {
  await using world = await makeWorld({ kind: 'api_key', names: ['a', 'b'] });
  world.simulator.replaceToken('a', 'sk-other-a');
  expect((await ask(world)).status).toBe(200);
  expect(await statuses(world, ['a', 'b'])).toEqual(['needs_login', 'ready']);
  world.simulator.replaceToken('b', 'sk-other-b');
  expect((await ask(world)).status).toBe(503);
  expect(await statuses(world, ['a', 'b'])).toEqual(['ready', 'ready']);
});

test.each([
  { status: 503, body: '<html>busy</html>' },
  { status: 500, body: { error: 'x' } },
  { status: 429, body: {} },
  'hang_up',
] as const)(
  'trouble of the login service (%o) is no verdict: the login is asked again and the turn goes on',
  async (trouble) => {
    await using world = await makeWorld({
      kind: 'chatgpt',
      names: ['a', 'b'],
      env: { RESPOOL_FAILOVER_BUDGET_MS: '1000' },
    });
    world.simulator.setLoginService(trouble);
    world.simulator.replaceToken('a', 'another');
    expect((await ask(world)).status).toBe(200);
    const account = await world.account('a');
    expect(account['status']).toBe('cooling');
    expect(Number(account['available_at']) - Date.now() / 1000).toBeLessThan(600);
  },
);

test('a single account waits for its login service within the hold', async () => {
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a'] });
  world.simulator.scriptRefresh({ status: 503, body: '' });
  world.simulator.replaceToken('a', 'another');
  const answer = await ask(world);
  expect(textOf(answer), JSON.stringify(answer.error)).toContain('user: hello ·');
  expect(world.simulator.refreshes).toEqual(['rt-a', 'rt-a']);
}, 15_000);

const HANDSHAKES = [
  'refused_400',
  'refused_403',
  'refused_404',
  'refused_405',
  'refused_426',
  'refused_500',
  'refused_503_page',
] as const;

describe.each(KINDS)('a server that refuses handshakes (%s)', (kind) => {
  test.each(HANDSHAKES)('with %s is spoken to over HTTP, and is not asked again', async (websocket) => {
    await using world = await makeWorld({ kind, names: ['a'], simulated: () => ({ websocket }) });
    await using client = await openDoor('json', world.url, { 'session-id': 's' });
    const first = await client.turn({ input: 'one' });
    const second = await client.turn({ input: 'two', previous_response_id: idOf(first) });
    expect(textOf(second), JSON.stringify(second.error)).toContain('user: one / two ·');
    expect(world.simulator.upgrades('a')).toBe(1);
    expect(await statuses(world, ['a'])).toEqual(['ready']);
  });
});

test('an address that nobody knows begins with HTTP, unless the account says WebSocket', async () => {
  await using world = await makeWorld({
    kind: 'api_key',
    names: ['a'],
    env: { RESPOOL_OPENAI_BASE_URL: 'http://127.0.0.1:9/v1' },
  });
  const base = { kind: 'api_key', api_key: 'sk-a', base_url: world.simulator.openaiBaseUrl };
  await world.admin('DELETE', `/api/accounts/${world.ids.get('a')}`);
  const { id } = (await world.admin('POST', '/api/accounts', { ...base, name: 'own' })) as { id: string };
  expect((await ask(world)).status).toBe(200);
  expect(world.simulator.upgrades('a')).toBe(0);
  await world.admin('PATCH', `/api/accounts/${id}`, { transport: 'websocket' });
  expect((await ask(world)).status).toBe(200);
  await world.admin('PATCH', `/api/accounts/${id}`, { transport: 'auto' });
  expect((await ask(world)).status).toBe(200);
  expect(world.simulator.seen.map((turn) => turn.transport)).toEqual(['http', 'ws', 'ws']);
});

test('a model that no account has is asked for each time; one that another account has is kept for minutes', async () => {
  await using world = await makeWorld({
    kind: 'api_key',
    names: ['a', 'b'],
    simulated: (name) => ({ models: name === 'a' ? ['gpt-5.5'] : ['gpt-5.5', 'gpt-b'] }),
  });
  for (const asked of [2, 4]) {
    expect((await ask(world, { model: 'gpt-none' })).status).toBe(404);
    expect(world.simulator.refusals).toHaveLength(asked);
  }
  for (const _ of [1, 2]) expect((await ask(world, { model: 'gpt-b' })).status).toBe(200);
  expect(world.simulator.refusals.length).toBeLessThanOrEqual(5);
  expect(await statuses(world, ['a', 'b'])).toEqual(['ready', 'ready']);
});

test('a compaction may take longer than a first event, and is asked for once', async () => {
  await using world = await makeWorld({
    kind: 'chatgpt',
    names: ['a', 'b'],
    env: { RESPOOL_FIRST_EVENT_TIMEOUT_MS: '50' },
  });
  world.simulator.setDefault('a', { delayMs: 300 });
  const answer = await fetch(`${world.url}/v1/responses/compact`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'gpt-5.5', input: 'one' }),
  });
  expect(answer.status).toBe(200);
  expect(world.simulator.seen).toHaveLength(1);
});

const ABSURD: readonly (readonly [string, object, Record<string, string>])[] = [
  ['the year 5138', { resets_at: 100_000_000_000 }, {}],
  ['a million years of seconds', { resets_in_seconds: 31_536_000_000_000 }, {}],
  ['a retry-after beyond all bounds', {}, { 'retry-after': '99999999999' }],
  ['a time before now', { resets_at: -5 }, {}],
];

test.each(ABSURD)('a reset of %s blocks an account for minutes, not for ever', async (_, error, headers) => {
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a', 'b'] });
  world.simulator.script('a', {
    fault: {
      kind: 'status',
      at: 'before_created',
      status: 429,
      headers,
      body: { error: { type: 'usage_limit_reached', message: 'spent', ...error } },
    },
  });
  expect((await ask(world)).status).toBe(200);
  const account = await world.account('a');
  expect(account['status']).toBe('exhausted');
  expect(Number(account['available_at']) * 1000 - Date.now()).toBeLessThan(3_600_000);
});

test('a window that claims to end in the year 5138 blocks nobody for ever', async () => {
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a', 'b'] });
  world.simulator.setWindows('a', {
    primary: { usedPercent: 100, windowMinutes: 300, resetsInSeconds: 98_000_000_000 },
  });
  await ask(world);
  const { windows, available_at: at } = await world.account('a');
  expect(windows[0]?.resets_at).toBeNull();
  expect(at ?? 0).toBeLessThan(Date.now() / 1000 + 3600);
});

test('limits that were read at a handshake do not overwrite fresher ones with every turn', async () => {
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a'] });
  await using client = await openDoor('ws', world.url, { 'session-id': 's' });
  const window = (usedPercent: number) => ({
    primary: { usedPercent, windowMinutes: 300, resetsInSeconds: 9000 },
  });
  world.simulator.setWindows('a', window(10));
  const first = await client.turn({ input: 'one' });
  world.simulator.setWindows('a', window(60));
  world.simulator.script('a', { vendorFrames: [] }, { vendorFrames: [] });
  await world.admin('POST', `/api/accounts/${world.ids.get('a')}/probe`);
  await client.turn({ input: 'two', previous_response_id: idOf(first) });
  const { windows } = await world.account('a');
  expect(windows[0]?.used_percent).toBe(60);
  expect(world.simulator.upgrades('a')).toBe(1);
});

test('a session is one and the same after a restart, however its turns name it', async () => {
  await using world = await makeWorld({ kind: 'api_key', names: ['a'] });
  const named = await openDoor('json', world.url, { 'thread-id': 't' });
  const first = await named.turn({ input: 'one' });
  await world.restart();
  await post(world.url, { model: 'gpt-5.5', input: 'two', previous_response_id: idOf(first) });
  await using again = await openDoor('json', world.url, { 'thread-id': 't' });
  await again.turn({ input: 'three', previous_response_id: idOf(first) });
  const { data } = (await world.admin('GET', '/api/sessions')) as { data: { id: string; turns: number }[] };
  expect(data).toMatchObject([{ turns: 2 }]);
  await world.admin('DELETE', `/api/sessions/${data[0]?.id}`);
  expect((await world.account('a'))['sessions']).toBe(0);
});

test('turns without any identity leave a few dozen sockets, not one each', async () => {
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a', 'b'] });
  for (let n = 0; n < 60; n += 1) expect((await ask(world)).status).toBe(200);
  await world.simulator.waitFor((simulator) => simulator.openSockets() <= 32);
});

test('a login that was refused serves again, without a refresh, when its token is accepted after all', async () => {
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a', 'b'] });
  world.simulator.replaceToken('a', 'another');
  world.simulator.scriptRefresh({ status: 400, body: { error: { code: 'invalid_grant', message: 'no' } } });
  expect((await ask(world)).status).toBe(200);
  expect(await statuses(world, ['a'])).toEqual(['needs_login']);
  world.simulator.replaceToken('a', fakeLogin('a').token);
  await world.admin('POST', `/api/accounts/${world.ids.get('a')}/probe`);
  expect(await statuses(world, ['a'])).toEqual(['ready']);
});

test.each(DOORS)(
  'two accounts that time out on a key’s model are told as what they are (%s)',
  async (door) => {
    await using world = await makeWorld({
      kind: 'api_key',
      names: ['a', 'b'],
      env: { RESPOOL_FIRST_EVENT_TIMEOUT_MS: '40' },
    });
    for (const name of ['a', 'b'])
      world.simulator.setDefault(name, { fault: { kind: 'silence', at: 'before_created' } });
    await using client = await openDoor(door, world.url);
    const answer = await client.turn({ input: 'hello' });
    expect(answer).toMatchObject({ status: 502, error: { code: 'stream_incomplete' } });
    expect(world.simulator.seen.map((turn) => turn.account)).toEqual(['a', 'a', 'b']);
  },
);
