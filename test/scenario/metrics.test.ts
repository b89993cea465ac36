/** The figures of a running server, and who may read them. */
import { expect, test } from 'vitest';
import { openDoor } from '../support/doors.ts';
import { makeWorld } from '../support/world.ts';

const NAMES = [
  ...['turns_total', 'attempts_total', 'failovers_total', 'active_turns', 'sessions', 'upstream_connections'],
  ...[
    'first_event_seconds',
    'turn_seconds',
    'overhead_seconds',
    'account_state',
    'account_quota_used_percent',
  ],
  ...['account_quota_reset_timestamp_seconds', 'tokens_total', 'token_refreshes_total', 'writer_queue_rows'],
  ...['writer_dropped_total', 'eventloop_lag_seconds', 'build_info'],
];

test('a turn that quota moved is seen from outside, under the names that others rely on', async () => {
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a', 'b'], loginEndsInSeconds: 60 });
  const spent = { status: 429, body: { error: { type: 'usage_limit_reached', resets_in_seconds: 600 } } };
  world.simulator.script('a', { fault: { at: 'before_created', kind: 'status', ...spent } });
  await world.admin('PATCH', `/api/accounts/${world.ids.get('a')}`, { priority: 5 });
  await using door = await openDoor('sse', world.url);
  await door.turn({ input: 'hello' });
  const text = await (await fetch(`${world.url}/metrics`)).text();
  for (const name of NAMES) expect(text).toContain(`# TYPE respool_${name} `);
  expect(text).toContain('respool_failovers_total{reason="quota",continuity="none"} 1');
  expect(text).toContain(`respool_account_state{account="${world.ids.get('a')}",state="exhausted"} 1`);
  expect(text).toContain('respool_token_refreshes_total{outcome="renewed"} 2');
  expect(text).toContain('respool_upstream_connections{transport="ws"} 1');
  expect(text).toMatch(/respool_overhead_seconds_count 1/);
  for (const name of ['@example.com', 'workspace-a', 'rt-a']) expect(text).not.toContain(name);
});

test('others than this machine need the admin token', async () => {
  await using world = await makeWorld({ kind: 'api_key', names: ['a'] });
  const from = { 'x-forwarded-for': '192.0.2.7' };
  expect((await fetch(`${world.url}/metrics`, { headers: from })).status).toBe(401);
  const authorization = `Bearer ${world.adminToken}`;
  expect((await fetch(`${world.url}/metrics`, { headers: { ...from, authorization } })).status).toBe(200);
});
