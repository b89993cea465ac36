import { expect, test } from 'vitest';
import { post } from '../support/doors.ts';
import { bearer, listen } from '../support/live-stream.ts';
import { makeWorld, type World } from '../support/world.ts';

test('a turn is told of while it runs, when it is committed, and in what it changes', async () => {
  await using world = await makeWorld({ kind: 'api_key', names: ['a'] });
  await using stream = await listen(world, bearer(world));
  await stream.next((event) => event.name === 'hello');
  world.simulator.script('a', { paceMs: 20 });
  const running = post(world.url, { model: 'gpt-5.5', input: 'hello', stream: true });
  const output = await stream.next((event) => event.name === 'turn' && event.data['phase'] === 'output');
  expect(output.data).toMatchObject({ model: 'gpt-5.5', account_id: world.ids.get('a'), attempts: 1 });
  const shown = (await world.admin('GET', '/api/turns')) as { data: object[] };
  expect(shown.data).toMatchObject([{ id: output.data['id'], phase: 'output' }]);
  await running;
  const row = await stream.next((event) => event.name === 'request');
  expect(row.data).toMatchObject({ id: output.data['id'], status: 'completed' });
  await stream.next((event) => event.name === 'turn' && event.data['phase'] === 'done');
  await stream.next((event) => event.name === 'session' && event.data['id'] === row.data['session']);
  await stream.next((event) => event.name === 'account' && event.data['sessions'] === 1);
  expect(await world.admin('GET', '/api/turns')).toEqual({ data: [] });
});

test('a switch of account is told of with its reason', async () => {
  await using world = await makeWorld({
    kind: 'api_key',
    names: ['a', 'b'],
    simulated: (name) => (name === 'a' ? { turnsBeforeQuota: 1 } : {}),
  });
  await using stream = await listen(world, bearer(world));
  for (const _ of [1, 2]) await post(world.url, { model: 'gpt-5.5', input: 'hello' }, { 'session-id': 's' });
  const [from, to] = [world.ids.get('a'), world.ids.get('b')];
  const wanted = expect.arrayContaining([expect.objectContaining({ from, to })]);
  const moved = await stream.next(
    (event) => event.name === 'session' && wanted.asymmetricMatch(event.data['switches']),
  );
  expect(moved.data).toMatchObject({ account_id: to });
  await stream.next(
    (event) => event.name === 'account' && event.data['id'] === from && event.data['status'] === 'exhausted',
  );
});

test('who comes back with the last id is given what was missed, and no more', async () => {
  await using world = await makeWorld({ kind: 'api_key', names: ['a'] });
  const first = await listen(world, bearer(world));
  const hello = await first.next((event) => event.name === 'hello');
  await first[Symbol.asyncDispose]();
  await post(world.url, { model: 'gpt-5.5', input: 'hello' });
  await using again = await listen(world, { ...bearer(world), 'last-event-id': hello.id ?? '' });
  await again.next((event) => event.name === 'request');
  expect(again.heard.some((event) => event.name === 'resync')).toBe(false);
  await using stranger = await listen(world, { ...bearer(world), 'last-event-id': 'elsewhere-3' });
  await stranger.next((event) => event.name === 'resync');
});

async function signIn(world: World, token: string): Promise<Response> {
  return fetch(`${world.url}/api/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token }),
  });
}

const codeOf = async (answer: Response): Promise<unknown> =>
  ((await answer.json()) as { error: { code: unknown } }).error.code;

test('the admin token opens a session in a cookie that scripts cannot read, and signing out ends it', async () => {
  await using world = await makeWorld({ kind: 'api_key', names: ['a'] });
  const wrong = await signIn(world, 'wrong');
  expect([wrong.status, wrong.headers.get('set-cookie')]).toEqual([401, null]);
  const signedIn = await signIn(world, world.adminToken);
  const set = signedIn.headers.get('set-cookie') ?? '';
  expect(set).toMatch(/; HttpOnly/);
  expect(set).toMatch(/; SameSite=Strict/);
  const cookie = set.split(';')[0] ?? '';
  const get = (path: string) => fetch(`${world.url}${path}`, { headers: { cookie } });
  expect((await get('/api/accounts')).status).toBe(200);
  await using stream = await listen(world, { cookie });
  const out = await fetch(`${world.url}/api/login`, {
    method: 'DELETE',
    headers: { cookie, 'sec-fetch-site': 'same-origin' },
  });
  expect(out.status).toBe(204);
  await stream.ended;
  expect((await get('/api/accounts')).status).toBe(401);
  expect(await (await get('/api/login')).json()).toEqual({ signed_in: false });
});

test('with a cookie only pages of this very server change anything', async () => {
  await using world = await makeWorld({ kind: 'api_key', names: ['a'] });
  const signedIn = await signIn(world, world.adminToken);
  const cookie = signedIn.headers.get('set-cookie')?.split(';')[0] ?? '';
  const probe = async (headers: Record<string, string>): Promise<number> => {
    const path = `/api/accounts/${world.ids.get('a')}/probe`;
    return (await fetch(`${world.url}${path}`, { method: 'POST', headers: { cookie, ...headers } })).status;
  };
  expect(await probe({})).toBe(403);
  expect(await probe({ 'sec-fetch-site': 'same-site' })).toBe(403);
  expect(await probe({ origin: 'http://127.0.0.1:1' })).toBe(403);
  expect(await probe({ origin: world.url })).toBe(200);
  expect(await probe({ 'sec-fetch-site': 'same-origin' })).toBe(200);
});

test('an address that guesses is not heard any more, not even with the right token', async () => {
  await using world = await makeWorld({ kind: 'api_key', names: ['a'] });
  const guess = (token: string) =>
    fetch(`${world.url}/api/status`, { headers: { authorization: `Bearer ${token}` } });
  const signedIn = await signIn(world, world.adminToken);
  for (let i = 0; i < 5; i += 1) expect((await guess('wrong')).status).toBe(401);
  for (let i = 0; i < 5; i += 1) expect((await signIn(world, 'wrong')).status).toBe(401);
  const refused = await guess(world.adminToken);
  expect([refused.status, await codeOf(refused)]).toEqual([429, 'too_many_attempts']);
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  expect((await signIn(world, world.adminToken)).status).toBe(429);
  const cookie = signedIn.headers.get('set-cookie')?.split(';')[0] ?? '';
  expect((await fetch(`${world.url}/api/status`, { headers: { cookie } })).status).toBe(200);
});

test('usage is summed per model, account and key, with an estimate of its cost', async () => {
  await using world = await makeWorld({ kind: 'api_key', names: ['a'] });
  world.simulator.script('a', { usage: { input_tokens: 1_000_000, output_tokens: 100_000 } });
  await post(world.url, { model: 'gpt-5.5', input: 'hello' });
  const usage = (await world.admin('GET', '/api/usage?range=7d')) as Record<string, unknown>;
  expect(usage).toMatchObject({
    totals: { turns: 1, input_tokens: 1_000_000, cost_usd: 8 },
    models: [{ id: 'gpt-5.5' }],
    accounts: [{ id: world.ids.get('a') }],
    keys: [{ id: 'local', output_tokens: 100_000 }],
  });
  await expect(world.admin('GET', '/api/usage?range=1y')).rejects.toThrow('400');
});
