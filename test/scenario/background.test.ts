/** Background responses go on without their clients: whose they are, and how their conversations go on elsewhere. */
import { expect, test } from 'vitest';
import { post, textOf } from '../support/doors.ts';
import { makeWorld, type World } from '../support/world.ts';

async function ownerPaused(world: World): Promise<void> {
  const owner = String(world.simulator.seen[0]?.account);
  await world.admin('PATCH', `/api/accounts/${world.ids.get(owner)}`, { paused: true });
}

async function continued(world: World, id: string): Promise<string | undefined> {
  await ownerPaused(world);
  return textOf(await post(world.url, { model: 'gpt-5.5', input: 'next', previous_response_id: id }));
}

test('a streamed one whose reader has left is found, and goes on with another account once it was read', async () => {
  await using world = await makeWorld({ kind: 'api_key', names: ['a', 'b'] });
  world.simulator.setDefault('a', { deltas: 5, paceMs: 20 });
  const leaving = new AbortController();
  const answer = await fetch(`${world.url}/v1/responses`, {
    method: 'POST',
    signal: leaving.signal,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'gpt-5.5', input: 'later', background: true, stream: true }),
  });
  const begun = await answer.body?.getReader().read();
  const id = String(/"id":"(resp[^"]+)"/.exec(new TextDecoder().decode(begun?.value))?.[1]);
  leaving.abort();
  const read = async (): Promise<unknown> =>
    ((await (await fetch(`${world.url}/v1/responses/${id}`)).json()) as { status: unknown }).status;
  await expect.poll(read, { timeout: 5000 }).toBe('completed');
  expect((await world.rows()).map(({ status, response_id }) => [status, response_id])).toEqual([
    ['cancelled', id],
  ]);
  expect(await continued(world, id)).toContain('user: later / next ·');
});
