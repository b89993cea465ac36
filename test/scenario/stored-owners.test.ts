import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { idOf, post } from '../support/doors.ts';
import { makeWorld, type World } from '../support/world.ts';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

const QUEUED = { id: 'resp_later', object: 'response', status: 'queued', background: true, output: [] };

/** An account that keeps responses, as far as this file needs it: creates are answered, the rest is told. */
const owner = {
  handler: undefined as Handler | undefined,
  create: (_body: Record<string, unknown>, response: ServerResponse): void =>
    void response.end(JSON.stringify(QUEUED)),
  asked: [] as string[],
  open: 0,
};
const upstream = createServer((request, response) => {
  const call = `${request.method} ${request.url}`;
  if (call === 'POST /v1/responses') {
    void text(request).then((body) => owner.create(JSON.parse(body), response));
    return;
  }
  owner.asked.push(call);
  owner.open += 1;
  response.once('close', () => {
    owner.open -= 1;
  });
  if (owner.handler === undefined) request.socket.destroy();
  else owner.handler(request, response);
});

let world: World;
let path: string;
beforeAll(async () => {
  upstream.listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  const base = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}/v1`;
  world = await makeWorld({ kind: 'api_key', names: ['a'], env: { RESPOOL_OPENAI_BASE_URL: base } });
  const answer = await post(world.url, { model: 'gpt-5.5', input: 'later', background: true });
  path = `${world.url}/v1/responses/${idOf(answer)}`;
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  upstream.closeAllConnections();
  upstream.close();
});
beforeEach(() => {
  owner.handler = undefined;
  owner.asked.length = 0;
});

const answering =
  (status: number, body: object, headers: Record<string, string> = {}): Handler =>
  (_request, response) =>
    void response
      .writeHead(status, { 'content-type': 'application/json', ...headers })
      .end(JSON.stringify(body));

const TROUBLES: readonly (readonly [string, Handler | undefined, string])[] = [
  ['cannot be reached', undefined, '5'],
  [
    'is out of quota',
    answering(429, { error: { code: 'insufficient_quota' } }, { 'retry-after': '17' }),
    '17',
  ],
  ['has a key that is refused', answering(401, { error: { code: 'invalid_api_key' } }), '5'],
  ['is forbidden', answering(403, {}), '5'],
  ['owes money', answering(402, {}), '5'],
  ['is down', answering(503, {}, { 'retry-after': '3600' }), '60'],
];

const CALLS = [
  ['GET', ''],
  ['GET', '?stream=true&starting_after=3'],
  ['GET', '/input_items'],
  ['POST', '/cancel'],
  ['DELETE', ''],
] as const;

test.each(TROUBLES)(
  'while the owner %s its responses are not denied, and not forgotten',
  async (_name, handler, after) => {
    owner.handler = handler;
    for (const [method, rest] of CALLS) {
      const answer = await fetch(`${path}${rest}`, { method });
      expect([method, rest, answer.status, answer.headers.get('retry-after')]).toEqual([
        method,
        rest,
        503,
        after,
      ]);
      expect(answer.headers.get('x-should-retry')).toBeNull();
      expect(await answer.json()).toMatchObject({ error: { code: 'upstream_unavailable' } });
    }
    owner.handler = answering(200, QUEUED);
    expect(await (await fetch(path)).json()).toMatchObject({ id: QUEUED.id, status: 'queued' });
  },
);

test('what the owner itself says of a response is passed on', async () => {
  const missing = { error: { message: 'No such response.', type: 'invalid_request_error' } };
  owner.handler = answering(404, missing);
  for (const rest of ['', '?stream=true']) {
    const answer = await fetch(`${path}${rest}`);
    expect([answer.status, await answer.json()]).toEqual([404, missing]);
  }
  const early = { error: { message: 'It is still running.' } };
  owner.handler = answering(409, early);
  const refused = await fetch(path, { method: 'DELETE' });
  expect([refused.status, await refused.json()]).toEqual([409, early]);
});

test('a stream of the owner is passed on as it comes, byte by byte', async () => {
  const sent = Promise.withResolvers<ServerResponse>();
  owner.handler = (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=x', 'x-request-id': 'theirs' });
    response.write('event: response.in_progress\r\ndata: {"a" : 1}\r\n\r\n: hm\n\n');
    sent.resolve(response);
  };
  const answer = await fetch(`${path}?stream=true&starting_after=7`);
  expect(owner.asked).toEqual([`GET /v1/responses/${QUEUED.id}?stream=true&starting_after=7`]);
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toBe('text/event-stream; charset=x');
  expect(answer.headers.get('x-request-id')).toMatch(/^req_/);
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
  const first = await reader.read();
  expect(Buffer.from(first.value ?? []).toString()).toBe(
    'event: response.in_progress\r\ndata: {"a" : 1}\r\n\r\n: hm\n\n',
  );
  (await sent.promise).end('data: the end');
  expect(Buffer.from((await reader.read()).value ?? []).toString()).toBe('data: the end');
  expect((await reader.read()).done).toBe(true);
});

test('a client that leaves ends the stream at its owner', async () => {
  owner.handler = (_request, response) => void response.writeHead(200).write(': hello\n\n');
  const leaving = new AbortController();
  await fetch(`${path}?stream=true`, { signal: leaving.signal });
  expect(owner.open).toBe(1);
  leaving.abort();
  await expect.poll(() => owner.open).toBe(0);
});

test('a stream that breaks off at its owner breaks off here, and does not look whole', async () => {
  owner.handler = (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('data: {}\n\n', () => response.destroy());
  };
  const answer = await fetch(`${path}?stream=true`);
  await expect(answer.text()).rejects.toThrow();
});

test('a slow reader makes the owner wait', async () => {
  const piece = Buffer.alloc(256 * 1024, 'x');
  const most = 400;
  let written = 0;
  owner.handler = (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const more = (): void => {
      if (written === most) return void response.end();
      written += 1;
      response.write(piece, more);
    };
    more();
  };
  const answer = await fetch(`${path}?stream=true`);
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
  let before = -1;
  await expect
    .poll(
      () => {
        const still = written === before;
        before = written;
        return still;
      },
      { interval: 50 },
    )
    .toBe(true);
  expect(written).toBeLessThan(most);
  const held = written;
  while (written === held) await reader.read();
  await reader.cancel();
});

test('a response whose account was removed is read from its transcript, and otherwise unknown', async () => {
  await using one = await makeWorld({ kind: 'api_key', names: ['a'] });
  const kept = await post(one.url, { model: 'gpt-5.5', input: 'kept' });
  const later = await post(one.url, { model: 'gpt-5.5', input: 'later', background: true });
  await one.admin('DELETE', `/api/accounts/${one.ids.get('a')}`);
  expect(await (await fetch(`${one.url}/v1/responses/${idOf(kept)}`)).json()).toEqual(kept.response);
  expect((await fetch(`${one.url}/v1/responses/${idOf(kept)}?stream=true`)).status).toBe(400);
  expect((await fetch(`${one.url}/v1/responses/${idOf(later)}`)).status).toBe(404);
});

test('while its owner cannot be asked, a whole response is read from its transcript', async () => {
  await using one = await makeWorld({ kind: 'api_key', names: ['a'] });
  const kept = await post(one.url, { model: 'gpt-5.5', input: 'kept' });
  one.simulator.replaceToken('a', 'sk-another');
  const url = `${one.url}/v1/responses/${idOf(kept)}`;
  expect(await (await fetch(url)).json()).toEqual(kept.response);
  expect((await fetch(`${url}/input_items`)).status).toBe(200);
  expect((await fetch(`${url}?stream=true`)).status).toBe(503);
  expect((await fetch(url, { method: 'DELETE' })).status).toBe(503);
  expect((await fetch(url)).status).toBe(200);
});

test('the end of a streamed answer makes it a part of its conversation', async () => {
  const output = [{ type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'done' }] }];
  const event = { type: 'response.completed', response: { ...QUEUED, status: 'completed', output } };
  owner.handler = (_request, response) =>
    void response
      .writeHead(200, { 'content-type': 'text/event-stream' })
      .end(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
  expect(await (await fetch(`${path}?stream=true`)).text()).toContain('response.completed');
  const created: Record<string, unknown>[] = [];
  const { create } = owner;
  owner.create = (body, response) => {
    created.push(body);
    const error = { type: 'invalid_request_error', code: 'previous_response_not_found', message: 'x' };
    if (body['previous_response_id'] === undefined) create(body, response);
    else response.writeHead(400, { 'content-type': 'application/json' }).end(JSON.stringify({ error }));
  };
  await post(world.url, {
    model: 'gpt-5.5',
    input: 'next',
    background: true,
    previous_response_id: QUEUED.id,
  });
  owner.create = create;
  expect(JSON.stringify(created.at(-1)?.['input'])).toMatch(/later.*done.*next/);
});

test('a background stream that is answered whole is passed on whole, and was begun once', async () => {
  const created: Record<string, unknown>[] = [];
  const { create } = owner;
  owner.create = (body, response) => {
    created.push(body);
    response.setHeader('content-type', 'application/json');
    create(body, response);
  };
  const answer = await post(world.url, { model: 'gpt-5.5', input: 'later', background: true, stream: true });
  owner.create = create;
  expect([answer.status, idOf(answer)]).toEqual([200, QUEUED.id]);
  expect(created.length).toBe(1);
});
