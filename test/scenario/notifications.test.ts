import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { post } from '../support/doors.ts';
import { makeWorld, type World } from '../support/world.ts';

interface Heard {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Record<string, unknown>;
}

/** Someone else's server that announcements go to. */
async function openTarget(status = 200) {
  const heard: Heard[] = [];
  const server = createServer(async (request, response) => {
    const text = Buffer.concat(await request.toArray()).toString();
    heard.push({ path: request.url ?? '', headers: request.headers, body: JSON.parse(text) });
    response.writeHead(status).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    heard,
    events: () => heard.map(({ body }) => body['event']),
    origin: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

const spent = {
  fault: {
    kind: 'status' as const,
    at: 'before_created' as const,
    status: 429,
    body: { error: { type: 'usage_limit_reached', message: 'spent', resets_in_seconds: 900 } },
  },
};

const turn = (world: World) => post(world.url, { model: 'gpt-5.5', input: 'hello' });
const put = (world: World, notifications: readonly object[]) =>
  world.admin('PUT', '/api/settings', { notifications });
const shown = async (world: World) =>
  ((await world.admin('GET', '/api/settings')) as { notifications: Record<string, unknown>[] }).notifications;

test('an account that runs dry and is freed is announced once each, however often it fails again', async () => {
  await using world = await makeWorld({ kind: 'api_key', names: ['a', 'b'] });
  await using target = await openTarget();
  await put(world, [{ kind: 'webhook', url: `${target.origin}/hook` }]);

  world.simulator.script('a', spent);
  await turn(world);
  await turn(world);
  await expect.poll(target.events).toEqual(['account_exhausted']);
  expect(target.heard[0]?.body).toMatchObject({
    account_id: world.ids.get('a'),
    text: expect.stringMatching(/^Account a is out of quota until .* UTC; 1 of 2 accounts can serve\.$/),
  });

  await world.admin('POST', `/api/accounts/${world.ids.get('a')}/probe`);
  await expect.poll(target.events).toEqual(['account_exhausted', 'account_back']);

  // Both fail: the news about b and the pool comes from a look that has seen a fail once more.
  world.simulator.script('a', spent);
  world.simulator.script('b', spent);
  await turn(world);
  await expect
    .poll(target.events)
    .toEqual(['account_exhausted', 'account_back', 'account_exhausted', 'pool_exhausted']);
  expect(target.heard[2]?.body['account_id']).toBe(world.ids.get('b'));
  expect((await world.account('a'))['status']).toBe('exhausted');
});

test('the test button reaches every channel, or one, and says what went wrong', async () => {
  await using world = await makeWorld({ kind: 'api_key', names: [] });
  await using good = await openTarget();
  await using bad = await openTarget(404);
  await put(world, [
    { kind: 'webhook', url: `${good.origin}/hook`, token: 'tk', events: ['pool_back'] },
    { kind: 'slack', url: `${bad.origin}/services/secret` },
  ]);
  expect(await world.admin('POST', '/api/notifications/test')).toEqual({
    data: [
      { kind: 'webhook', ok: true },
      { kind: 'slack', ok: false, error: 'the answer was 404' },
    ],
  });
  expect(good.heard).toMatchObject([
    { path: '/hook', headers: { authorization: 'Bearer tk' }, body: { event: 'test' } },
  ]);
  expect(await world.admin('POST', '/api/notifications/test', { index: 0 })).toEqual({
    data: [{ kind: 'webhook', ok: true }],
  });
  expect([good.heard.length, bad.heard.length]).toEqual([2, 1]);
  await expect(world.admin('POST', '/api/notifications/test', { index: 2 })).rejects.toThrow(
    /400 .*no channel 2/,
  );
});

test('secrets are shown masked, and a mask that comes back keeps what it stands for', async () => {
  await using world = await makeWorld({ kind: 'api_key', names: [] });
  await using target = await openTarget();
  await put(world, [
    { kind: 'webhook', url: `${target.origin}/first`, token: 'tk-first' },
    { kind: 'webhook', url: `${target.origin}/second`, token: 'tk-second' },
    { kind: 'telegram', token: '1:bot', chat_id: -100 },
  ]);
  const before = await shown(world);
  const masked = { kind: 'webhook', url: `${target.origin}/…`, token: '…' };
  expect(before).toMatchObject([
    masked,
    masked,
    { kind: 'telegram', url: 'https://api.telegram.org/…', token: '…', chat_id: '-100' },
  ]);
  expect(JSON.stringify(before)).not.toMatch(/first|second|1:bot/);

  await put(world, before.slice(1));
  await world.restart();
  await world.admin('POST', '/api/notifications/test', { index: 0 });
  expect(target.heard).toMatchObject([{ path: '/second', headers: { authorization: 'Bearer tk-second' } }]);

  // One is left, so its mask is clear without the id.
  await put(world, [{ ...masked, events: ['login_needed'] }]);
  await world.admin('POST', '/api/notifications/test');
  expect(target.heard[1]).toMatchObject({ path: '/second', headers: { authorization: 'Bearer tk-second' } });
});

const ntfy = { kind: 'ntfy', url: 'https://ntfy.invalid/topic', token: 'tk-kept' };

test.each([
  ['a mask that stands for nothing', [{ kind: 'discord', url: 'https://discord.invalid/…' }], 'mask'],
  [
    'a token that would follow to a new address',
    [{ ...ntfy, url: 'https://else.invalid/t', token: '…' }],
    'mask',
  ],
  [
    'a mask that is used twice',
    [
      { ...ntfy, url: 'https://ntfy.invalid/…' },
      { ...ntfy, token: '…' },
    ],
    'mask',
  ],
  ['another scheme', [{ kind: 'webhook', url: 'ftp://x.invalid/' }], 'http or https'],
  ['a password in the address', [{ kind: 'webhook', url: 'https://me:pass@x.invalid/' }], 'user name'],
  ['an unknown kind', [{ kind: 'pigeon', url: 'https://x.invalid/' }], 'one of webhook'],
  ['an unknown event', [{ ...ntfy, events: ['lunch'] }], 'account_exhausted'],
  ['an unknown member', [{ ...ntfy, colour: 'red' }], 'colour'],
  ['a missing token', [{ kind: 'gotify', url: 'https://x.invalid/' }], 'token'],
  ['a token that no header carries', [{ ...ntfy, token: 'two words' }], 'token'],
])('%s is refused with the reason, and nothing changes', async (_title, notifications, reason) => {
  await using world = await makeWorld({ kind: 'api_key', names: [] });
  await put(world, [ntfy]);
  const before = await shown(world);
  const refused = await put(world, notifications).catch((error: Error) => error.message);
  expect(refused).toMatch(/^PUT \/api\/settings: 400 /);
  expect(refused).toContain(reason);
  expect(refused).not.toMatch(/tk-kept|two words|me:pass/);
  expect(await shown(world)).toEqual(before);
});

test('what a PUT does not name stays as it is', async () => {
  await using world = await makeWorld({ kind: 'api_key', names: [] });
  await put(world, [ntfy]);
  expect(await world.admin('PUT', '/api/settings', {})).toMatchObject({ notifications: [{ kind: 'ntfy' }] });
  await expect(world.admin('PUT', '/api/settings', { theme: 'dark' })).rejects.toThrow(/400 .*theme/);
});
