import { expect, test } from 'vitest';
import { startFakeAdmin, testContext } from '../../test/support/fake-admin.ts';
import { runCli } from './cli.ts';

const KEY = {
  id: 'key_1',
  name: 'laptop',
  created_at: 1_800_000_000,
  expires_at: null,
  last_used_at: null,
  limits: {},
  used: { requests_last_minute: 0, tokens_today: 0, concurrent_turns: 0 },
};

const turn = (n: number) => ({
  id: `req_${n}`,
  at: 1_800_000_000 + n,
  door: 'ws',
  model: 'gpt-5.5',
  status: 'completed',
  account_id: 'acc_1',
  continuity: 'preserved',
  attempts: [{ account_id: 'acc_1', transport: 'ws', outcome: 'completed', ms: 5 }],
  input_tokens: 10,
  output_tokens: 2,
  first_event_ms: 3,
  total_ms: 5,
});

test('keys create prints the key alone on stdout, and a remark on stderr', async () => {
  await using admin = await startFakeAdmin(() => ({ status: 201, body: { ...KEY, key: 'rsp_abc' } }));
  const context = testContext(admin.env);
  const options = ['--expires', '2030-01-31', '--models', 'a, b', '--requests-per-minute', '6'];
  expect(await runCli(['keys', 'create', 'laptop', ...options], context)).toBe(0);
  expect(admin.seen[0]?.body).toEqual({
    name: 'laptop',
    expires_at: Date.UTC(2030, 0, 31) / 1000,
    models: ['a', 'b'],
    limits: { requests_per_minute: 6 },
  });
  expect(context.printed).toEqual(['rsp_abc']);
  expect(context.notes.join()).toContain('only time');
});

test('keys revoke finds the key by name', async () => {
  await using admin = await startFakeAdmin(({ method }) =>
    method === 'GET' ? { body: { data: [KEY] } } : {},
  );
  expect(await runCli(['keys', 'revoke', 'laptop'], testContext(admin.env))).toBe(0);
  expect(admin.seen[1]).toMatchObject({ method: 'DELETE', path: '/api/keys/key_1' });
});

test('keys list says how much of each limit is used', async () => {
  const limits = { requests_per_minute: 10, tokens_per_day: null, concurrent_turns: 2 };
  const used = { requests_last_minute: 3, tokens_today: 500, concurrent_turns: 0 };
  await using admin = await startFakeAdmin(() => ({ body: { data: [{ ...KEY, limits, used }] } }));
  const context = testContext(admin.env);
  expect(await runCli(['keys', 'list'], context)).toBe(0);
  expect(context.printed.join()).toMatch(/ 3\/10 requests a minute, 0\/2 turns at once$/);
});

test.each([['accounts'], ['keys'], ['sessions']])(
  '%s list of nothing is a remark, not a table',
  async (what) => {
    await using admin = await startFakeAdmin(() => ({ body: { data: [] } }));
    const context = testContext(admin.env);
    expect(await runCli([what, 'list'], context)).toBe(0);
    expect(context.printed).toEqual([]);
    expect(context.notes).toHaveLength(1);
  },
);

test('sessions list counts switches', async () => {
  const session = {
    id: 's1',
    tenant: 'local',
    key_kind: 'thread',
    account_id: 'acc_1',
    socket: 'open',
    turns: 7,
  };
  const switches = [{ at: 1, from: 'acc_0', to: 'acc_1', reason: 'quota' }];
  await using admin = await startFakeAdmin(() => ({
    body: { data: [{ ...session, switches, last_turn_at: 1 }] },
  }));
  const context = testContext(admin.env);
  await runCli(['sessions', 'list'], context);
  expect(context.printed.join('\n')).toMatch(/s1 +local +thread +acc_1 +open +7 +1 /);
});

test('requests shows the newest last and passes filters on', async () => {
  await using admin = await startFakeAdmin(() => ({ body: { data: [turn(2), turn(1)] } }));
  const context = testContext(admin.env);
  await runCli(['requests', '--limit', '2', '--status', 'failed', '--account', 'acc_1'], context);
  expect(admin.seen[0]?.path).toBe('/api/requests?limit=2&account=acc_1&status=failed');
  const [heading, first, second] = context.printed.join('\n').split('\n');
  expect(heading).toMatch(/^AT +ID +DOOR/);
  expect([first, second].map((line) => line?.match(/req_\d/)?.[0])).toEqual(['req_1', 'req_2']);
});

test('requests -f shows each further turn once, and none from before the first screen', async () => {
  const screens = [[3], [3, 2, 1], [5, 4, 3, 2, 1], [5, 4, 3, 2, 1]];
  let round = 0;
  await using admin = await startFakeAdmin(() => ({ body: { data: (screens[round++] ?? []).map(turn) } }));
  const context = testContext(admin.env, { rounds: 3 });
  expect(await runCli(['requests', '-f', '--json', '--limit', '1'], context)).toBe(0);
  expect(context.printed.map((line) => JSON.parse(line).id)).toEqual(['req_3', 'req_4', 'req_5']);
});

test('requests -f begins with an empty log and shows what comes', async () => {
  let round = 0;
  await using admin = await startFakeAdmin(() => ({ body: { data: round++ === 0 ? [] : [turn(1)] } }));
  const context = testContext(admin.env, { rounds: 2 });
  await runCli(['requests', '--follow', '--json'], context);
  expect(context.printed).toHaveLength(1);
});

test('status shows every figure, however deep', async () => {
  const status = { version: '1', uptime: 5, pool: { ready: 2, next_at: null } };
  await using admin = await startFakeAdmin(() => ({ body: status }));
  const context = testContext(admin.env);
  await runCli(['status'], context);
  expect(context.printed.join('\n')).toBe('version: 1\nuptime: 5\npool.ready: 2\npool.next_at: -');
});

test('snippet names the address of the configuration', async () => {
  const context = testContext({ RESPOOL_HOST: '0.0.0.0', RESPOOL_PORT: '9000' });
  expect(await runCli(['snippet', 'codex'], context)).toBe(0);
  expect(context.printed.join()).toContain('base_url = "http://127.0.0.1:9000/v1"');
  expect(context.printed.join()).toContain('name = "respool"');
});

test.each([['codex'], ['curl'], ['python'], ['js']])(
  'the %s snippet for another machine sends a key',
  async (kind) => {
    const context = testContext({});
    await runCli(['snippet', kind, '--url', 'https://pool.example/'], context);
    expect(context.printed.join()).toContain('https://pool.example/v1');
    expect(context.printed.join()).toMatch(/^(?!# env_key).*RSP_API_KEY/m);
  },
);
