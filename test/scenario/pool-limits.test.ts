/** A Codex client that asks for its limits, or reads them in passing, sees the pool as if it were one account. */
import { expect, test } from 'vitest';
import { openDoor } from '../support/doors.ts';
import { makeWorld } from '../support/world.ts';

const CODEX = { originator: 'codex_cli_rs' };
const USED: Readonly<Record<string, number>> = { a: 60, b: 20 };
const simulated = (name: string) => ({
  windows: { primary: { usedPercent: USED[name] ?? 0, windowMinutes: 300, resetsInSeconds: 9000 } },
});

interface Usage {
  readonly plan_type: string;
  readonly rate_limit: {
    readonly limit_reached: boolean;
    readonly primary_window: { readonly used_percent: number; readonly reset_after_seconds: number };
  };
}

test.each(['/api/codex/usage', '/backend-api/wham/usage'])(
  '%s shows what is left over all accounts',
  async (path) => {
    await using world = await makeWorld({ kind: 'chatgpt', names: ['a', 'b'], simulated });
    const usage = async () => (await (await fetch(`${world.url}${path}`)).json()) as Usage;
    expect(await usage()).toMatchObject({
      plan_type: 'plus',
      rate_limit: { limit_reached: false, primary_window: { used_percent: 40 } },
    });
    world.simulator.script('b', {
      fault: {
        at: 'before_created',
        kind: 'status',
        status: 429,
        body: { error: { type: 'usage_limit_reached', resets_in_seconds: 600 } },
      },
    });
    await using door = await openDoor('json', world.url);
    await world.admin('PATCH', `/api/accounts/${world.ids.get('b')}`, { priority: 5 });
    await door.turn({ input: 'hello' });
    const after = await usage();
    expect(after.rate_limit.primary_window.used_percent).toBe(80);
    expect(after.rate_limit.primary_window.reset_after_seconds).toBeLessThanOrEqual(600);
  },
);

test('a key sees only the accounts it may use', async () => {
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a', 'b'], simulated });
  const body = { name: 'one', accounts: [world.ids.get('b')] };
  const { key } = (await world.admin('POST', '/api/keys', body)) as { key: string };
  const headers = { authorization: `Bearer ${key}` };
  const usage = (await (await fetch(`${world.url}/api/codex/usage`, { headers })).json()) as Usage;
  expect(usage.rate_limit.primary_window.used_percent).toBe(20);
});

test('headers and frames towards Codex carry the figures of the pool, towards others none', async () => {
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a', 'b'], simulated });
  await using codex = await openDoor('sse', world.url, CODEX);
  const answer = await codex.turn({ input: 'hello' });
  expect(answer.headers.get('x-codex-primary-used-percent')).toBe('40');
  const limits = answer.events.find((event) => event.type === 'codex.rate_limits');
  expect(limits?.['rate_limits']).toMatchObject({ primary: { used_percent: 40 } });
  await using other = await openDoor('sse', world.url);
  const plain = await other.turn({ input: 'hello' });
  expect([...plain.headers.keys()].filter((name) => name.startsWith('x-codex'))).toEqual([]);
  expect(plain.events.some((event) => event.type === 'codex.rate_limits')).toBe(false);
});
