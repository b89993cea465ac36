import { expect, test } from 'vitest';
import { post, textOf } from '../support/doors.ts';
import { makeWorld } from '../support/world.ts';

const CODEX = { originator: 'codex_exec' };

test.each([
  { first: 'a Codex client, which is shown it, leads on', headers: CODEX, sessions: 1, goesUp: true },
  { first: 'any other client, which is not, leads nowhere', headers: {}, sessions: 2, goesUp: false },
])('a turn state from a turn of $first', async ({ headers, sessions, goesUp }) => {
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a'], transport: 'http' });
  await post(world.url, { model: 'gpt-5.5', input: 'one' }, { ...headers, 'session-id': 'first' });
  const state = { 'x-codex-turn-state': 'turnstate_a_1' };
  const again = { ...CODEX, 'session-id': 'second', ...state };
  const answer = await post(world.url, { model: 'gpt-5.5', input: 'two' }, again);
  expect(textOf(answer)).toContain('user: two ·');
  const { body, headers: up } = world.simulator.seen[1] ?? {};
  expect(JSON.stringify([body, up]).includes('turnstate_a_1')).toBe(goesUp);
  expect(new Set((await world.rows()).map(({ session }) => session)).size).toBe(sessions);
});
