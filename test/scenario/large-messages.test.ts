import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MemoryBudget } from '../../src/http/limits/memory-budget.ts';
import { openSocket } from '../support/doors.ts';
import { makeWorld, type World } from '../support/world.ts';

const MIB = 1024 * 1024;

let world: World;
const bodies = new MemoryBudget();
beforeAll(async () => {
  world = await makeWorld({ kind: 'api_key', names: ['a'], bodies });
});
afterAll(() => world[Symbol.asyncDispose]());

test('a message above 80 MiB is closed with 1009, however much of it is still to come', async () => {
  await using client = await openSocket(world.url);
  const closed = once(client.socket, 'close');
  client.socket.send(Buffer.alloc(81 * MIB, ' '), { binary: false });
  const [code] = await closed;
  expect(code).toBe(1009);
  await expect.poll(() => bodies.held).toBe(0);
});

const HANDSHAKE = [
  'GET /v1/responses HTTP/1.1',
  'host: localhost',
  'connection: upgrade',
  'upgrade: websocket',
  'sec-websocket-version: 13',
  'sec-websocket-key: MDEyMzQ1Njc4OWFiY2RlZg==',
  '\r\n',
].join('\r\n');
const CLOSE_1009 = Buffer.from([0x88, 2, 0x03, 0xf1]);

/** A client that reads only when it has sent all it has. */
test('a client that sends first and reads afterwards is still told', async () => {
  const socket = connect(Number(new URL(world.url).port), '127.0.0.1');
  socket.write(HANDSHAKE);
  await once(socket, 'data');
  socket.pause();
  const head = Buffer.from([0x81, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4]);
  head.writeBigUInt64BE(BigInt(100 * MIB), 2);
  socket.write(head);
  for (let sent = 0; sent < 100; sent += 1) {
    if (!socket.write(Buffer.alloc(MIB))) await once(socket, 'drain');
  }
  const [said] = (await Promise.all([once(socket, 'data'), socket.resume()]))[0] as [Buffer];
  expect(said.subarray(0, CLOSE_1009.length)).toEqual(CLOSE_1009);
  socket.destroy();
});

test('a length that is only announced is closed with 1009', async () => {
  const socket = connect(Number(new URL(world.url).port), '127.0.0.1');
  socket.write(HANDSHAKE);
  await once(socket, 'data');
  socket.write(Buffer.from([0x81, 0xff, 0, 0, 0x10, 0, 0, 0, 0, 0, 1, 2, 3, 4]));
  const [said] = (await once(socket, 'data')) as [Buffer];
  expect(said.subarray(0, CLOSE_1009.length)).toEqual(CLOSE_1009);
  socket.destroy();
});
