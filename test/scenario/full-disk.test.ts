/** While the database cannot be written: what somebody changes by hand is answered in time, and truthfully. */
import { expect, test } from 'vitest';
import { idOf, openDoor } from '../support/doors.ts';
import { lockDatabase } from '../support/temporary-store.ts';
import { makeWorld } from '../support/world.ts';

test('changes are refused with 503 while the database takes no writes, and work again afterwards', async () => {
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a', 'b'] });
  const { id: key } = (await world.admin('POST', '/api/keys', { name: 'laptop' })) as { id: string };
  await using door = await openDoor('json', world.url);
  const response = idOf(await door.turn({ input: 'hello' }));
  const call = async (method: string, path: string, body?: object) => {
    const token = path.startsWith('/api/') && { authorization: `Bearer ${world.adminToken}` };
    const answer = await fetch(`${world.url}${path}`, {
      method,
      headers: { ...token, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    });
    return {
      status: answer.status,
      retryAfter: answer.headers.get('retry-after'),
      text: await answer.text(),
    };
  };
  const change = () =>
    Promise.all([
      call('PATCH', `/api/accounts/${world.ids.get('a')}`, { paused: true }),
      call('DELETE', `/api/accounts/${world.ids.get('b')}`),
      call('POST', '/api/keys', { name: 'another' }),
      call('DELETE', `/api/keys/${key}`),
      call('PUT', '/api/settings', { notifications: [{ kind: 'ntfy', url: 'http://127.0.0.1:9/topic' }] }),
      call('DELETE', `/v1/responses/${response}`),
    ]);
  const state = async () => {
    const shown = (path: string) => world.admin('GET', path) as Promise<{ data: Record<string, unknown>[] }>;
    const [accounts, keys] = [await shown('/api/accounts'), await shown('/api/keys')];
    return {
      accounts: accounts.data.map(({ name, status }) => [name, status]),
      keys: keys.data.map(({ name, revoked_at }) => [name, revoked_at]),
      settings: await world.admin('GET', '/api/settings'),
      response: (await call('GET', `/v1/responses/${response}`)).status,
    };
  };
  const before = await state();
  {
    using _held = lockDatabase(world.dataDir);
    for (const { status, retryAfter, text } of await change()) {
      expect([status, retryAfter]).toEqual([503, '1']);
      expect(JSON.parse(text).error).toMatchObject({
        code: 'store_unavailable',
        message: expect.stringMatching(/nothing was changed.*free some space/),
      });
    }
    expect(await state()).toEqual(before);
  }
  await world.restart();
  expect(await state()).toEqual(before);
  const statuses = (await change()).map(({ status }) => status);
  expect(statuses).toEqual([200, 204, 201, 204, 200, 200]);
});
