import { expect, test } from 'vitest';
import { call, errorOf, responseOf, spoken, user } from '../../test/support/simulator-client.ts';
import { ask, connect, HEADS, responsesUrl, start } from '../../test/support/simulator-fixture.ts';
import * as errors from './errors.ts';
import type { Fault } from './script.ts';
import type { ErrorAnswer } from './wire.ts';

const HELLO = ask([user('hello')]);
const LATER = Date.now() + 60_000;

const BODIES: Readonly<Record<string, ErrorAnswer>> = {
  usageLimitReached: errors.usageLimitReached(LATER),
  usageNotIncluded: errors.usageNotIncluded(),
  insufficientQuota: errors.insufficientQuota(),
  rateLimited: errors.rateLimited(2),
  slowDown: errors.slowDown(),
  overloaded: errors.overloaded(),
  serverError: errors.serverError(),
  tokenExpired: errors.tokenExpired(),
  tokenInvalidated: errors.tokenInvalidated(),
  tokenRevoked: errors.tokenRevoked(),
  unauthorized: errors.unauthorized(),
  deactivatedWorkspace: errors.deactivatedWorkspace(),
  invalidWorkspace: errors.invalidWorkspace(),
  accountDeactivated: errors.accountDeactivated(),
  cloudflareChallenge: errors.cloudflareChallenge(),
  regionNotSupported: errors.regionNotSupported(),
  contextLength: errors.contextLength(),
  cyberPolicy: errors.cyberPolicy(),
};

test.each(Object.entries(BODIES))(
  '%s is a plain answer over HTTP and a frame on a socket',
  async (_, body) => {
    await using simulator = await start();
    simulator.script('plus1', { times: 2, fault: { at: 'before_created', kind: 'status', ...body } });
    const plain = await call(responsesUrl(simulator, 'plus1'), HEADS.plus1, HELLO);
    expect(plain.status).toBe(body.status);
    expect(plain.json ?? plain.text).toEqual(body.body);
    const socket = await connect(simulator, 'plus1');
    const [frame] = await socket.turn(HELLO);
    expect(frame).toMatchObject({ type: 'error', status: body.status });
    expect(errorOf(frame)).toHaveProperty('type');
    expect(simulator.seen.map((turn) => turn.status)).toEqual(['failed', 'failed']);
    expect(simulator.refusals).toEqual([]);
  },
);

const FAILED = { code: 'server_is_overloaded', message: 'busy' };
const STATUS = { kind: 'status', ...errors.overloaded() } as const;

test.each([
  ['status', { ...STATUS, shape: 'status' }, { status: 503 }],
  ['status_code', { ...STATUS, shape: 'status_code' }, { status_code: 503 }],
  ['body_error', { ...STATUS, shape: 'body_error' }, { body: { error: { code: FAILED.code } } }],
  ['flat', { ...STATUS, shape: 'flat' }, { code: FAILED.code }],
  ['no_status', { ...STATUS, shape: 'no_status' }, { error: { code: FAILED.code } }],
] as const)('an error frame can have the shape %s', async (_, fault, expected) => {
  await using simulator = await start();
  simulator.script('plus1', { fault: { at: 'after_created', ...fault } });
  const socket = await connect(simulator, 'plus1');
  const frame = (await socket.turn(HELLO)).at(-1);
  expect(frame).toMatchObject({ type: 'error', ...expected });
});

test.each([
  ['a status becomes an error event', STATUS, 'error'],
  ['response.failed', { kind: 'response_failed', error: FAILED }, 'response.failed'],
  ['a flat error event', { kind: 'sse_error', error: FAILED }, 'error'],
  ['an early end', { kind: 'close', code: 1011 }, 'response.output_text.delta'],
] as const)('inside a stream of status 200: %s', async (_, fault, last) => {
  await using simulator = await start();
  simulator.script('plus1', { fault: { at: 'mid_output', afterDeltas: 2, ...fault } });
  const answer = await call(responsesUrl(simulator, 'plus1'), HEADS.plus1, HELLO);
  expect(answer.status).toBe(200);
  expect(answer.events.filter((event) => event.type === 'response.output_text.delta')).toHaveLength(2);
  expect(answer.events.at(-1)?.type).toBe(last);
});

test.each(['reset', 'eof'] as const)('%s breaks an HTTP stream and a socket', async (kind) => {
  await using simulator = await start();
  simulator.script('plus1', { times: 2, fault: { at: 'after_item_done', kind } });
  await expect(call(responsesUrl(simulator, 'plus1'), HEADS.plus1, HELLO)).rejects.toThrow();
  const socket = await connect(simulator, 'plus1');
  const events = await socket.turn(HELLO);
  expect(events.at(-1)?.type).toBe('response.output_item.done');
  expect(await socket.closed).toBe(1006);
});

test.each(['before_created', 'after_created', 'mid_output', 'after_completed'] as const)(
  'a socket closes %s with the scripted code',
  async (at) => {
    await using simulator = await start();
    simulator.script('plus1', { fault: { at, kind: 'close', code: 1011, reason: 'keepalive ping timeout' } });
    const socket = await connect(simulator, 'plus1');
    const events = await socket.turn(HELLO);
    expect(await socket.closed).toBe(1011);
    expect(events.some((event) => event.type === 'response.completed')).toBe(at === 'after_completed');
    expect(simulator.seen[0]?.status).toBe(at === 'after_completed' ? 'answered' : 'failed');
  },
);

test('a silent turn lasts until the client leaves, which is noted', async () => {
  await using simulator = await start();
  simulator.script('plus1', { fault: { at: 'after_created', kind: 'silence' } });
  const socket = await connect(simulator, 'plus1');
  socket.send({ type: 'response.create', ...HELLO });
  await simulator.waitFor((one) => one.seen.length === 1);
  await socket.ping();
  expect(simulator.seen[0]?.status).toBe('running');
  socket.leave();
  await simulator.waitFor((one) => one.seen[0]?.status === 'aborted');
  expect(simulator.seen[0]?.abortedAt).toBeGreaterThan(0);
});

test('a client that leaves in the middle of a paced answer is noted', async () => {
  await using simulator = await start();
  simulator.script('key1', { deltas: 5, paceMs: 60_000 });
  const gone = new AbortController();
  const init = { method: 'POST', headers: HEADS.key1, body: JSON.stringify(HELLO), signal: gone.signal };
  const response = await fetch(responsesUrl(simulator, 'key1'), init);
  expect(response.status).toBe(200);
  gone.abort();
  await simulator.waitFor((one) => one.seen[0]?.status === 'aborted');
  expect(simulator.seen[0]?.abortedAt).toBeDefined();
});

test('garbage comes between the events and the answer goes on', async () => {
  await using simulator = await start();
  simulator.script('plus1', { fault: { at: 'after_created', kind: 'garbage', frames: ['{"type":'] } });
  await expect(call(responsesUrl(simulator, 'plus1'), HEADS.plus1, HELLO)).rejects.toThrow(SyntaxError);
  expect(simulator.seen[0]?.status).toBe('answered');
});

test.each([
  [{ at: 'upgrade', kind: 'status', ...errors.rateLimited(3) }, '429'],
  [{ at: 'upgrade', kind: 'reset' }, 'ECONNRESET'],
] as const)('a handshake fault refuses one upgrade: %j', async (fault: Fault, message) => {
  await using simulator = await start();
  simulator.script('plus1', { fault });
  await expect(connect(simulator, 'plus1')).rejects.toThrow(
    message === '429' ? message : /hang up|ECONNRESET/,
  );
  const socket = await connect(simulator, 'plus1');
  expect((await socket.turn(HELLO)).at(-1)?.type).toBe('response.completed');
  expect(simulator.upgrades('plus1')).toBe(2);
});

test('an account may offer no sockets at all', async () => {
  const account = { name: 'key1', dialect: 'openai', token: 'sk-1', websocket: 'refused_426' } as const;
  await using simulator = await start({ accounts: [account] });
  await expect(connect(simulator, 'key1')).rejects.toThrow('426');
});

test('a frame over the limit closes the socket with 1009 and no terminal event', async () => {
  await using simulator = await start({ maxFrameBytes: 1000 });
  const socket = await connect(simulator, 'plus1');
  expect(await socket.turn(ask([user('x'.repeat(1000))]))).toEqual([]);
  expect(await socket.closed).toBe(1009);
  expect(simulator.refusals[0]?.rule).toBe('frame_too_big');
});

test('a socket that has lived too long says so and closes', async () => {
  await using simulator = await start({ connectionLifetimeMs: 1 });
  const socket = await connect(simulator, 'plus1');
  expect(await socket.nextText()).toContain('websocket_connection_limit_reached');
  expect(await socket.closed).toBe(1000);
});

test('idle sockets can be dropped between turns', async () => {
  await using simulator = await start();
  const socket = await connect(simulator, 'plus1');
  simulator.dropSockets('plus1', { close: 1001 });
  expect(await socket.closed).toBe(1001);
});

test('the terminal event can come without output, or incomplete', async () => {
  await using simulator = await start();
  simulator.script('plus1', { emptyOutput: true, text: 'kept' }, { incomplete: 'max_output_tokens' });
  const url = responsesUrl(simulator, 'plus1');
  const empty = await call(url, HEADS.plus1, HELLO);
  expect([spoken(empty.events), responseOf(empty.events)['output']]).toEqual(['kept', []]);
  const cut = await call(url, HEADS.plus1, HELLO);
  expect(cut.events.at(-1)?.type).toBe('response.incomplete');
  expect(responseOf(cut.events)['incomplete_details']).toEqual({ reason: 'max_output_tokens' });
});

test('a prewarm leaves the scripted turns alone unless a behaviour is meant for it', async () => {
  await using simulator = await start();
  const fault = { at: 'before_created', ...STATUS } as const;
  simulator.script('plus1', { text: 'for the turn' }, { forPrewarm: true, fault });
  const socket = await connect(simulator, 'plus1');
  const warm = { ...ask([]), generate: false };
  expect((await socket.turn(warm)).at(-1)?.type).toBe('error');
  expect((await socket.turn(warm)).at(-1)?.type).toBe('response.completed');
  expect(spoken(await socket.turn(HELLO))).toBe('for the turn');
  expect(simulator.unplayed('plus1')).toBe(0);
});
