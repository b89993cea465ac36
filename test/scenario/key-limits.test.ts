/** A key's limits, and its end, hold at once and through every door. */
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { DOORS, openDoor, openSocket } from '../support/doors.ts';
import { makeWorld, type World } from '../support/world.ts';

interface Key {
  readonly id: string;
  readonly key: string;
}

const makeKey = (world: World, more: object): Promise<Key> =>
  world.admin('POST', '/api/keys', { name: 'k', ...more }) as Promise<Key>;
const bearer = ({ key }: Key) => ({ authorization: `Bearer ${key}` });

test.each(DOORS)(
  'a key over its rate is told when to come back, and no turn is written down (%s)',
  async (name) => {
    await using world = await makeWorld({ kind: 'api_key', names: ['a'] });
    const key = await makeKey(world, { limits: { requests_per_minute: 1 } });
    await using door = await openDoor(name, world.url, bearer(key));
    expect((await door.turn({ input: 'hello' })).status).toBe(200);
    const refused = await door.turn({ input: 'again' });
    expect(refused.status).toBe(429);
    expect(refused.error).toMatchObject({ code: 'rate_limit_exceeded' });
    const [last] = refused.events.slice(-1);
    const after =
      name === 'ws' ? (last?.['headers'] as Record<string, string>) : Object.fromEntries(refused.headers);
    expect(Number(after['retry-after'])).toBeGreaterThan(0);
    expect(await world.rows()).toHaveLength(1);
    await world.admin('PATCH', `/api/keys/${key.id}`, { limits: null });
    expect((await door.turn({ input: 'again' })).status).toBe(200);
  },
);

test.each(DOORS)('a key over the tokens of its day stays out, also after a restart (%s)', async (name) => {
  await using world = await makeWorld({ kind: 'api_key', names: ['a'] });
  const key = await makeKey(world, { limits: { tokens_per_day: 1 } });
  {
    await using door = await openDoor(name, world.url, bearer(key));
    expect((await door.turn({ input: 'hello' })).status).toBe(200);
    expect((await door.turn({ input: 'again' })).error).toMatchObject({ code: 'insufficient_quota' });
  }
  await world.restart();
  await using door = await openDoor(name, world.url, bearer(key));
  const refused = await door.turn({ input: 'again' });
  expect([refused.status, refused.error?.['code']]).toEqual([429, 'insufficient_quota']);
  const { data } = (await world.admin('GET', '/api/keys')) as { data: { used: { tokens_today: number } }[] };
  expect(data[0]?.used.tokens_today).toBeGreaterThan(1);
});

test('a key runs no more turns at once than it may', async () => {
  await using world = await makeWorld({ kind: 'api_key', names: ['a'] });
  world.simulator.setDefault('a', { delayMs: 300 });
  const key = await makeKey(world, { limits: { concurrent_turns: 2 } });
  await using door = await openDoor('json', world.url, bearer(key));
  const answers = await Promise.all(Array.from({ length: 5 }, () => door.turn({ input: 'hello' })));
  expect(answers.map((answer) => answer.status).toSorted()).toEqual([200, 200, 429, 429, 429]);
  expect((await door.turn({ input: 'hello' })).status).toBe(200);
});

test('a revoked key ends its open sockets', async () => {
  await using world = await makeWorld({ kind: 'api_key', names: ['a'] });
  const key = await makeKey(world, {});
  await using client = await openSocket(world.url, bearer(key));
  expect((await client.turn({ input: 'hello' })).status).toBe(200);
  const closed = once(client.socket, 'close');
  await world.admin('DELETE', `/api/keys/${key.id}`);
  const [code] = (await closed) as [number];
  expect(code).toBe(1008);
  expect(client.messages.at(-1)).toMatchObject({ type: 'error', status: 401 });
});

test('a model that is taken from a key is refused on a socket that is open', async () => {
  await using world = await makeWorld({ kind: 'api_key', names: ['a'] });
  const key = await makeKey(world, {});
  await using client = await openSocket(world.url, bearer(key));
  expect((await client.turn({ input: 'hello' })).status).toBe(200);
  await world.admin('PATCH', `/api/keys/${key.id}`, { models: ['another'] });
  expect((await client.turn({ input: 'hello' })).error).toMatchObject({ code: 'model_not_found' });
});

test.each(['json', 'sse'] as const)(
  'a key that ends, ends the turns that it has running (%s)',
  async (door) => {
    for (const ends of ['revoked', 'expired'] as const) {
      await using world = await makeWorld({ kind: 'api_key', names: ['a'] });
      world.simulator.setDefault('a', { paceMs: 300, deltas: 200 });
      const key = await makeKey(world, {});
      await using client = await openDoor(door, world.url, bearer(key));
      const cut = client.turn({ input: 'one' }).then(
        () => 'answered',
        () => 'cut',
      );
      await world.simulator.waitFor((simulator) => simulator.seen.at(-1)?.status === 'running', 2000);
      if (ends === 'revoked') await world.admin('DELETE', `/api/keys/${key.id}`);
      else
        await world.admin('PATCH', `/api/keys/${key.id}`, { expires_at: Math.ceil(Date.now() / 1000) + 1 });
      expect(await cut).toBe('cut');
      await expect.poll(async () => (await world.rows())[0]?.status).toBe('cancelled');
    }
  },
);
