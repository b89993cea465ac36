import { expect, test } from 'vitest';
import { DOORS, openDoor, post } from '../support/doors.ts';
import { makeWorld } from '../support/world.ts';

test.each(DOORS)('without an account the %s door says so in one sentence that helps', async (door) => {
  await using world = await makeWorld({ kind: 'api_key', names: [] });
  await using client = await openDoor(door, world.url);
  const answer = await client.turn({ input: 'hello' });
  expect(answer.status).toBe(503);
  expect(answer.error?.['code']).toBe('no_accounts');
  expect(answer.error?.['message']).toContain('respool accounts add');
  expect(await world.rows()).toMatchObject([{ door, status: 'failed', error: { code: 'no_accounts' } }]);
});

const usageLimit = {
  type: 'usage_limit_reached',
  message: 'spent',
  plan_type: 'plus',
  resets_in_seconds: 900,
};

test.each(DOORS)('when every account is out of quota the %s door names the earliest reset', async (door) => {
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a', 'b'] });
  const spent = (seconds: number) => ({
    fault: {
      kind: 'status' as const,
      at: 'before_created' as const,
      status: 429,
      body: { error: { ...usageLimit, resets_in_seconds: seconds } },
    },
  });
  world.simulator.script('a', spent(5000));
  world.simulator.script('b', spent(900));
  await using client = await openDoor(door, world.url);
  const answer = await client.turn({ input: 'hello' });
  expect(answer.status).toBe(429);
  expect(answer.error).toMatchObject({
    type: 'usage_limit_reached',
    code: 'usage_limit_reached',
    plan_type: 'plus',
  });
  expect(Number(answer.error?.['resets_in_seconds'])).toBeGreaterThan(890);
  expect(Number(answer.error?.['resets_in_seconds'])).toBeLessThanOrEqual(900);
  const asked = world.simulator.seen.length;
  const again = await client.turn({ input: 'hello' });
  expect(again.status).toBe(429);
  expect(world.simulator.seen).toHaveLength(asked);
  expect((await world.account('a'))['status']).toBe('exhausted');
});

test('an HTTP client is told when to come back, and not to hurry', async () => {
  await using world = await makeWorld({ kind: 'api_key', names: ['a'] });
  world.simulator.script('a', {
    fault: { kind: 'status', at: 'before_created', status: 429, body: { error: usageLimit } },
  });
  const { headers } = await post(world.url, { model: 'gpt-5.5', input: 'hello' });
  expect(headers.get('retry-after')).toBe('60');
  expect(headers.get('x-should-retry')).toBe('false');
  expect(headers.get('x-request-id')).toMatch(/^req_/);
});
