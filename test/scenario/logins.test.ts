/** Signing in: by a code on another device and in a browser, against the simulated login service. */
import { expect, test } from 'vitest';
import { post } from '../support/doors.ts';
import { makeWorld, type World } from '../support/world.ts';

interface Shown {
  readonly id: string;
  readonly url: string;
  readonly user_code?: string;
  readonly status: string;
  readonly account_id?: string;
  readonly error?: string;
}

const start = (world: World, method: string): Promise<Shown> =>
  world.admin('POST', '/api/logins', { method }) as Promise<Shown>;
const look = (world: World, { id }: Shown): Promise<Shown> =>
  world.admin('GET', `/api/logins/${id}`) as Promise<Shown>;
const paste = (world: World, { id }: Shown, url: string): Promise<Shown> =>
  world.admin('POST', `/api/logins/${id}/callback`, { url }) as Promise<Shown>;

/** What a browser does: asks the login service, which sends it back with a code at once. */
async function signIn(login: Shown): Promise<URL> {
  const answer = await fetch(login.url, { redirect: 'manual' });
  return new URL(answer.headers.get('location') ?? 'missing:');
}

async function ended(world: World, login: Shown): Promise<Shown> {
  await expect.poll(async () => (await look(world, login)).status, { timeout: 10_000 }).not.toBe('pending');
  return look(world, login);
}

test('a device login waits for the person, then its account serves', async () => {
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a'] });
  await world.admin('DELETE', `/api/accounts/${world.ids.get('a')}`);
  world.simulator.setDevicePendings(1);
  const login = await start(world, 'device');
  expect(login.url).toBe(`${world.simulator.authBaseUrl}/codex/device`);
  expect(login.user_code).toMatch(/^\w{4}-\w{4}$/);
  expect((await look(world, login)).status).toBe('pending');
  const done = await ended(world, login);
  expect(done).toMatchObject({ status: 'complete' });
  expect((await post(world.url, { model: 'gpt-5.5', input: 'hello' })).status).toBe(200);
  const { data } = (await world.admin('GET', '/api/accounts')) as { data: { id: string; plan: string }[] };
  expect(data.map((account) => [account.id, account.plan])).toEqual([[done.account_id, 'plus']]);
});

test('the same login again updates its account', async () => {
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a', 'b'] });
  world.simulator.setNextLogin('b');
  const done = await ended(world, await start(world, 'device'));
  expect(done.account_id).toBe(world.ids.get('b'));
});

test('a browser login takes the pasted address once, and only its own', async () => {
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a'] });
  await world.admin('PATCH', `/api/accounts/${world.ids.get('a')}`, { name: 'mine' });
  const login = await start(world, 'browser');
  const back = await signIn(login);
  const wrong = new URL(back);
  wrong.searchParams.set('state', 'somebody-elses');
  await expect(paste(world, login, wrong.href)).rejects.toThrow(/400 .*state_mismatch/);
  expect((await look(world, login)).status).toBe('pending');
  expect(await paste(world, login, back.href)).toMatchObject({
    status: 'complete',
    account_id: world.ids.get('a'),
  });
  await expect(paste(world, login, back.href)).rejects.toThrow(/409 .*login_already_used/);
});

test('the browser itself may bring the code, to a listener that closes with the login', async () => {
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a'] });
  const login = await start(world, 'browser');
  const back = await signIn(login);
  back.hostname = '127.0.0.1';
  expect((await fetch(back)).status).toBe(200);
  expect((await look(world, login)).status).toBe('complete');
  await expect(fetch(back)).rejects.toThrow();
});

test('a login that the person denies, or whose code is refused, says so', async () => {
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a'] });
  const denied = await start(world, 'browser');
  const no = await signIn(denied);
  no.searchParams.delete('code');
  no.searchParams.set('error', 'access_denied');
  expect(await paste(world, denied, no.href)).toMatchObject({ status: 'failed', error: 'access_denied' });
  const forged = await start(world, 'browser');
  const other = await signIn(forged);
  other.searchParams.set('code', 'code.made-up');
  expect(await paste(world, forged, other.href)).toMatchObject({ status: 'failed', error: 'invalid_grant' });
});

test.each([
  [{ method: 'carrier pigeon' }, 400],
  [{ method: 'device', name: 'x' }, 400],
])('a login that cannot be meant is refused (%j)', async (body, status) => {
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a'] });
  await expect(world.admin('POST', '/api/logins', body)).rejects.toThrow(new RegExp(`${status}`));
});

test('an unknown login and an address without a code are told apart', async () => {
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a'] });
  await expect(world.admin('GET', '/api/logins/login_none')).rejects.toThrow(/404 .*login_not_found/);
  const login = await start(world, 'browser');
  const back = await signIn(login);
  back.searchParams.delete('code');
  await expect(paste(world, login, back.href)).rejects.toThrow(/400 .*invalid_value/);
  const device = await start(world, 'device');
  await expect(paste(world, device, back.href)).rejects.toThrow(/400 .*not_a_browser_login/);
});
