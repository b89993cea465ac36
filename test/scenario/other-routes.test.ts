import { expect, test } from 'vitest';
import { idOf, openDoor, post, textOf } from '../support/doors.ts';
import { makeWorld } from '../support/world.ts';

const get = async (url: string, headers: Record<string, string> = {}) => {
  const answer = await fetch(url, { headers });
  return {
    status: answer.status,
    headers: answer.headers,
    body: (await answer.json()) as Record<string, unknown>,
  };
};

test('a response is kept for a backend that keeps nothing', async () => {
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a'] });
  const first = await post(world.url, { model: 'gpt-5.5', input: 'one' });
  const second = await post(world.url, { model: 'gpt-5.5', input: 'two', previous_response_id: idOf(first) });
  const path = `${world.url}/v1/responses/${idOf(second)}`;
  expect((await get(path)).body).toEqual(second.response);
  const items = (await get(`${path}/input_items?order=asc`)).body['data'] as { role?: string }[];
  expect(items.filter((item) => item.role === 'user')).toHaveLength(2);
  expect((await get(`${path}?stream=true`)).status).toBe(400);
  const cancel = await fetch(`${path}/cancel`, { method: 'POST' });
  expect(cancel.status).toBe(400);
  expect(await cancel.json()).toMatchObject({ error: { code: 'response_not_cancellable' } });
  const removed = await fetch(path, { method: 'DELETE' });
  expect(await removed.json()).toMatchObject({ id: idOf(second), deleted: true });
  expect((await get(path)).status).toBe(404);
});

test('a deleted response keeps its place in the conversations that go on from it', async () => {
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a', 'b'] });
  const first = await post(world.url, { model: 'gpt-5.5', input: 'one' });
  const second = await post(world.url, { model: 'gpt-5.5', input: 'two', previous_response_id: idOf(first) });
  await fetch(`${world.url}/v1/responses/${idOf(first)}`, { method: 'DELETE' });
  await world.restart();
  const third = await post(world.url, {
    model: 'gpt-5.5',
    input: 'three',
    previous_response_id: idOf(second),
  });
  expect(textOf(third)).toContain('user: one / two / three ·');
  expect(
    (await post(world.url, { model: 'gpt-5.5', input: 'x', previous_response_id: idOf(first) })).status,
  ).toBe(400);
});

test.each(['api_key', 'chatgpt'] as const)(
  'compaction moves between accounts like a turn (%s)',
  async (kind) => {
    await using world = await makeWorld({ kind, names: ['a', 'b'] });
    const first = await post(world.url, { model: 'gpt-5.5', input: 'one' });
    const spent = { type: 'usage_limit_reached', message: 'spent', resets_in_seconds: 900 };
    world.simulator.script('a', {
      fault: { kind: 'status', at: 'before_created', status: 429, body: { error: spent } },
    });
    const answer = await fetch(`${world.url}/v1/responses/compact`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'gpt-5.5', input: 'two', previous_response_id: idOf(first) }),
    });
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({
      object: 'response.compaction',
      output: [{ type: 'compaction' }],
    });
    expect(world.simulator.seen.at(-1)).toMatchObject({ account: 'b', kind: 'compact' });
    expect(world.simulator.seen.at(-1)?.historyTexts).toEqual(expect.arrayContaining(['one', 'two']));
    expect((await world.rows())[0]).toMatchObject({
      route: 'compact',
      status: 'completed',
      continuity: 'snapshot',
    });
  },
);

test('a compaction trigger is an ordinary turn, and its item goes back to whoever sealed it', async () => {
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a', 'b'] });
  await using client = await openDoor('ws', world.url, { 'thread-id': 't' });
  const user = (text: string) => ({ type: 'message', role: 'user', content: [{ type: 'input_text', text }] });
  const compacted = await client.turn({ input: [user('one'), { type: 'compaction_trigger' }] });
  const [item] = (compacted.response?.['output'] ?? []) as { type: string; id?: string }[];
  expect(item?.type).toBe('compaction');
  const { id: _, ...nameless } = item ?? {};
  const next = await client.turn({ input: [user('one'), nameless, user('two')] });
  expect(textOf(next)).toContain('two');
  expect(new Set((await world.rows()).map((row) => row.account_id)).size).toBe(1);
  const spent = { type: 'usage_limit_reached', message: 'spent', plan_type: 'plus', resets_in_seconds: 900 };
  world.simulator.script('a', {
    fault: { kind: 'status', at: 'before_created', status: 429, body: { error: spent } },
  });
  const stuck = await client.turn({ input: [user('one'), nameless, user('three')] });
  expect(stuck.status).toBe(429);
  expect(stuck.error).toMatchObject({ type: 'usage_limit_reached' });
  expect(Number(stuck.error?.['resets_in_seconds'])).toBeGreaterThan(800);
});

test('tokens are counted by an API-key account, and without one that is said', async () => {
  const body = JSON.stringify({ model: 'gpt-5.5', input: 'hello' });
  const call = (url: string) =>
    fetch(`${url}/v1/responses/input_tokens`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
  await using api = await makeWorld({ kind: 'api_key', names: ['a'] });
  expect(await (await call(api.url)).json()).toMatchObject({ object: 'response.input_tokens' });
  await using chatgpt = await makeWorld({ kind: 'chatgpt', names: ['a'] });
  const refused = await call(chatgpt.url);
  expect(refused.status).toBe(404);
  expect(await refused.json()).toMatchObject({
    error: { message: expect.stringContaining('API-key account') },
  });
});

test.each(['background', 'conversation'])(
  '%s is refused where only ChatGPT logins could serve it, not dropped',
  async (param) => {
    await using world = await makeWorld({ kind: 'chatgpt', names: ['a'] });
    const value = param === 'background' ? true : 'conv_1';
    for (const door of ['json', 'ws'] as const) {
      await using client = await openDoor(door, world.url);
      expect(await client.turn({ input: 'x', [param]: value })).toMatchObject({
        status: 400,
        error: { code: 'unsupported_parameter', param },
      });
    }
    expect(world.simulator.seen).toEqual([]);
  },
);

test('a background response is owned at once and read from its account', async () => {
  await using world = await makeWorld({ kind: 'api_key', names: ['a', 'b'] });
  const answer = await post(world.url, { model: 'gpt-5.5', input: 'later', background: true });
  expect(answer.status, JSON.stringify(answer.error)).toBe(200);
  const read = await get(`${world.url}/v1/responses/${idOf(answer)}`);
  expect(read.body).toMatchObject({ id: idOf(answer), object: 'response' });
  expect((await world.rows())[0]).toMatchObject({ response_id: idOf(answer), status: 'completed' });
});

test('Codex is shown the pool as one account', async () => {
  await using world = await makeWorld({
    kind: 'chatgpt',
    names: ['a', 'b'],
    simulated: (name) => ({
      windows: { primary: { usedPercent: name === 'a' ? 80 : 20, windowMinutes: 300, resetsInSeconds: 600 } },
    }),
  });
  for (const id of world.ids.values()) await world.admin('POST', `/api/accounts/${id}/probe`);
  for (const path of ['/api/codex/usage', '/backend-api/wham/usage']) {
    const { body } = await get(`${world.url}${path}`, { 'chatgpt-account-id': 'mine' });
    expect(body).toMatchObject({
      account_id: 'mine',
      rate_limit: { allowed: true, primary_window: { used_percent: 50, limit_window_seconds: 18_000 } },
    });
  }
  const models = await get(`${world.url}/backend-api/codex/models?client_version=0.169.0`);
  expect(models.headers.get('etag')).toBeTruthy();
  expect((models.body['models'] as { slug: string }[]).map((entry) => entry.slug)).toContain('gpt-5.5');
});

test('the account check never sends Codex past the server', async () => {
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a'] });
  const path = '/backend-api/wham/accounts/check';
  const refused = await get(`${world.url}${path}`, { 'chatgpt-account-id': 'mine' });
  expect(refused.status).toBe(503);
  expect(refused.body).toMatchObject({ error: { message: expect.stringContaining('localhost') } });
  const told = await get(`${world.url.replace('127.0.0.1', 'localhost')}${path}`, {
    'chatgpt-account-id': 'mine',
  });
  expect(told.body).toMatchObject({
    accounts: [{ id: 'mine', workspace_backend_origin: 'https://chatgpt.com' }],
  });
});

test('health and readiness answer without a key', async () => {
  await using world = await makeWorld({ kind: 'api_key', names: [] });
  expect((await get(`${world.url}/healthz`)).status).toBe(200);
  expect((await get(`${world.url}/readyz`)).body).toEqual({ status: 'ready' });
});

test('a foreign page and a foreign host are turned away', async () => {
  await using world = await makeWorld({ kind: 'api_key', names: ['a'] });
  expect((await get(`${world.url}/v1/models`, { origin: 'https://evil.example' })).status).toBe(403);
  expect((await get(`${world.url}/v1/models`, { 'x-forwarded-for': '10.0.0.1' })).status).toBe(401);
});
