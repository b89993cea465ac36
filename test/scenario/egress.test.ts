/** Each account leaves through its own door: straight, or through its proxy, over both transports. */
import { expect, test } from 'vitest';
import { idOf, openDoor, textOf } from '../support/doors.ts';
import { httpProxy, socksProxy } from '../support/proxies.ts';
import { makeWorld } from '../support/world.ts';

test.each([
  ['http', 'websocket', httpProxy],
  ['http', 'http', httpProxy],
  ['socks5', 'websocket', socksProxy],
  ['socks5', 'http', socksProxy],
] as const)('an account with a proxy uses it for everything (%s, %s)', async (_, transport, start) => {
  await using proxy = await start();
  await using world = await makeWorld({
    kind: 'chatgpt',
    names: ['a', 'b'],
    transport,
    loginEndsInSeconds: 60,
  });
  const upstream = new URL(world.simulator.origin).host;
  const a = world.ids.get('a');
  await world.admin('PATCH', `/api/accounts/${a}`, { proxy: proxy.url, priority: 5 });
  await using door = await openDoor('ws', world.url);
  const first = await door.turn({ input: 'hello' });
  const second = await door.turn({ input: 'again', previous_response_id: idOf(first) });
  expect(textOf(second)).toContain('hello / again');
  expect(new Set(proxy.tunnels)).toEqual(new Set([upstream]));
  expect((await world.rows()).map((row) => row.account_id)).toEqual([a, a]);
  const before = proxy.tunnels.length;
  await world.admin('PATCH', `/api/accounts/${a}`, { paused: true });
  await using other = await openDoor('sse', world.url);
  expect((await other.turn({ input: 'elsewhere' })).status).toBe(200);
  expect(proxy.tunnels).toHaveLength(before);
});

test('an account whose proxy is down is left, and the proxy’s password is shown to nobody', async () => {
  const proxy = await httpProxy();
  await proxy[Symbol.asyncDispose]();
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a', 'b'] });
  await world.admin('PATCH', `/api/accounts/${world.ids.get('a')}`, { proxy: proxy.url, priority: 5 });
  await using door = await openDoor('json', world.url);
  const answer = await door.turn({ input: 'hello' });
  expect(answer.status).toBe(200);
  const [row] = await world.rows();
  expect(row?.account_id).toBe(world.ids.get('b'));
  expect(JSON.stringify([row, await world.account('a')])).not.toContain('hidden-word');
});
