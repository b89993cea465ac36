/** One account of which every connection ends badly, beside healthy ones: its conversations are not welded to it. */
import { describe, expect, test } from 'vitest';
import type { Fault } from '../../src/simulator/script.ts';
import { type Answer, DOORS, type Door, idOf, openDoor, post, textOf } from '../support/doors.ts';
import { type Kind, makeWorld, type World } from '../support/world.ts';

const KINDS: readonly Kind[] = ['api_key', 'chatgpt'];

const BEFORE_OUTPUT: readonly (readonly [string, Fault])[] = [
  ['closes with 1011 at once', { kind: 'close', code: 1011, at: 'before_created' }],
  ['closes with 1011 after it began', { kind: 'close', code: 1011, at: 'after_created' }],
  ['is reset at once', { kind: 'reset', at: 'before_created' }],
  ['answers 500', { kind: 'status', status: 500, body: { error: { message: 'x' } }, at: 'before_created' }],
];

const triedBy = (world: World, from = 0): string[] =>
  world.simulator.seen.slice(from).map((turn) => turn.account);

/** A world whose first account fails every turn that it is given. */
async function worldWithSick(kind: Kind, fault: Fault, names = ['a', 'b', 'c']): Promise<World> {
  const world = await makeWorld({ kind, names });
  world.simulator.setDefault('a', { fault, forPrewarm: 'also' });
  return world;
}

const SCENES = KINDS.flatMap((kind) =>
  DOORS.flatMap((door) => BEFORE_OUTPUT.map(([name, fault]) => ({ kind, door, name, fault }))),
);

describe.each(SCENES)('an account that $name every time ($door, $kind)', ({ kind, door, fault }) => {
  test('costs a conversation nothing visible, and not even a second try later', async () => {
    await using world = await worldWithSick(kind, fault);
    await using client = await openDoor(door, world.url, { 'session-id': 's' });
    const first = await client.turn({ input: 'one' });
    expect(textOf(first)).toContain('user: one ·');
    expect(new Set(triedBy(world))).toEqual(new Set(['a', 'b']));
    expect(triedBy(world).filter((account) => account === 'a').length).toBeLessThanOrEqual(2);
    const before = world.simulator.seen.length;
    const second = await client.turn({ input: 'two', previous_response_id: idOf(first) });
    expect(textOf(second)).toContain('user: one / two ·');
    expect(triedBy(world, before)).toEqual(['b']);
  });
});

test('an account that loses every attempt takes no new conversations for a while', async () => {
  await using world = await worldWithSick('chatgpt', { kind: 'close', code: 1011, at: 'before_created' });
  const ask = async (session: string): Promise<Answer> => {
    await using client = await openDoor('json', world.url, { 'session-id': session });
    return client.turn({ input: session });
  };
  for (let n = 0; n < 12; n += 1) expect((await ask(`s${n}`)).status).toBe(200);
  expect(triedBy(world).filter((account) => account === 'a').length).toBeLessThanOrEqual(6);
  expect((await world.account('a'))['status']).toBe('ready');
});

const STREAMING: readonly Door[] = ['sse', 'ws'];

test.each(STREAMING.flatMap((door) => KINDS.map((kind) => ({ door, kind }))))(
  'an account that dies in mid-output every time costs a conversation one failure ($door, $kind)',
  async ({ door, kind }) => {
    await using world = await worldWithSick(kind, { kind: 'reset', at: 'mid_output', afterDeltas: 1 });
    await using client = await openDoor(door, world.url, { 'thread-id': 't' });
    const broken = await client.turn({ input: 'one' });
    expect(broken.error?.['code']).toBe('stream_incomplete');
    expect(triedBy(world)).toEqual(['a']);
    const answers = [await client.turn({ input: 'one' })];
    answers.push(await client.turn({ input: 'two', previous_response_id: idOf(answers[0] as Answer) }));
    expect(answers.map((answer) => textOf(answer).split(' · items')[0])).toEqual([
      'turn 1 · user: one',
      'turn 2 · user: one / two',
    ]);
    expect(triedBy(world, 1)).toEqual(['b', 'b']);
  },
);

test('a client without any identity that sends its history again is not sent back to the account it lost', async () => {
  await using world = await makeWorld({ kind: 'api_key', names: ['a', 'b'] });
  const user = (text: string) => ({ role: 'user', content: text });
  await using client = await openDoor('sse', world.url);
  const first = await client.turn({ input: [user('one')] });
  const output = (first.response?.['output'] ?? []) as object[];
  const history = [user('one'), ...output, user('two')];
  const [served] = triedBy(world);
  world.simulator.setDefault(served as string, {
    fault: { kind: 'reset', at: 'mid_output', afterDeltas: 1 },
  });
  expect((await client.turn({ input: history })).error?.['code']).toBe('stream_incomplete');
  expect(textOf(await client.turn({ input: history }))).toContain('user: one / two ·');
});

test('a change of account between two turns and after output is told in switches and in the metric', async () => {
  await using world = await makeWorld({ kind: 'api_key', names: ['a', 'b'] });
  await using client = await openDoor('sse', world.url, { 'session-id': 's' });
  const first = await client.turn({ input: 'one' });
  world.simulator.script('a', { fault: { kind: 'reset', at: 'mid_output', afterDeltas: 1 } });
  await client.turn({ input: 'two', previous_response_id: idOf(first) });
  const second = await client.turn({ input: 'two', previous_response_id: idOf(first) });
  await world.admin('PATCH', `/api/accounts/${world.ids.get('b')}`, { paused: true });
  await client.turn({ input: 'three', previous_response_id: idOf(second) });
  const { data } = (await world.admin('GET', '/api/sessions')) as {
    data: { switches: { from: string; to: string; reason: string }[] }[];
  };
  const [a, b] = [world.ids.get('a'), world.ids.get('b')];
  expect(data[0]?.switches).toMatchObject([
    { from: a, to: b, reason: expect.stringMatching(/eof|close|reset|ECONN/i) },
    { from: b, to: a, reason: 'account_paused' },
  ]);
  const metrics = await (await fetch(`${world.url}/metrics`)).text();
  expect(metrics).toMatch(/respool_failovers_total\{reason="paused",continuity="snapshot"\} 1/);
});

test('a passing failure of one account is not told as the usage limit of the others', async () => {
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a', 'b'] });
  world.simulator.setQuota('b', 'exhausted');
  world.simulator.setDefault('a', {
    fault: { kind: 'status', status: 500, body: { error: { message: 'x' } }, at: 'before_created' },
  });
  await using client = await openDoor('json', world.url, { 'session-id': 's' });
  const answer = await client.turn({ input: 'hello' });
  expect(answer).toMatchObject({ status: 502, error: { code: 'upstream_unavailable' } });
  expect(answer.headers.get('x-should-retry')).toBeNull();
});

test('an answer that breaks off for quota speaks of one account', async () => {
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a', 'b'] });
  const spent = { type: 'usage_limit_reached', message: 'spent', resets_in_seconds: 900 };
  world.simulator.script('a', {
    fault: { kind: 'status', status: 429, body: { error: spent }, at: 'mid_output', afterDeltas: 1 },
  });
  await using client = await openDoor('sse', world.url, { 'session-id': 's' });
  const broken = await client.turn({ input: 'one' });
  expect(broken.error).toMatchObject({ code: 'usage_limit_reached' });
  expect(String(broken.error?.['message'])).not.toMatch(/every account/i);
});

test('a prewarm that this server answers itself says nothing good about the account', async () => {
  await using world = await makeWorld({ kind: 'chatgpt', transport: 'http', names: ['a', 'b', 'c'] });
  world.simulator.setDefault('a', { fault: { kind: 'reset', at: 'before_created' } });
  for (let n = 0; n < 12; n += 1) {
    await using client = await openDoor('ws', world.url, { 'thread-id': `t${n}` });
    const warm = await client.turn({ generate: false, input: [] });
    const answer = await client.turn({ input: 'one', previous_response_id: idOf(warm) });
    expect(textOf(answer)).toContain('user: one ·');
  }
  expect(triedBy(world).filter((account) => account === 'a').length).toBeLessThanOrEqual(6);
});

test('tokens that are refused right after their refresh are not refreshed with every turn', async () => {
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a', 'b'] });
  world.simulator.refuseTokens();
  for (let n = 0; n < 8; n += 1)
    expect((await post(world.url, { model: 'gpt-5.5', input: `x${n}` })).status).toBe(503);
  expect(world.simulator.refreshes.length).toBeLessThanOrEqual(2);
});

test('two logins that have ended are marked although they were refused in the same words, while others serve', async () => {
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a', 'b', 'c'] });
  for (const name of ['a', 'b']) {
    world.simulator.setDefault(name, {
      fault: {
        kind: 'status',
        status: 401,
        body: { error: { code: 'token_expired' } },
        at: 'before_created',
      },
    });
  }
  for (let n = 0; n < 6; n += 1)
    expect((await post(world.url, { model: 'gpt-5.5', input: `x${n}` })).status).toBe(200);
  expect((await world.account('a'))['status']).toBe('needs_login');
  expect((await world.account('b'))['status']).toBe('needs_login');
});

const OUT: Fault = {
  kind: 'status',
  at: 'before_created',
  status: 429,
  body: { error: { type: 'usage_limit_reached', message: 'limit', resets_in_seconds: 345_600 } },
};

test.each([
  ['a 403 without a reason', { error: { message: 'no', type: 'x', code: null } }, 'account_unavailable'],
  ['a page of the edge', '<html>cloudflare</html>', 'account_unavailable'],
])('%s beside an account that is out of quota is no usage limit of days', async (_name, body, code) => {
  await using world = await makeWorld({ kind: 'api_key', transport: 'http', names: ['a', 'b'] });
  world.simulator.setDefault('b', { fault: OUT });
  for (let n = 0; n < 2; n += 1) await post(world.url, { model: 'gpt-5.5', input: 'warm' });
  expect((await world.account('b'))['status']).toBe('exhausted');
  world.simulator.setDefault('a', { fault: { kind: 'status', status: 403, body, at: 'before_created' } });
  const answer = await post(world.url, { model: 'gpt-5.5', input: 'x' });
  expect([answer.status, answer.error?.['code']]).toEqual([503, code]);
});

test('a suspended account is no usage limit, now or later', async () => {
  await using world = await makeWorld({ kind: 'api_key', names: ['a'] });
  const body = { error: { message: 'no', type: 'x', code: 'account_deactivated_for_now' } };
  world.simulator.setDefault('a', { fault: { kind: 'status', status: 403, body, at: 'before_created' } });
  for (let n = 0; n < 3; n += 1) {
    const answer = await post(world.url, { model: 'gpt-5.5', input: 'x' });
    expect([answer.status, answer.error?.['code']]).toEqual([503, 'account_unavailable']);
  }
  expect((await world.account('a'))['status']).toBe('suspended');
});
