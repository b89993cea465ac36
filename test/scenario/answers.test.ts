/** What a client gets to see, and what is kept of it, when the way to an answer was not straight. */
import { describe, expect, test } from 'vitest';
import { webSearchCall } from '../../src/simulator/items.ts';
import {
  type Item,
  lastAccount,
  lastInput,
  outputOf,
  SESSION,
  SPENT,
  user,
} from '../support/conversation.ts';
import { DOORS, idOf, openDoor, post, textOf } from '../support/doors.ts';
import { type Kind, makeWorld } from '../support/world.ts';

const KINDS: readonly Kind[] = ['api_key', 'chatgpt'];

describe.each(KINDS)('what the client sees of a move (%s)', (kind) => {
  test.each(DOORS)('the answer names the response that the client continued (%s)', async (door) => {
    await using world = await makeWorld({ kind, names: ['a', 'b'] });
    await using client = await openDoor(door, world.url, SESSION);
    const first = await client.turn({ input: 'one' });
    world.simulator.script('a', SPENT);
    const second = await client.turn({ input: 'two', previous_response_id: idOf(first) });
    expect(second.response?.['previous_response_id']).toBe(idOf(first));
    for (const event of second.events.filter(({ response }) => response !== undefined)) {
      expect((event['response'] as Item)['previous_response_id']).toBe(idOf(first));
    }
  });

  test.each(['sse', 'ws'] as const)(
    'a failure that is repaired after it began shows one beginning (%s)',
    async (door) => {
      for (const body of [
        { error: { code: 'previous_response_not_found', message: 'x', type: 'invalid_request_error' } },
        { error: { code: 'invalid_encrypted_content', message: 'x', type: 'invalid_request_error' } },
        { detail: "The 'gpt-5.5' model is not supported when using Codex with a ChatGPT account." },
        { detail: 'Unsupported parameter: top_logprobs' },
      ]) {
        await using world = await makeWorld({ kind, names: ['a', 'b'] });
        await using client = await openDoor(door, world.url, SESSION);
        const first = await client.turn({ input: 'one' });
        const error = 'error' in body ? body.error : { code: null, message: body.detail };
        world.simulator.script('a', {
          fault: { kind: 'response_failed', at: 'after_created', error: error as never },
        });
        const answer = await client.turn({
          input: 'two',
          top_logprobs: 1,
          previous_response_id: idOf(first),
        });
        const begun = answer.events.filter((event) => event.type === 'response.created');
        expect(begun.length, JSON.stringify(body)).toBeLessThanOrEqual(1);
        expect(textOf(answer), JSON.stringify(answer.error)).toContain('user: one / two ·');
      }
    },
  );
});

test('a stream of nothing but handshakes that was let through is not begun a second time', async () => {
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a', 'b'] });
  const noise = Array.from({ length: 80 }, (_, n) => ({ type: 'codex.noise', n }));
  world.simulator.script('a', {
    vendorFrames: noise,
    fault: { kind: 'close', code: 1011, at: 'after_created' },
  });
  await using client = await openDoor('ws', world.url, { ...SESSION, originator: 'codex_exec' });
  const answer = await client.turn({ input: 'one' });
  expect(answer.events.filter((event) => event.type === 'response.created').length).toBeLessThanOrEqual(1);
  expect(answer.events.at(-1)?.type).toMatch(/^response\.(failed|completed)$/);
});

test('an answer that was cut keeps the item that was cut', async () => {
  await using world = await makeWorld({ kind: 'api_key', names: ['a'] });
  world.simulator.script('a', {
    items: [
      webSearchCall(),
      { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'half an answer' }] },
    ],
    incomplete: 'max_output_tokens',
    cutItem: 'never_done',
  });
  await using client = await openDoor('json', world.url, SESSION);
  const first = await client.turn({ input: 'one', store: false });
  expect(outputOf(first).map((item) => item.type)).toEqual(['web_search_call', 'message']);
  const kept = (await (await fetch(`${world.url}/v1/responses/${idOf(first)}`)).json()) as { output: Item[] };
  expect(kept.output.map((item) => item.type)).toEqual(['web_search_call', 'message']);
});

test('items are kept in the order in which they stand, not in which they ended', async () => {
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a', 'b'] });
  const call = (n: number) => ({
    type: 'function_call',
    name: 'f',
    arguments: `{"n":${n}}`,
    call_id: `call_${n}`,
  });
  world.simulator.script('a', {
    items: [call(0), call(1), call(2)],
    doneOrder: [2, 0, 1],
    emptyOutput: true,
  });
  await using client = await openDoor('sse', world.url, SESSION);
  const first = await client.turn({ input: 'one' });
  expect(outputOf(first).map((item) => item['call_id'])).toEqual(['call_0', 'call_1', 'call_2']);
  world.simulator.script('a', SPENT);
  const outputs = [0, 1, 2].map((n) => ({ type: 'function_call_output', call_id: `call_${n}`, output: 'x' }));
  const second = await client.turn({ input: [...outputs, user('two')], previous_response_id: idOf(first) });
  expect(textOf(second), JSON.stringify(second.error)).toContain('user: one / two ·');
  expect(
    lastInput(world).flatMap((item) => (item.type === 'function_call' ? [item['call_id']] : [])),
  ).toEqual(['call_0', 'call_1', 'call_2']);
});

test('a client without any identity stays with the account that knows its history', async () => {
  await using world = await makeWorld({ kind: 'chatgpt' });
  let history: object[] = [];
  for (let turn = 0; turn < 5; turn += 1) {
    history = [...history, user(`turn ${turn}`)];
    const answer = await post(world.url, { model: 'gpt-5.5', input: history });
    expect(answer.status).toBe(200);
    history = [...history, ...outputOf(answer)];
  }
  expect(new Set(world.simulator.seen.map((turn) => turn.account)).size).toBe(1);
});

test('what a reference names is kept with the turn that names it', async () => {
  await using world = await makeWorld({ kind: 'api_key', names: ['a', 'b'] });
  await using client = await openDoor('json', world.url, SESSION);
  const source = await post(world.url, { model: 'gpt-5.5', input: 'the source' });
  const [message] = outputOf(source);
  const first = await client.turn({ input: [{ type: 'item_reference', id: message?.id }, user('one')] });
  expect(first.status, JSON.stringify(first.error)).toBe(200);
  await fetch(`${world.url}/v1/responses/${idOf(source)}`, { method: 'DELETE' });
  const holder = String(lastAccount(world));
  world.simulator.script(holder, SPENT);
  const second = await client.turn({ input: 'two', previous_response_id: idOf(first) });
  expect(textOf(second), JSON.stringify(second.error)).toContain('user: one / two ·');
  expect(JSON.stringify(lastInput(world))).toContain('the source');
  expect(world.simulator.refusals).toEqual([]);
});

test('empty instructions go up to a backend that wants words or nothing', async () => {
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a'] });
  for (const door of DOORS) {
    await using client = await openDoor(door, world.url);
    const answer = await client.turn({ input: 'hello', instructions: null });
    expect(answer.status, JSON.stringify(answer.error)).toBe(200);
  }
  const [row] = await world.rows();
  expect(row?.dropped_params).toBeUndefined();
});

test.each(KINDS)('without transcripts a prewarm can still be continued (%s)', async (kind) => {
  await using world = await makeWorld({
    kind,
    names: ['a'],
    transport: 'http',
    env: { RESPOOL_TRANSCRIPTS: 'off' },
  });
  await using client = await openDoor('ws', world.url, SESSION);
  const warm = await client.turn({ generate: false, input: [user('base')] });
  const answer = await client.turn({ input: [user('one')], previous_response_id: idOf(warm) });
  expect(textOf(answer), JSON.stringify(answer.error)).toContain('user: base / one ·');
});

test('a conversation that begins with a background response can move, once its answer was read', async () => {
  await using world = await makeWorld({ kind: 'api_key', names: ['a', 'b'] });
  const begun = await post(world.url, { model: 'gpt-5.5', input: 'one', background: true });
  const id = idOf(begun);
  const read = async () =>
    (await fetch(`${world.url}/v1/responses/${id}`)).json() as Promise<{ status: string }>;
  await expect.poll(async () => (await read()).status, { interval: 20 }).toBe('completed');
  world.simulator.setDefault(String(lastAccount(world)), SPENT);
  const next = await post(world.url, { model: 'gpt-5.5', input: 'two', previous_response_id: id });
  expect(textOf(next), JSON.stringify(next.error)).toContain('user: one / two ·');
});

test('a background response that streams is passed on at once, and known even if its client leaves', async () => {
  await using world = await makeWorld({ kind: 'api_key', names: ['a', 'b'] });
  await using client = await openDoor('sse', world.url);
  const answer = await client.turn({ input: 'one', background: true });
  expect(answer.events.map((event) => event.type).slice(0, 2)).toEqual([
    'response.created',
    'response.queued',
  ]);
  expect(answer.events.at(-1)?.type).toBe('response.completed');
  world.simulator.setDefault('a', { deltas: 50, paceMs: 20 });
  world.simulator.setDefault('b', { deltas: 50, paceMs: 20 });
  const leaving = new AbortController();
  const response = await fetch(`${world.url}/v1/responses`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'gpt-5.5', input: 'two', background: true, stream: true }),
    signal: leaving.signal,
  });
  const { value } = await (response.body as ReadableStream<Uint8Array>).getReader().read();
  const id = /"id":"(resp_[^"]+)"/.exec(Buffer.from(value ?? []).toString())?.[1];
  leaving.abort();
  await expect.poll(async () => (await fetch(`${world.url}/v1/responses/${id}`)).status).toBe(200);
});

test.each(DOORS)(
  'a response that is cancelled upstream ends once, and is not sent again (%s)',
  async (door) => {
    await using world = await makeWorld({ kind: 'api_key', names: ['a', 'b'] });
    const response = { id: 'resp_x', object: 'response', status: 'cancelled', output: [] };
    world.simulator.setDefault('a', { vendorFrames: [{ type: 'response.cancelled', response }] });
    await using client = await openDoor(door, world.url);
    const answer = await client.turn({ input: 'one' });
    expect(answer.error?.['code']).toBe('response_cancelled');
    expect(answer.events.map(({ type }) => type)).not.toContain('response.cancelled');
    expect(world.simulator.seen.length).toBe(1);
    expect((await world.rows())[0]).toMatchObject({
      status: 'failed',
      error: { code: 'response_cancelled' },
    });
  },
);

test('what a client names its things by goes up as this server’s names, wherever it stands', async () => {
  await using world = await makeWorld({ kind: 'chatgpt', transport: 'http', names: ['a'] });
  const made = (await world.admin('POST', '/api/keys', { name: 'k' })) as { key: string };
  const ids = ['session_id', 'thread_id', 'window_id', 'turn_id', 'parent_thread_id'];
  const named = Object.fromEntries(ids.map((name) => [name, `mine-${name}`]));
  const described = JSON.stringify({ ...named, installation_id: 'mine-installation', sandbox: 'none' });
  const headers = {
    authorization: `Bearer ${made.key}`,
    originator: 'codex_exec',
    'x-codex-window-id': 'mine-window',
    'x-codex-parent-thread-id': 'mine-parent',
    'x-codex-turn-metadata': described,
  };
  const client_metadata = { ...named, 'x-codex-window-id': 'mine-w', 'x-codex-turn-metadata': described };
  const answer = await post(world.url, { model: 'gpt-5.5', input: 'one', client_metadata }, headers);
  expect(answer.status).toBe(200);
  const sent = JSON.stringify([world.simulator.seen[0]?.headers, world.simulator.seen[0]?.body]);
  expect(sent).toContain('sandbox');
  expect(sent).not.toContain('mine-');
});
