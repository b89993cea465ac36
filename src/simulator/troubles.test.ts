/** Troubles that last, and answers that come in unusual forms. */
import { expect, test } from 'vitest';
import { call, errorOf, handshake, responseOf, spoken, user } from '../../test/support/simulator-client.ts';
import { ask, connect, HEADS, responsesUrl, start } from '../../test/support/simulator-fixture.ts';
import * as errors from './errors.ts';
import type { Behaviour, Fault, SimulatedAccount } from './script.ts';
import type { Item } from './wire.ts';

const HELLO = ask([user('hello')]);

const REFUSED = [
  ['refused_400', 400, 'Bad Request', 'Bad Request: unsupported upgrade'],
  ['refused_403', 403, 'Forbidden', ''],
  ['refused_404', 404, 'Not Found', '{"detail":"Upgrade not offered"}'],
  ['refused_405', 405, 'Method Not Allowed', '{"detail":"Method Not Allowed"}'],
  ['refused_426', 426, 'Upgrade Required', '{"detail":"Upgrade not offered"}'],
  ['refused_500', 500, 'Internal Server Error', 'Internal Server Error'],
  ['refused_503_page', 503, 'Service Unavailable', expect.stringContaining('<html>')],
] as const;

test.each(REFUSED)('%s refuses every upgrade and takes HTTP', async (websocket, status, reason, text) => {
  await using simulator = await start({
    accounts: [{ name: 'key1', dialect: 'openai', token: 'sk-1', websocket }],
  });
  const url = responsesUrl(simulator, 'key1');
  for (const upgrades of [1, 2]) {
    expect(await handshake(url, HEADS.key1)).toMatchObject({ status, reason, text });
    expect(simulator.upgrades('key1')).toBe(upgrades);
  }
  expect((await call(url, HEADS.key1, HELLO)).status).toBe(200);
});

const FOR_EVER: readonly Fault[] = [
  { at: 'before_created', kind: 'close', code: 1011 },
  { at: 'after_created', kind: 'close', code: 1011 },
  { at: 'mid_output', kind: 'close', code: 1011 },
  { at: 'before_created', kind: 'reset' },
  { at: 'mid_output', kind: 'reset' },
];

test.each(FOR_EVER)('a default strikes every turn: %j', async (fault) => {
  await using simulator = await start();
  simulator.setDefault('plus1', { fault });
  for (let turn = 0; turn < 3; turn += 1) {
    const socket = await connect(simulator, 'plus1');
    const events = await socket.turn(HELLO);
    expect(events.at(-1)?.type).not.toBe('response.completed');
    expect(await socket.closed).toBe(fault.kind === 'close' ? 1011 : 1006);
  }
  expect(simulator.seen.map((turn) => turn.status)).toEqual(['failed', 'failed', 'failed']);
  simulator.clearScript('plus1');
  const socket = await connect(simulator, 'plus1');
  expect((await socket.turn(HELLO)).at(-1)?.type).toBe('response.completed');
});

test('a prewarm can be struck like any turn', async () => {
  await using simulator = await start();
  simulator.setDefault('plus1', {
    forPrewarm: 'also',
    fault: { at: 'before_created', kind: 'close', code: 1011 },
  });
  for (const body of [{ ...HELLO, generate: false }, HELLO]) {
    const socket = await connect(simulator, 'plus1');
    expect(await socket.turn(body)).toEqual([]);
    expect(await socket.closed).toBe(1011);
  }
});

test('every socket can be closed as soon as it is open', async () => {
  await using simulator = await start();
  simulator.setDefault('plus1', { fault: { at: 'upgrade', kind: 'close', code: 1011 } });
  for (let upgrade = 0; upgrade < 3; upgrade += 1) {
    const socket = await connect(simulator, 'plus1');
    expect(await socket.closed).toBe(1011);
  }
});

const UPGRADES: readonly Behaviour[] = [
  { fault: { at: 'upgrade', kind: 'reset' } },
  { fault: { at: 'upgrade', kind: 'status', ...errors.serverError(502) } },
];

test.each(UPGRADES)('every handshake can fail, by default or for ever: %j', async (behaviour) => {
  await using simulator = await start();
  simulator.setDefault('plus1', behaviour);
  simulator.script('plus2', { ...behaviour, times: Number.POSITIVE_INFINITY });
  for (const name of ['plus1', 'plus2', 'plus1', 'plus2'] as const) {
    await expect(connect(simulator, name)).rejects.toThrow(/hang up|ECONNRESET|502/);
  }
  expect([simulator.upgrades('plus1'), simulator.upgrades('plus2')]).toEqual([2, 2]);
});

test('a behaviour can last until the script is cleared', async () => {
  await using simulator = await start();
  simulator.script('key1', { text: 'always', times: Number.POSITIVE_INFINITY });
  const url = responsesUrl(simulator, 'key1');
  for (let turn = 0; turn < 3; turn += 1) {
    expect(spoken((await call(url, HEADS.key1, HELLO)).events)).toBe('always');
  }
  simulator.clearScript('key1');
  expect(spoken((await call(url, HEADS.key1, HELLO)).events)).toContain('turn 1');
});

const said = (text: string): Item => ({
  type: 'message',
  role: 'assistant',
  status: 'completed',
  content: [{ type: 'output_text', text }],
});

test('items can finish in another order than they stand in', async () => {
  await using simulator = await start();
  simulator.script('plus1', { items: [said('a'), said('b'), said('c')], doneOrder: [2, 0] });
  const { events } = await call(responsesUrl(simulator, 'plus1'), HEADS.plus1, HELLO);
  const done = events.filter((event) => event.type === 'response.output_item.done');
  expect(done.map((event) => event['output_index'])).toEqual([2, 0, 1]);
  const output = responseOf(events)['output'] as Item[];
  expect(output.map(({ id }) => id)).toEqual(['msg_plus1_1', 'msg_plus1_2', 'msg_plus1_3']);
  expect(done.map((event) => (event['item'] as Item).id)).toEqual([2, 0, 1].map((at) => output[at]?.id));
});

test.each([
  ['done', 2],
  ['never_done', 1],
] as const)('the last item of an incomplete answer is cut: %s', async (cutItem, dones) => {
  await using simulator = await start();
  const call1 = { type: 'function_call', call_id: 'c1', name: 'f', arguments: '{"a":1}' };
  simulator.script('key1', { items: [said('a'), call1], incomplete: 'max_output_tokens', cutItem });
  const { events } = await call(responsesUrl(simulator, 'key1'), HEADS.key1, HELLO);
  expect(events.at(-1)?.type).toBe('response.incomplete');
  const cut = { type: 'function_call', status: 'incomplete', arguments: '{"a' };
  expect((responseOf(events)['output'] as Item[])[1]).toMatchObject(cut);
  const done = events.filter((event) => event.type === 'response.output_item.done');
  expect(done).toHaveLength(dones);
  if (cutItem === 'done') expect(done.at(-1)?.['item']).toMatchObject(cut);
  const argumentsDone = 'response.function_call_arguments.done';
  expect(events.some((event) => event.type === argumentsDone)).toBe(cutItem === 'done');
});

const COMPACTIONS = [
  ['key1', 'openai', 'none_404', 404],
  ['plus1', 'chatgpt', 'none_404', 404],
  ['key1', 'openai', 'none_405', 405],
  ['plus1', 'chatgpt', 'none_501', 501],
] as const;

test.each(COMPACTIONS)('%s (%s) has no compaction: %s', async (name, dialect, compaction, status) => {
  const account = { name, dialect, token: HEADS[name].authorization.slice('Bearer '.length), compaction };
  await using simulator = await start({ accounts: [account] });
  const url = responsesUrl(simulator, name);
  const route = await call(`${url}/compact`, HEADS[name], { model: 'gpt-5.5', input: [user('hello')] });
  expect(route.status).toBe(status);
  const trigger = ask([user('hello'), { type: 'compaction_trigger' }]);
  const answer = await call(url, HEADS[name], trigger);
  expect([answer.status, answer.json]).toEqual([400, errors.unknownItemType(1, 'compaction_trigger').body]);
  expect(simulator.refusals).toEqual([]);
  expect(simulator.seen.map((turn) => turn.status)).toEqual(['failed', 'failed']);
});

test('a trigger can be ignored: the answer comes without the item', async () => {
  const account: SimulatedAccount = {
    name: 'plus1',
    dialect: 'chatgpt',
    token: 'at-1',
    compaction: 'ignored',
  };
  await using simulator = await start({ accounts: [account] });
  const url = responsesUrl(simulator, 'plus1');
  const streamed = await call(url, HEADS.plus1, ask([user('hello'), { type: 'compaction_trigger' }]));
  const unary = await call(`${url}/compact`, HEADS.plus1, { model: 'gpt-5.5', input: [user('hello')] });
  for (const holder of [responseOf(streamed.events), unary.json]) {
    expect(((holder?.['output'] ?? []) as Item[]).map(({ type }) => type)).toEqual(['message']);
  }
});

test('a compact can be slow, be left, and lose its connection', async () => {
  await using simulator = await start();
  simulator.script('key1', { delayMs: 60_000 }, { fault: { at: 'before_created', kind: 'reset' } }, {});
  const url = `${responsesUrl(simulator, 'key1')}/compact`;
  const gone = new AbortController();
  const body = JSON.stringify({ model: 'gpt-5.5', input: 'hello' });
  const slow = fetch(url, { method: 'POST', headers: HEADS.key1, body, signal: gone.signal });
  await simulator.waitFor((one) => one.seen[0]?.status === 'running');
  gone.abort();
  await expect(slow).rejects.toThrow();
  await simulator.waitFor((one) => one.seen[0]?.status === 'aborted');
  await expect(call(url, HEADS.key1, { model: 'gpt-5.5', input: 'hello' })).rejects.toThrow();
  expect((await call(url, HEADS.key1, { model: 'gpt-5.5', input: 'hello' })).status).toBe(200);
  expect(simulator.seen.map((turn) => turn.status)).toEqual(['aborted', 'failed', 'answered']);
});

test('headers of a handshake keep the limits of its moment while events carry those of now', async () => {
  await using simulator = await start();
  const window = (usedPercent: number) => ({ usedPercent, windowMinutes: 300, resetsInSeconds: 60 });
  const header = 'x-codex-primary-used-percent';
  simulator.setWindows('plus1', { primary: window(10), secondary: { ...window(5), windowMinutes: 10_080 } });
  const url = responsesUrl(simulator, 'plus1');
  expect((await handshake(url, HEADS.plus1)).headers).toMatchObject({
    [header]: '10',
    'x-codex-secondary-used-percent': '5',
  });
  const socket = await connect(simulator, 'plus1');
  simulator.setWindows('plus1', { primary: window(90) });
  const [limits] = await socket.turn(HELLO);
  expect(limits).toMatchObject({
    type: 'codex.rate_limits',
    rate_limits: { primary: { used_percent: 90 }, secondary: null },
  });
  expect((await call(url, HEADS.plus1, HELLO)).headers.get(header)).toBe('90');
  expect((await handshake(responsesUrl(simulator, 'key1'), HEADS.key1)).headers[header]).toBeUndefined();
});

test('a large answer is told at once, and waits for a reader who stops', async () => {
  await using simulator = await start();
  simulator.script('key1', { deltas: 32, deltaBytes: 1 << 16 }, { deltas: 64, deltaBytes: 1 << 18 });
  const url = responsesUrl(simulator, 'key1');
  const { events } = await call(url, HEADS.key1, HELLO);
  expect(events.filter((event) => event.type === 'response.output_text.delta')).toHaveLength(32);
  expect(spoken(events)).toHaveLength(32 << 16);
  const gone = new AbortController();
  const init = { method: 'POST', headers: HEADS.key1, body: JSON.stringify(HELLO), signal: gone.signal };
  expect((await fetch(url, init)).status).toBe(200);
  expect(simulator.seen[1]?.status).toBe('running');
  gone.abort();
  await simulator.waitFor((one) => one.seen[1]?.status === 'aborted');
});

test('pieces of an answer do not split a character', async () => {
  await using simulator = await start();
  simulator.script('key1', { text: 'a😀😀b', deltas: 4 });
  const { events } = await call(responsesUrl(simulator, 'key1'), HEADS.key1, HELLO);
  const deltas = events.filter((event) => event.type === 'response.output_text.delta');
  expect(deltas.map((event) => event['delta'])).toEqual(['a😀', '😀', 'b']);
});

test('an incident refuses every login of the ChatGPT backend and no API key', async () => {
  await using simulator = await start();
  simulator.refuseTokens();
  for (const name of ['plus1', 'plus2'] as const) {
    const answer = await call(responsesUrl(simulator, name), HEADS[name], HELLO);
    expect([answer.status, errorOf({ type: '', ...answer.json })['code']]).toEqual([401, 'token_expired']);
    expect((await handshake(responsesUrl(simulator, name), HEADS[name])).status).toBe(401);
  }
  expect((await call(`${simulator.chatgptBaseUrl}/wham/usage`, HEADS.plus1)).status).toBe(401);
  expect((await call(responsesUrl(simulator, 'key1'), HEADS.key1, HELLO)).status).toBe(200);
  expect(simulator.refusals).toEqual([]);
  simulator.acceptTokens();
  expect((await call(responsesUrl(simulator, 'plus1'), HEADS.plus1, HELLO)).status).toBe(200);
});

const refresh = (origin: string, token: string, signal?: AbortSignal) =>
  fetch(`${origin}/oauth/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ grant_type: 'refresh_token', client_id: 'app', refresh_token: token }),
    ...(signal === undefined ? {} : { signal }),
  });

test('refreshes fail as often as scripted, without using up the token', async () => {
  await using simulator = await start();
  const troubles = [errors.serverError(503), errors.rateLimited(2), errors.htmlPage(503)];
  simulator.scriptRefresh(...troubles, 'hang_up', 'hang');
  for (const { status } of troubles) {
    expect((await refresh(simulator.origin, 'rt-first')).status).toBe(status);
  }
  await expect(refresh(simulator.origin, 'rt-first')).rejects.toThrow();
  const gone = new AbortController();
  const hanging = refresh(simulator.origin, 'rt-first', gone.signal);
  await simulator.waitFor((one) => one.refreshes.length === 5);
  gone.abort();
  await expect(hanging).rejects.toThrow();
  expect((await refresh(simulator.origin, 'rt-first')).status).toBe(200);
});

test('the login service can be down until it is up again', async () => {
  await using simulator = await start();
  simulator.setLoginService(errors.htmlPage(502));
  for (let attempt = 0; attempt < 3; attempt += 1) {
    expect((await refresh(simulator.origin, 'rt-first')).status).toBe(502);
  }
  const device = `${simulator.authBaseUrl}/api/accounts/deviceauth/usercode`;
  const asked = await call(device, {}, { client_id: 'app' });
  expect([asked.status, asked.headers.get('content-type')]).toEqual([502, 'text/html']);
  simulator.setLoginService('lost');
  await expect(refresh(simulator.origin, 'rt-first')).rejects.toThrow();
  simulator.setLoginService('up');
  expect((await refresh(simulator.origin, 'rt-first')).status).toBe(401);
});
