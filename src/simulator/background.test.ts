/** Background responses of the public API: followed, left, resumed, and unreadable for a while. */
import { expect, test } from 'vitest';
import { call, follow, idOf, spoken, user } from '../../test/support/simulator-client.ts';
import { ask, HEADS, refused, responsesUrl, start } from '../../test/support/simulator-fixture.ts';
import * as errors from './errors.ts';
import type { WireEvent } from './wire.ts';

const LATER = ask([user('hello')], { background: true, store: true });
const QUIET = { ...LATER, stream: false };
const numbers = (events: readonly WireEvent[]) => events.map((event) => event['sequence_number']);
const idIn = (event: WireEvent | undefined) => idOf(event === undefined ? [] : [event]);

async function status(url: string): Promise<unknown> {
  return (await call(url, HEADS.key1)).json?.['status'];
}

test('a stream in the background tells its states and can be told again from any place', async () => {
  await using simulator = await start();
  const url = responsesUrl(simulator, 'key1');
  const { events } = await call(url, HEADS.key1, LATER);
  const states = ['response.created', 'response.queued', 'response.in_progress'];
  expect(events.slice(0, 3).map((event) => event.type)).toEqual(states);
  expect(numbers(events)).toEqual(events.map((_, index) => index));
  const stream = `${url}/${idOf(events)}?stream=true`;
  expect((await call(stream, HEADS.key1)).events).toEqual(events);
  const rest = await call(`${stream}&starting_after=4`, HEADS.key1);
  expect(rest.headers.get('content-type')).toContain('text/event-stream');
  expect(rest.events).toEqual(events.slice(5));
  expect((await call(stream, HEADS.key2)).status).toBe(404);
});

test('the response goes on when its client leaves, and another reader follows it to its end', async () => {
  await using simulator = await start();
  simulator.script('key1', { text: 'abc', deltas: 3, paceMs: 5 });
  const url = responsesUrl(simulator, 'key1');
  const seen: WireEvent[] = [];
  for await (const event of follow(url, HEADS.key1, LATER)) {
    seen.push(event);
    if (event.type === 'response.output_text.delta') break;
  }
  const stream = `${url}/${idIn(seen[0])}?stream=true`;
  const after = seen.at(-1)?.['sequence_number'];
  const { events } = await call(`${stream}&starting_after=${after}`, HEADS.key1);
  expect(spoken([...seen, ...events])).toBe('abc');
  expect(numbers([...seen, ...events])).toEqual([...seen, ...events].map((_, index) => index));
  expect(events.at(-1)?.type).toBe('response.completed');
  expect(simulator.seen[0]?.status).toBe('answered');
});

test.each(['close', 'eof', 'reset', 'silence'] as const)(
  'a stream that is lost (%s) loses its reader and nothing else',
  async (kind) => {
    await using simulator = await start();
    const cut = kind === 'close' ? { kind, code: 1011 } : { kind };
    simulator.script('key1', { text: 'abc', deltas: 3, fault: { at: 'mid_output', ...cut } });
    const url = responsesUrl(simulator, 'key1');
    const seen: WireEvent[] = [];
    const read = async () => {
      for await (const event of follow(url, HEADS.key1, LATER)) {
        seen.push(event);
        if (event.type === 'response.output_text.delta' && kind === 'silence') break;
      }
    };
    await read().catch((error: unknown) => expect(error).toBeInstanceOf(TypeError));
    await simulator.waitFor((one) => one.seen[0]?.status === 'answered');
    expect(seen.at(-1)?.type).toBe('response.output_text.delta');
    const stream = `${url}/${idIn(seen[0])}?stream=true&starting_after=${seen.at(-1)?.['sequence_number']}`;
    const { events } = await call(stream, HEADS.key1);
    expect(spoken([...seen, ...events])).toBe('abc');
  },
);

test('a read shows the response queued, in progress and completed', async () => {
  await using simulator = await start();
  simulator.script('key1', { delayMs: 60_000 }, { deltas: 2, paceMs: 60_000 }, {});
  const url = responsesUrl(simulator, 'key1');
  const ids: string[] = [];
  for (let turn = 0; turn < 3; turn += 1) {
    const { json } = await call(url, HEADS.key1, QUIET);
    expect(json?.['status']).toBe('queued');
    ids.push(String(json?.['id']));
  }
  await simulator.waitFor((one) => one.seen[2]?.status === 'answered');
  expect(await Promise.all(ids.map((id) => status(`${url}/${id}`)))).toEqual([
    'queued',
    'in_progress',
    'completed',
  ]);
  for (const id of ids.slice(0, 2)) {
    expect((await call(`${url}/${id}/cancel`, HEADS.key1, {})).json?.['status']).toBe('cancelled');
    expect(await status(`${url}/${id}`)).toBe('cancelled');
  }
  await simulator.waitFor((one) => one.seen.every((turn) => turn.status !== 'running'));
});

test('a response that fails in the background is read as failed', async () => {
  await using simulator = await start();
  const error = { code: 'server_error', message: 'no' };
  simulator.script('key1', { fault: { at: 'mid_output', kind: 'response_failed', error } });
  simulator.script('key1', { fault: { at: 'mid_output', kind: 'status', ...errors.overloaded() } });
  const url = responsesUrl(simulator, 'key1');
  for (let turn = 0; turn < 2; turn += 1) {
    const { events } = await call(url, HEADS.key1, LATER);
    const id = idIn(events[0]);
    expect(await status(`${url}/${id}`)).toBe('failed');
    expect((await call(`${url}/${id}?stream=true`, HEADS.key1)).events).toEqual(events);
  }
});

test.each([LATER, QUIET])(
  'before it exists, a background response is refused as any other: %j',
  async (body) => {
    await using simulator = await start();
    simulator.script('key1', { fault: { at: 'before_created', kind: 'status', ...errors.overloaded() } });
    simulator.script('key1', { fault: { at: 'before_created', kind: 'reset' } });
    const url = responsesUrl(simulator, 'key1');
    expect((await call(url, HEADS.key1, body)).json).toEqual(errors.overloaded().body);
    await expect(call(url, HEADS.key1, body)).rejects.toThrow();
    expect(simulator.seen.map((turn) => turn.status)).toEqual(['failed', 'failed']);
  },
);

test('only what is stored can run in the background, and only what began as a stream can be followed', async () => {
  await using simulator = await start();
  const refusal = await refused(simulator, 'key1', { ...LATER, store: false });
  expect(refusal.rule).toBe('unstored_background');
  const url = responsesUrl(simulator, 'key1');
  const plain = await call(url, HEADS.key1, QUIET);
  expect((await call(`${url}/${plain.json?.['id']}?stream=true`, HEADS.key1)).status).toBe(400);
  const attended = await call(url, HEADS.key1, ask([user('hello')], { store: true }));
  expect((await call(`${url}/${idOf(attended.events)}?stream=true`, HEADS.key1)).status).toBe(404);
});

test('reads can fail or hang while creates work', async () => {
  await using simulator = await start();
  const url = responsesUrl(simulator, 'key1');
  const made = await call(url, HEADS.key1, ask([user('hello')], { store: true }));
  const stored = `${url}/${idOf(made.events)}`;
  for (const answer of [errors.rateLimited(1), errors.serverError()]) {
    simulator.setRetrieval('key1', answer);
    expect((await call(stored, HEADS.key1)).json).toEqual(answer.body);
    expect((await call(`${stored}/input_items`, HEADS.key1)).status).toBe(answer.status);
    expect((await call(url, HEADS.key1, ask([user('hello')]))).status).toBe(200);
  }
  simulator.setRetrieval('key1', 'silent');
  const gone = new AbortController();
  const silent = fetch(stored, { headers: HEADS.key1, signal: gone.signal });
  await simulator.waitFor((one) => one.retrievals('key1') === 5);
  gone.abort();
  await expect(silent).rejects.toThrow();
  simulator.setRetrieval('key1', 'served');
  expect(await status(stored)).toBe('completed');
});
