import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import type { AccountId } from '../domain/ids.ts';
import type { UpstreamError } from '../turn/upstream-error.ts';
import type { UpstreamAccount } from './account.ts';
import { ConnectionGauge } from './connection-gauge.ts';
import { openSocket } from './websocket.ts';

const MIB = 1024 * 1024;
const PING_MS = 1000;
/** Far more than a kernel buffers for a reader that does not read. */
const LARGE = Buffer.alloc(64 * MIB, 'x');

/** Only the rhythm of the pings: connections need their own timers. */
beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] }));
afterEach(() => void vi.useRealTimers());

async function connection(pingMs = PING_MS) {
  const server = new WebSocketServer({
    port: 0,
    host: '127.0.0.1',
    autoPong: false,
    perMessageDeflate: false,
  });
  await once(server, 'listening');
  const accepted = once(server, 'connection') as Promise<[WebSocket]>;
  const account = {
    id: 'a' as AccountId,
    kind: 'api_key',
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    bearer: 'sk-a',
    proxy: undefined,
  } as UpstreamAccount;
  const { signal } = new AbortController();
  const opened = await openSocket({
    account,
    headers: {},
    pingMs,
    handshakeMs: 5000,
    signal,
    connectionGauge: new ConnectionGauge(),
  });
  if (!opened.ok) throw new Error('the socket did not open');
  const [peer] = await accepted;
  return {
    peer,
    socket: opened.socket,
    async [Symbol.asyncDispose]() {
      opened.socket.close();
      peer.terminate();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function listener() {
  const sent = Promise.withResolvers<void>();
  const framed = Promise.withResolvers<string>();
  const failed = Promise.withResolvers<UpstreamError>();
  return {
    sent: sent.promise,
    framed: framed.promise,
    failed: failed.promise,
    onSent: () => sent.resolve(),
    onHeaders: () => {},
    onFrame: ({ type }: { type: string }) => framed.resolve(type),
    onFailure: (error: UpstreamError) => failed.resolve(error),
  };
}

test('a frame that leaves slowly is not taken for a dead socket', async () => {
  await using one = await connection();
  one.peer.pause();
  const turn = listener();
  one.socket.send(LARGE, turn);
  vi.advanceTimersByTime(10 * PING_MS);
  const arrived = once(one.peer, 'message');
  one.peer.resume();
  expect(await Promise.race([turn.sent.then(() => 'sent'), turn.failed])).toBe('sent');
  const [message] = (await arrived) as [Buffer];
  expect(message.length).toBe(LARGE.length);
});

test('a frame of which nothing leaves any more ends the socket', async () => {
  await using one = await connection(20);
  one.peer.pause();
  const turn = listener();
  one.socket.send(LARGE, turn);
  expect(await turn.failed).toEqual({ via: 'timeout', what: 'ping' });
});

test('pings that were under way when we stopped reading count no more afterwards', async () => {
  await using one = await connection();
  const turn = listener();
  const exchange = one.socket.send(Buffer.from('{}'), turn);
  await turn.sent;
  vi.advanceTimersByTime(2 * PING_MS);
  exchange.pause();
  vi.advanceTimersByTime(10 * PING_MS);
  exchange.resume();
  vi.advanceTimersByTime(PING_MS);
  one.peer.send('{"type":"response.created"}');
  expect(await Promise.race([turn.framed, turn.failed])).toBe('response.created');
});

test('two pings without an answer end the socket', async () => {
  await using one = await connection();
  const turn = listener();
  one.socket.send(Buffer.from('{}'), turn);
  await turn.sent;
  vi.advanceTimersByTime(3 * PING_MS);
  expect(await turn.failed).toEqual({ via: 'timeout', what: 'ping' });
});
