import { expect, test } from 'vitest';
import { call, errorOf, idOf, TestSocket, user } from '../../test/support/simulator-client.ts';
import {
  answered,
  ask,
  connect,
  HEADS,
  refused,
  responsesUrl,
  start,
} from '../../test/support/simulator-fixture.ts';
import { detail, itemNotFound, noToolCall, noToolOutput } from './errors.ts';

const HELLO = [user('hello')];
const SEALED = { include: ['reasoning.encrypted_content'] };

test.each([
  ['max_output_tokens', 5],
  ['temperature', 1],
  ['metadata', {}],
  ['truncation', 'auto'],
  ['user', null],
  ['safety_identifier', 's'],
  ['prompt_cache_retention', '24h'],
  ['background', true],
  ['conversation', 'c'],
  ['stream_id', 'lane'],
  ['previous_response_id', 'resp_1'],
  ['generate', false],
  ['stream_options', {}],
])('the ChatGPT backend refuses %s over HTTP', async (field, value) => {
  await using simulator = await start();
  const refusal = await refused(simulator, 'plus1', ask(HELLO, { [field]: value }));
  expect(refusal.answer.body).toEqual({ detail: `Unsupported parameter: ${field}` });
});

test.each([
  [{ store: true }, 'Store must be set to false'],
  [{ stream: false }, 'Stream must be set to true'],
  [{ store: null }, 'Store must be set to false'],
  [{ stream: null }, 'Stream must be set to true'],
  [{ input: 'hello' }, 'Input must be a list'],
  [{ input: null }, 'Input must be a list'],
  [{ input: [{ role: 'system', content: 'be' }] }, 'System messages are not allowed'],
  [{ instructions: null }, 'Instructions must be a string'],
  [{ model: 'gpt-x' }, "The 'gpt-x' model is not supported when using Codex with a ChatGPT account."],
])('the ChatGPT backend refuses %j', async (more, message) => {
  await using simulator = await start();
  const refusal = await refused(simulator, 'plus1', ask(HELLO, more));
  expect(refusal.answer.body).toEqual(detail(400, message).body);
});

test.each(['generate', 'type', 'stream_id'])('the public API refuses %s over HTTP', async (field) => {
  await using simulator = await start();
  const refusal = await refused(simulator, 'key1', ask(HELLO, { [field]: 'x' }));
  expect(refusal.rule).toBe('unsupported_parameter');
  expect(refusal.message).toContain(`Unknown parameter: '${field}'`);
});

test.each(['key1', 'plus1'] as const)('%s refuses a lane on a socket', async (name) => {
  await using simulator = await start();
  const socket = await connect(simulator, name);
  const events = await socket.turn(ask(HELLO, { stream_id: 'lane' }));
  expect(events).toHaveLength(1);
  expect(events[0]).toMatchObject({ type: 'error', status: 400 });
  expect(simulator.refusals.map((refusal) => refusal.rule)).toEqual(['unsupported_parameter']);
});

test.each([
  ['wrong_token', 'key1', { authorization: 'Bearer nobody' }],
  ['wrong_token', 'plus1', {}],
  ['wrong_account_id', 'plus1', { authorization: 'Bearer at-1', 'chatgpt-account-id': 'acc-2' }],
] as const)('%s is refused with 401 over HTTP and at the handshake', async (rule, name, headers) => {
  await using simulator = await start();
  const url = responsesUrl(simulator, name);
  expect((await call(url, headers, ask(HELLO))).status).toBe(401);
  await expect(TestSocket.open(url, headers)).rejects.toThrow('401');
  expect(simulator.refusals.map((refusal) => refusal.rule)).toEqual([rule, rule]);
});

test('a stored response can be chained from by its own account only', async () => {
  await using simulator = await start();
  const first = await call(responsesUrl(simulator, 'key1'), HEADS.key1, ask(HELLO, { store: true }));
  const next = ask(HELLO, { previous_response_id: idOf(first.events) });
  expect(await answered(simulator, 'key1', next)).toHaveLength(1);
  const refusal = await refused(simulator, 'key2', next);
  expect(refusal.rule).toBe('foreign_previous_response');
  expect(refusal.answer.body).toMatchObject({ error: { param: 'previous_response_id' } });
});

test('an unstored response can be chained from on its own socket only, and only while it is the newest', async () => {
  await using simulator = await start();
  const socket = await connect(simulator, 'plus1');
  const first = await socket.turn(ask(HELLO));
  const chained = ask([user('again')], { previous_response_id: idOf(first) });
  const other = await connect(simulator, 'plus1');
  const elsewhere = await other.turn(chained);
  expect(errorOf(elsewhere.at(-1))).toMatchObject({ code: 'previous_response_not_found' });
  expect((await socket.turn(chained)).at(-1)?.type).toBe('response.completed');
  const stale = await socket.turn(chained);
  expect(stale).toHaveLength(1);
  expect(stale[0]).toMatchObject({ type: 'error', status: 400 });
});

test('a failed turn evicts what the socket remembered', async () => {
  await using simulator = await start();
  const socket = await connect(simulator, 'plus1');
  const first = await socket.turn(ask(HELLO));
  const chained = ask([user('again')], { previous_response_id: idOf(first) });
  const error = { code: 'server_error', message: 'no' };
  simulator.script('plus1', { fault: { at: 'after_created', kind: 'response_failed', error } });
  expect((await socket.turn(chained)).at(-1)?.type).toBe('response.failed');
  expect(errorOf((await socket.turn(chained)).at(-1))).toMatchObject({ code: 'previous_response_not_found' });
});

test('items, sealed content and turn states of another account are refused', async () => {
  await using simulator = await start();
  const output = await answered(simulator, 'plus1', ask(HELLO, SEALED));
  const [reasoning, message] = output as { id: string; encrypted_content?: string }[];
  expect(await answered(simulator, 'plus1', ask([...HELLO, ...output, user('again')]))).toHaveLength(1);
  const foreignItem = await refused(simulator, 'plus2', ask([message as object, ...HELLO]));
  expect(foreignItem.answer.body).toEqual(itemNotFound(String(message?.id)).body);
  const nameless = { ...reasoning, id: undefined };
  expect((await refused(simulator, 'plus2', ask([nameless, ...HELLO]))).rule).toBe(
    'foreign_encrypted_content',
  );
  const made = { type: 'message', id: 'msg_made_by_the_client', role: 'user', content: 'hi' };
  expect(await answered(simulator, 'plus2', ask([made]))).toHaveLength(1);
  const first = await call(responsesUrl(simulator, 'plus1'), HEADS.plus1, ask(HELLO));
  const state = { 'x-codex-turn-state': first.headers.get('x-codex-turn-state') };
  expect(await answered(simulator, 'plus1', ask(HELLO, { client_metadata: state }))).toHaveLength(1);
  const foreignState = await refused(simulator, 'plus2', ask(HELLO, { client_metadata: state }));
  expect(foreignState.rule).toBe('foreign_turn_state');
});

test('references and bare reasoning need a stored item', async () => {
  await using simulator = await start();
  const stored = (await answered(simulator, 'key1', ask(HELLO, { store: true }))) as { id: string }[];
  const reference = { type: 'item_reference', id: stored[0]?.id };
  await answered(simulator, 'key1', ask([...HELLO, reference, user('again')]));
  expect(simulator.seen.at(-1)?.historyTexts[1]).toBe('turn 1 · user: hello · items 1');
  expect((await refused(simulator, 'key2', ask([reference]))).rule).toBe('foreign_item');
  expect((await refused(simulator, 'key1', ask([{ ...reference, id: 'msg_x' }]))).rule).toBe('unknown_item');
  const bare = { type: 'reasoning', id: 'rs_x', summary: [] };
  expect((await refused(simulator, 'key1', ask([bare, ...HELLO]))).rule).toBe('unstored_reasoning');
});

test('tool calls and outputs must be paired, and no item may come twice', async () => {
  await using simulator = await start();
  const made = { type: 'function_call', call_id: 'c1', name: 'f', arguments: '{}' };
  const output = { type: 'function_call_output', call_id: 'c1', output: 'ok' };
  expect(await answered(simulator, 'plus1', ask([...HELLO, made, output]))).toHaveLength(1);
  const orphan = await refused(simulator, 'plus1', ask([...HELLO, output]));
  expect(orphan.answer.body).toEqual(noToolCall('c1').body);
  for (const input of [
    [...HELLO, made],
    [made, ...HELLO, output],
  ]) {
    const unanswered = await refused(simulator, 'plus1', ask(input));
    expect(unanswered.answer.body).toEqual(noToolOutput('c1').body);
  }
  const twice = { type: 'message', role: 'user', id: 'msg_1', content: 'hi' };
  expect((await refused(simulator, 'plus1', ask([twice, twice]))).rule).toBe('duplicate_item');
});

test('a second create on a busy socket is refused without disturbing the first', async () => {
  await using simulator = await start();
  simulator.script('plus1', { delayMs: 60_000 });
  const socket = await connect(simulator, 'plus1');
  socket.send({ type: 'response.create', ...ask(HELLO) });
  const second = await socket.turn(ask(HELLO));
  expect(errorOf(second.at(-1))).toMatchObject({ code: 'concurrent_create' });
  expect(simulator.seen.map((turn) => turn.status)).toEqual(['running']);
});

test('unknown frames get an error frame and the socket stays', async () => {
  await using simulator = await start();
  const socket = await connect(simulator, 'key1');
  socket.send('not json');
  expect(await socket.nextText()).toContain('unknown_frame');
  expect((await socket.turn(ask(HELLO))).at(-1)?.type).toBe('response.completed');
});

test('compressed bodies are refused', async () => {
  await using simulator = await start();
  const headers = { ...HEADS.plus1, 'content-encoding': 'zstd' };
  expect((await call(responsesUrl(simulator, 'plus1'), headers, ask(HELLO))).status).toBe(415);
  expect(simulator.refusals[0]?.rule).toBe('content_encoding');
});
