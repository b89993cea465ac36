import OpenAI from 'openai';
import { expect, test } from 'vitest';
import { call, idOf, responseOf, spoken, user } from '../../test/support/simulator-client.ts';
import { ask, connect, HEADS, type Name, responsesUrl, start } from '../../test/support/simulator-fixture.ts';

const EVERY_ACCOUNT: readonly Name[] = ['key1', 'plus1'];

test.each(EVERY_ACCOUNT)('%s answers over SSE with what it can see', async (name) => {
  await using simulator = await start();
  const answer = await call(responsesUrl(simulator, name), HEADS[name], ask([user('hello'), user('again')]));
  expect(answer.headers.get('content-type')).toContain('text/event-stream');
  expect(spoken(answer.events)).toBe('turn 2 · user: hello / again · items 2');
  expect(answer.events.at(-1)?.type).toBe('response.completed');
  expect(simulator.refusals).toEqual([]);
  expect(simulator.seen[0]).toMatchObject({ account: name, transport: 'http', status: 'answered' });
});

test.each(EVERY_ACCOUNT)('%s chains turns on one socket, starting from a prewarm', async (name) => {
  await using simulator = await start();
  const socket = await connect(simulator, name);
  const warm = await socket.turn(ask([], { generate: false }));
  expect(responseOf(warm)['output']).toEqual([]);
  const first = await socket.turn(ask([user('hello')], { previous_response_id: idOf(warm) }));
  const second = await socket.turn(ask([user('again')], { previous_response_id: idOf(first) }));
  expect(spoken(second)).toBe('turn 2 · user: hello / again · items 3');
  expect(simulator.refusals).toEqual([]);
  expect(simulator.seen.map((turn) => turn.kind)).toEqual(['prewarm', 'create', 'create']);
  expect(simulator.seen[2]?.historyTexts).toEqual(['hello', spoken(first), 'again']);
  expect(simulator.openSockets(name)).toBe(1);
  socket.leave();
  await simulator.waitFor((one) => one.openSockets() === 0);
});

test('sequence numbers restart with each response and vendor frames have none', async () => {
  await using simulator = await start();
  const socket = await connect(simulator, 'plus1');
  await socket.turn(ask([user('hello')]));
  const events = await socket.turn(ask([user('hello')]));
  const isPublic = (type: string) => type.startsWith('response.') && type !== 'response.metadata';
  const numbered = events.filter((event) => isPublic(event.type));
  expect(numbered.map((event) => event['sequence_number'])).toEqual(numbered.map((_, index) => index));
  const vendor = events.filter((event) => !isPublic(event.type));
  expect(vendor.map((event) => event.type)).toEqual(['codex.rate_limits', 'response.metadata']);
  expect(vendor.every((event) => event['sequence_number'] === undefined)).toBe(true);
});

test('the official client gets JSON, a stream and a chain from stored responses', async () => {
  await using simulator = await start();
  const client = new OpenAI({ apiKey: 'sk-1', baseURL: simulator.openaiBaseUrl, maxRetries: 0 });
  const first = await client.responses.create({ model: 'gpt-5.5', input: 'hello' });
  expect(first.output_text).toBe('turn 1 · user: hello · items 1');
  const stream = client.responses.stream({
    model: 'gpt-5.5',
    input: 'again',
    previous_response_id: first.id,
  });
  expect((await stream.finalResponse()).output_text).toBe('turn 2 · user: hello / again · items 3');
  expect((await client.models.list()).data.map((model) => model.id)).toContain('gpt-5.5');
  expect((await client.responses.retrieve(first.id)).output_text).toBe(first.output_text);
  expect((await client.responses.inputItems.list(first.id)).data).toHaveLength(1);
  await client.responses.delete(first.id);
  await expect(client.responses.retrieve(first.id)).rejects.toThrow('not found');
  expect(simulator.refusals).toEqual([]);
});

test('a background response is queued first, completes on its own and can be cancelled while it runs', async () => {
  await using simulator = await start();
  const client = new OpenAI({ apiKey: 'sk-1', baseURL: simulator.openaiBaseUrl, maxRetries: 0 });
  const quick = await client.responses.create({ model: 'gpt-5.5', input: 'hello', background: true });
  expect(quick.status).toBe('queued');
  await simulator.waitFor((one) => one.seen[0]?.status === 'answered');
  expect((await client.responses.retrieve(quick.id)).status).toBe('completed');
  simulator.script('key1', { deltas: 2, paceMs: 60_000 });
  const slow = await client.responses.create({ model: 'gpt-5.5', input: 'hello', background: true });
  expect((await client.responses.cancel(slow.id)).status).toBe('cancelled');
  await simulator.waitFor((one) => one.seen[1]?.status === 'aborted');
});

test('tools are called one after the other until as many outputs are there as were asked for', async () => {
  await using simulator = await start();
  const socket = await connect(simulator, 'plus1');
  const tools = { tools: [{ type: 'function', name: 'exec_command' }] };
  let events = await socket.turn(ask([user('do TOOLS 2')], tools));
  for (const ordinal of [1, 2]) {
    const [item] = responseOf(events)['output'] as { call_id: string; arguments: string }[];
    expect(item?.arguments).toBe(`{"cmd":"echo tool-${ordinal}"}`);
    const output = { type: 'function_call_output', call_id: item?.call_id, output: 'done' };
    events = await socket.turn(ask([output], { ...tools, previous_response_id: idOf(events) }));
  }
  expect(spoken(events)).toBe('turn 1 · user: do TOOLS 2 · items 5');
  expect(simulator.refusals).toEqual([]);
});

test('parallel tools come in one response', async () => {
  await using simulator = await start();
  const tools = { tools: [{ type: 'function', name: 'exec_command' }] };
  const url = responsesUrl(simulator, 'key1');
  const answer = await call(url, HEADS.key1, ask([user('PARALLEL 3')], tools));
  expect(responseOf(answer.events)['output']).toHaveLength(3);
});

test('a compaction stands for the history, in the stream and as a call of its own', async () => {
  await using simulator = await start();
  const url = responsesUrl(simulator, 'plus1');
  const streamed = await call(url, HEADS.plus1, ask([user('hello'), { type: 'compaction_trigger' }]));
  const unary = await call(`${url}/compact`, HEADS.plus1, { model: 'gpt-5.5', input: [user('hello')] });
  for (const holder of [responseOf(streamed.events), unary.json]) {
    const output = (holder?.['output'] ?? []) as object[];
    const window = [...output, user('again')];
    const next = await call(url, HEADS.plus1, ask(window));
    expect(spoken(next.events)).toBe('turn 2 · user: hello / again · items 2');
  }
  expect(simulator.refusals).toEqual([]);
});

test('a counted quota fills up, refuses, and is full again after its reset', async () => {
  const account = { name: 'plus1', dialect: 'chatgpt', token: 'at-1', accountId: 'acc-1' } as const;
  await using simulator = await start({ accounts: [{ ...account, turnsBeforeQuota: 2 }] });
  const url = responsesUrl(simulator, 'plus1');
  const turn = () => call(url, HEADS.plus1, ask([user('hello')]));
  await turn();
  const usage = await call(`${simulator.chatgptBaseUrl}/wham/usage`, HEADS.plus1);
  expect(usage.json?.['rate_limit']).toMatchObject({ allowed: true, primary_window: { used_percent: 50 } });
  await turn();
  const spent = await turn();
  expect(spent.status).toBe(429);
  expect(spent.json?.['error']).toMatchObject({ type: 'usage_limit_reached', plan_type: 'plus' });
  expect(simulator.seen.at(-1)?.status).toBe('failed');
  simulator.setQuota('plus1', 'fresh');
  expect((await turn()).status).toBe(200);
});

test('codex models carry an etag and honour it', async () => {
  await using simulator = await start();
  const url = `${simulator.chatgptBaseUrl}/codex/models?client_version=0.169.0`;
  const first = await call(url, HEADS.plus1);
  const etag = first.headers.get('etag') ?? '';
  expect(first.json?.['models']).toHaveLength(4);
  expect((await call(url, { ...HEADS.plus1, 'if-none-match': etag })).status).toBe(304);
});

test('a refresh token works once, and its second use ends the login', async () => {
  await using simulator = await start();
  const url = `${simulator.authBaseUrl}/oauth/token`;
  const refresh = (token: unknown) =>
    call(url, {}, { grant_type: 'refresh_token', client_id: 'app', refresh_token: token });
  const fresh = await refresh('rt-first');
  expect(fresh.json?.['access_token']).toBe(simulator.tokens('plus1').token);
  const usage = `${simulator.chatgptBaseUrl}/wham/usage`;
  const stale = await call(usage, HEADS.plus1);
  expect(stale.json?.['error']).toMatchObject({ code: 'token_expired' });
  expect((await refresh('rt-first')).json?.['error']).toMatchObject({ code: 'refresh_token_reused' });
  expect((await refresh(fresh.json?.['refresh_token'])).status).toBe(401);
  expect(simulator.refusals).toEqual([]);
});

test('the device flow is pending as often as asked and then signs in', async () => {
  await using simulator = await start();
  simulator.setDevicePendings(1);
  const poll = () => call(`${simulator.authBaseUrl}/api/accounts/deviceauth/token`, {}, {});
  expect((await poll()).status).toBe(403);
  const { json: granted } = await poll();
  const login = await call(
    `${simulator.authBaseUrl}/oauth/token`,
    {},
    {
      grant_type: 'authorization_code',
      code: granted?.['authorization_code'],
      code_verifier: granted?.['code_verifier'],
    },
  );
  expect(login.json?.['access_token']).toBe(simulator.tokens('plus1').token);
});

test('waiting in vain rejects with what was seen', async () => {
  await using simulator = await start();
  await expect(simulator.waitFor(() => false, 1)).rejects.toThrow('waited in vain');
});
