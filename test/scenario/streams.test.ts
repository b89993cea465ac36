/** Server-sent events as bytes on a connection, read by a peer that forgives nothing. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import type { Behaviour } from '../../src/simulator/script.ts';
import { checkStream, post } from '../support/doors.ts';
import { makeWorld } from '../support/world.ts';

interface Answer {
  readonly head: string;
  readonly body: string;
  /** Of its chunks; none where the answer has none. */
  readonly sizes: readonly number[];
}

const asking = (input: string, version = '1.1'): string => {
  const body = JSON.stringify({ model: 'gpt-5.5', stream: true, input });
  return [
    `POST /v1/responses HTTP/${version}`,
    'host: 127.0.0.1',
    'content-type: application/json',
    `content-length: ${body.length}`,
    '',
    body,
  ].join('\r\n');
};

/** Says all of it at once, and reads until the server closes or `until` answers have ended. */
async function converse(url: string, said: string, until = Number.POSITIVE_INFINITY): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  let heard = '';
  // One character a byte: that is what sizes of chunks count.
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    heard += chunk;
    if (heard.split('\r\n0\r\n\r\n').length > until) socket.end();
  });
  socket.write(said);
  await once(socket, 'close');
  return heard;
}

/** The first answer, in chunks, and what comes after it. */
function readChunked(text: string): [Answer, string] {
  const headEnd = text.indexOf('\r\n\r\n') + 4;
  const sizes: number[] = [];
  let body = '';
  for (let at = headEnd; ; ) {
    const [line = ''] = /^[0-9a-f]+\r\n/.exec(text.slice(at)) ?? [];
    expect(line, `no chunk size: ${text.slice(at, at + 40)}`).not.toBe('');
    const size = Number.parseInt(line, 16);
    const data = at + line.length;
    expect(text.slice(data + size, data + size + 2)).toBe('\r\n');
    if (size === 0) return [{ head: text.slice(0, headEnd), body, sizes }, text.slice(data + 2)];
    sizes.push(size);
    body += text.slice(data, data + size);
    at = data + size + 2;
  }
}

const typesOf = (body: string): readonly string[] =>
  [...body.matchAll(/^event: (\S+)\ndata: \{/gm)].map(([, type = '']) => type);

test.each(['http', 'websocket'] as const)(
  'two turns asked at once on one connection are answered in order (%s upstream)',
  async (transport) => {
    await using world = await makeWorld({ kind: 'api_key', names: ['a'], transport });
    world.simulator.setDefault('a', { deltas: 6, paceMs: 5 });
    const heard = await converse(world.url, asking('first') + asking('second'), 2);
    const [first, rest] = readChunked(heard);
    const [second, after] = readChunked(rest);
    expect(after).toBe('');
    for (const [{ head, body, sizes }, input] of [[first, 'first'] as const, [second, 'second'] as const]) {
      expect(head).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
      expect(body).toContain(`user: ${input} `);
      expect(typesOf(body)[0]).toBe('response.created');
      expect(typesOf(body).at(-1)).toBe('response.completed');
      expect(sizes.length).toBeGreaterThan(1);
    }
  },
);

test('a client of HTTP/1.0 gets the events alone, and the end of the connection is their end', async () => {
  await using world = await makeWorld({ kind: 'api_key', names: ['a'] });
  world.simulator.setDefault('a', { deltas: 6, paceMs: 5 });
  const heard = await converse(world.url, asking('hello', '1.0'));
  const body = heard.slice(heard.indexOf('\r\n\r\n') + 4);
  expect(heard).toMatch(/^HTTP\/1\.[01] 200 OK\r\n/);
  expect(heard.toLowerCase()).not.toContain('transfer-encoding');
  expect(body.startsWith('event: response.created\n')).toBe(true);
  expect(body).not.toMatch(/^[0-9a-f]+\r\n/m);
  expect(typesOf(body).at(-1)).toBe('response.completed');
});

interface Told {
  readonly type: string;
  readonly sequence_number: number;
  readonly response: { readonly id: string };
}

const FAULTS: readonly (readonly [string, Behaviour])[] = [
  [
    'a request that upstream refuses with its first event',
    {
      fault: {
        kind: 'response_failed',
        at: 'before_created',
        error: { code: 'invalid_prompt', message: 'No.' },
      },
    },
  ],
  [
    'a request that upstream refuses after it has begun',
    {
      fault: {
        kind: 'response_failed',
        at: 'after_created',
        error: { code: 'invalid_prompt', message: 'No.' },
      },
    },
  ],
  [
    'a refusal after a comment',
    {
      delayMs: 120,
      fault: { kind: 'status', at: 'before_created', status: 400, body: { error: { message: 'No.' } } },
    },
  ],
  ['a loss in the middle', { fault: { kind: 'reset', at: 'mid_output' } }],
];

test.each(FAULTS)(
  '%s is a stream with a beginning and an end of the same response',
  async (_name, behaviour) => {
    await using world = await makeWorld({
      kind: 'api_key',
      names: ['a'],
      env: { RESPOOL_KEEPALIVE_MS: '30' },
    });
    world.simulator.setDefault('a', behaviour);
    const answer = await post(world.url, { model: 'gpt-5.5', input: 'hello', stream: true });
    expect(answer.status).toBe(200);
    checkStream(answer);
    const events = answer.events as unknown as readonly Told[];
    expect([events[0]?.type, events.at(-1)?.type]).toEqual(['response.created', 'response.failed']);
    expect(events[0]?.response.id).toMatch(/^resp_/);
    expect(events[0]?.response.id).toBe(events.at(-1)?.response.id);
  },
);
