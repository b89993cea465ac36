import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate as immediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { AccountId } from '../domain/ids.ts';
import type { UpstreamAccount } from './account.ts';
import { HttpUpstream } from './http.ts';
import type { UpstreamStream } from './upstream-stream.ts';

/** A connection that has just been in use may not be ready yet for the next turn; a second one then is. */
const TURNS = 10;

const DELTA = 'event: response.output_text.delta\ndata: {"type":"response.output_text.delta"}\n\n';
const END = 'event: response.completed\ndata: {"type":"response.completed"}\n\n';

function accountAt(server: Server): { account: UpstreamAccount; url: string } {
  const account = {
    id: 'a' as AccountId,
    kind: 'api_key',
    bearer: 'sk-a',
    proxy: undefined,
  } as UpstreamAccount;
  return { account, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` };
}

/** An upstream that answers each request as told, and counts the connections to it. */
async function upstreamThat(answer: (response: ServerResponse) => void) {
  const seen = { connections: 0, answers: [] as ServerResponse[] };
  let last: { readonly exchange: UpstreamStream; readonly types: readonly string[] } | undefined;
  const server = createServer((request, response) => {
    request.resume();
    seen.answers.push(response);
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    answer(response);
  });
  server.on('connection', () => {
    seen.connections += 1;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const upstream = new HttpUpstream();
  const { account, url } = accountAt(server);
  return {
    seen,
    /** Of the turn that was begun last. */
    last: () => last?.exchange,
    heard: () => last?.types,
    async rested(): Promise<void> {
      while (upstream.running > 0) await immediate();
    },
    /** Resolves with the types of the frames when the last one, or a failure, has come. */
    turn: (onFrame: (exchange: UpstreamStream | undefined) => void = () => {}): Promise<readonly string[]> =>
      new Promise((resolve) => {
        const types: string[] = [];
        const exchange: UpstreamStream = upstream.stream(
          { account, method: 'POST', url, headers: {}, body: Buffer.from('{}') },
          {
            onSent: () => {},
            onHeaders: () => {},
            onFrame: ({ type }) => {
              types.push(type);
              onFrame(exchange);
              if (type !== 'response.completed') return;
              exchange.abandon();
              resolve(types);
            },
            onBody: () => resolve([...types, 'body']),
            onFailure: ({ via }) => resolve([...types, via]),
          },
        );
        last = { exchange, types };
      }),
    async [Symbol.asyncDispose]() {
      await upstream.close();
      server.closeAllConnections();
      server.close();
    },
  };
}

test('connections serve one turn after the other', async () => {
  await using upstream = await upstreamThat((response) => response.end(DELTA + END));
  for (let turn = 0; turn < TURNS; turn += 1) {
    expect(await upstream.turn()).toEqual(['response.output_text.delta', 'response.completed']);
    await upstream.rested();
  }
  expect(upstream.seen.connections).toBeLessThanOrEqual(2);
});

test('a pause that the end of a turn overtook is no pause of the connection', async () => {
  await using upstream = await upstreamThat((response) => {
    response.write(DELTA + END);
    void immediate().then(() => response.end());
  });
  for (let turn = 0; turn < TURNS; turn += 1) {
    await upstream.turn((exchange) => exchange?.pause());
    await upstream.rested();
  }
  expect(upstream.seen.connections).toBeLessThanOrEqual(2);
});

test('an answer that does not end after its last event is cut off', async () => {
  await using upstream = await upstreamThat((response) => response.write(END));
  await upstream.turn();
  await once(upstream.seen.answers[0] as ServerResponse, 'close');
  expect(upstream.seen.answers[0]?.writableFinished).toBe(false);
});

test('an answer that goes on and on after its last event is cut off without waiting', async () => {
  await using upstream = await upstreamThat((response) => {
    response.write(END);
    const more = (): void => void (response.destroyed || response.write('x'.repeat(64 * 1024), more));
    more();
  });
  expect(await upstream.turn()).toEqual(['response.completed']);
  await once(upstream.seen.answers[0] as ServerResponse, 'close');
  expect(upstream.seen.answers[0]?.writableFinished).toBe(false);
});

test('a turn that is abandoned before its end closes its connection', async () => {
  await using upstream = await upstreamThat((response) => response.write(DELTA));
  void upstream.turn((exchange) => exchange?.abandon());
  while (upstream.seen.answers.length === 0) await immediate();
  await once(upstream.seen.answers[0] as ServerResponse, 'close');
  expect(upstream.seen.answers[0]?.writableFinished).toBe(false);
});

/** Far more than a kernel buffers for a reader that does not read. */
const LARGE = Buffer.alloc(64 * 1024 * 1024, 'x');

/** An upstream that has got the headers of a large upload, and reads its body only when it is told to. */
async function upload(upstream: HttpUpstream) {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const asked = once(server, 'request') as Promise<[IncomingMessage, ServerResponse]>;
  const heard: string[] = [];
  const ended = Promise.withResolvers<void>();
  const { account, url } = accountAt(server);
  upstream.stream(
    { account, method: 'POST', url, headers: {}, body: LARGE },
    {
      onSent: () => heard.push('sent'),
      onHeaders: () => heard.push('headers'),
      onFrame: () => {},
      onBody: () => heard.push('body'),
      onFailure: (signal) => {
        heard.push(signal.via === 'timeout' ? signal.what : signal.via);
        ended.resolve();
      },
    },
  );
  const [request, response] = await asked;
  return {
    request,
    response,
    heard,
    ended: ended.promise,
    async [Symbol.asyncDispose]() {
      await upstream.close();
      server.closeAllConnections();
      server.close();
    },
  };
}

test('a large request is sent when its last byte has left, not when it was handed over', async () => {
  await using one = await upload(new HttpUpstream());
  expect(one.request.headers['content-length']).toBe(String(LARGE.length));
  for (let turn = 0; turn < 100; turn += 1) await immediate();
  expect(one.heard).toEqual([]);
  let bytes = 0;
  for await (const chunk of one.request) bytes += (chunk as Buffer).length;
  expect(bytes).toBe(LARGE.length);
  one.response.writeHead(200).end();
  await one.ended;
  expect(one.heard).toEqual(['sent', 'headers', 'eof']);
});

test('an upstream that takes nothing more of a request is given up', async () => {
  await using one = await upload(new HttpUpstream(50));
  await one.ended;
  expect(one.heard).toEqual(['first_event']);
});

test('a turn that is paused before it has a connection is paused', async () => {
  await using upstream = await upstreamThat((response) => response.end(DELTA + END));
  const paused = upstream.turn();
  upstream.last()?.pause();
  while (upstream.seen.answers[0]?.writableFinished !== true) await immediate();
  for (let turn = 0; turn < 100; turn += 1) await immediate();
  expect(upstream.heard()).toEqual([]);
  upstream.last()?.resume();
  expect(await paused).toEqual(['response.output_text.delta', 'response.completed']);
});
