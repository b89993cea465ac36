/**
 * What RFC 6455 forbids, what it allows and nobody does, and what is merely too much, frame by frame. A server that
 * keeps the rules closes with the code they name; everything else about a message is answered with an error frame.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { reset } from '../../src/simulator/reset.ts';
import { close, FIN, frame, OP, RawSocket, text } from './raw-socket.ts';
import { type Case, checkError, mib, type Stage, within } from './stage.ts';

const TURN = '{"type":"response.create","model":"gpt-5.5","input":"hello"}';
const bytes = (words: string): Buffer => Buffer.from(words);
const half = Math.floor(TURN.length / 2);
const begin = frame({ head: OP.text, payload: bytes(TURN.slice(0, half)) });
const finish = frame({ head: FIN | OP.continuation, payload: bytes(TURN.slice(half)) });
const ping = frame({ head: FIN | OP.ping, payload: bytes('are you there') });

/** The protocol is broken: closed with this code. */
const FORBIDDEN: readonly (readonly [string, Buffer, number])[] = [
  ['a frame without a mask', frame({ head: FIN | OP.text, payload: bytes(TURN), masked: 'no' }), 1002],
  ...[0x40, 0x20, 0x10].map(
    (bit) =>
      [`reserved bit ${bit}`, frame({ head: FIN | bit | OP.text, payload: bytes(TURN) }), 1002] as const,
  ),
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map(
    (opcode) => [`opcode ${opcode}`, frame({ head: FIN | opcode }), 1002] as const,
  ),
  ...[OP.close, OP.ping, OP.pong].map(
    (opcode) => [`control frame ${opcode} in fragments`, frame({ head: opcode }), 1002] as const,
  ),
  ...[OP.close, OP.ping, OP.pong].map(
    (opcode) =>
      [
        `control frame ${opcode} of 126 bytes`,
        frame({ head: FIN | opcode, payload: Buffer.alloc(126) }),
        1002,
      ] as const,
  ),
  ['a continuation of nothing', finish, 1002],
  ['a message inside of a message', Buffer.concat([begin, text(TURN)]), 1002],
  ['a close frame of one byte', frame({ head: FIN | OP.close, payload: Buffer.alloc(1) }), 1002],
  ...[0, 1, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535].map(
    (code) => [`close code ${code}`, close(code), 1002] as const,
  ),
  ['a length with its highest bit set', claim(2n ** 63n), 1009],
  ['a length beyond all numbers', claim(2n ** 64n - 1n), 1009],
  ['a length of 81 MiB, and nothing of it', claim(BigInt(mib(81))), 1009],
];

function claim(claimed: bigint): Buffer {
  return frame({ head: FIN | OP.text, claimed });
}

/** Allowed: the code comes back. */
const GOODBYES: readonly (readonly [string, Buffer, number])[] = [
  ...[1000, 1001, 1002, 1003, 1007, 1011, 1013, 3000, 4999].map(
    (code) => [`close code ${code}`, close(code, 'bye'), code] as const,
  ),
  ['a close frame without a code', frame({ head: FIN | OP.close }), 1005],
  ['a reason that is no UTF-8', close(1000, Buffer.from([0xff, 0xfe])), 1000],
  ['a goodbye, and frames after it', Buffer.concat([close(1000), text(TURN), text('{'), ping]), 1000],
];

/** No turn: an error frame of status 400, and the socket goes on. */
const REFUSED: readonly (readonly [string, Buffer])[] = [
  ['an empty frame', text('')],
  ['a binary frame', frame({ head: FIN | OP.binary, payload: bytes(TURN) })],
  ['an empty binary frame', frame({ head: FIN | OP.binary })],
  [
    'text that is no UTF-8',
    text(Buffer.concat([bytes(TURN.slice(0, -2)), Buffer.from([0xff]), bytes('"}')])),
  ],
  [
    'a surrogate in UTF-8',
    text(Buffer.concat([bytes(TURN.slice(0, -2)), Buffer.from([0xed, 0xa0, 0x80]), bytes('"}')])),
  ],
  [
    'a UTF-8 letter cut by the end',
    text(Buffer.concat([bytes(TURN.slice(0, -2)), Buffer.from([0xe2, 0x82])])),
  ],
  [
    'a message in three empty fragments',
    Buffer.concat([frame({ head: OP.text }), frame({ head: 0 }), frame({ head: FIN })]),
  ],
  ['a type of megabytes', text(`{"x":1,"type":"${'t'.repeat(mib(4))}"}`)],
  ['brackets without an end', text('['.repeat(mib(1)))],
  ['a message of 65 MiB', text(`{"type":"response.create","model":"m","input":"${'x'.repeat(mib(65))}"}`)],
];

/** Odd, and served all the same. */
const SERVED: readonly (readonly [string, Buffer])[] = [
  ['a turn in two fragments with a ping in between', Buffer.concat([begin, ping, finish])],
  ['a turn in fragments of one byte', Buffer.concat(oneByOne(TURN))],
  [
    'a turn whose length is written in 64 bits',
    frame({ head: FIN | OP.text, payload: bytes(TURN), length: 64 }),
  ],
  [
    'a turn whose length is written in 16 bits',
    frame({ head: FIN | OP.text, payload: bytes(TURN), length: 16 }),
  ],
  [
    'a pong that nobody asked for',
    Buffer.concat([frame({ head: FIN | OP.pong, payload: bytes('x') }), text(TURN)]),
  ],
];

function oneByOne(words: string): readonly Buffer[] {
  return [...words].map((letter, index) => {
    const last = index === words.length - 1 ? FIN : 0;
    return frame({ head: last | (index === 0 ? OP.text : OP.continuation), payload: bytes(letter) });
  });
}

async function closes(stage: Stage, sent: Buffer, code: number): Promise<void> {
  const client = await RawSocket.open(stage.port);
  client.send(sent);
  assert.equal(await client.closed(), code);
  client.stream.end();
  if (!client.stream.closed) await within(8000, 'the end of the connection', once(client.stream, 'close'));
}

async function refuses(stage: Stage, sent: Buffer): Promise<void> {
  const client = await RawSocket.open(stage.port);
  client.send(sent);
  const answer = await client.message();
  assert.equal(answer['type'], 'error');
  assert.equal(answer['status'], 400);
  checkError(answer['error']);
  await turn(client);
  client.stream.destroy();
}

/** One turn from its frame to its end. */
async function turn(client: RawSocket, sent: Buffer = text(TURN)): Promise<void> {
  client.send(sent);
  for (;;) {
    const { type, error } = await client.message();
    assert.notEqual(type, 'error', JSON.stringify(error));
    if (type === 'response.completed') return;
  }
}

async function pingIsAnswered(stage: Stage): Promise<void> {
  const client = await RawSocket.open(stage.port);
  client.send(ping);
  const pong = await client.next();
  assert.equal(pong?.opcode, OP.pong);
  assert.equal(pong.payload.toString(), 'are you there');
  client.stream.destroy();
}

async function tooLargeInPieces(stage: Stage): Promise<void> {
  const client = await RawSocket.open(stage.port);
  const piece = Buffer.alloc(mib(1), 0x20);
  client.send(frame({ head: OP.text, payload: piece }));
  for (let index = 0; index < 81; index += 1) client.send(frame({ head: OP.continuation, payload: piece }));
  assert.equal(await client.closed(), 1009);
  client.stream.destroy();
}

async function endlessFragments(stage: Stage): Promise<void> {
  const client = await RawSocket.open(stage.port);
  const empty = frame({ head: OP.continuation });
  client.send(frame({ head: OP.text }), ...Array.from({ length: 20_000 }, () => empty));
  assert.equal(await client.closed(), 1008);
  client.stream.destroy();
}

async function tinyFrames(stage: Stage, words: string, count: number): Promise<void> {
  const client = await RawSocket.open(stage.port);
  const one = text(words);
  client.send(Buffer.concat(Array.from({ length: count }, () => one)));
  for (let index = 0; index < count; index += 1) {
    const { type, error } = await client.message();
    assert.equal(type, 'error');
    checkError(error);
  }
  await turn(client);
  client.stream.destroy();
}

/** One runs, eight wait, and the others are told so. */
async function manyTurns(stage: Stage): Promise<void> {
  const client = await RawSocket.open(stage.port);
  const before = stage.simulator.seen.length;
  const one = text(TURN);
  client.send(Buffer.concat(Array.from({ length: 2000 }, () => one)));
  const ends = new Map<string, number>();
  for (let ended = 0; ended < 2000; ) {
    const { type, status } = await client.message();
    if (type !== 'error' && type !== 'response.completed') continue;
    const end = type === 'error' ? String(status) : 'completed';
    ends.set(end, (ends.get(end) ?? 0) + 1);
    ended += 1;
  }
  assert.deepEqual([...ends.keys()].sort(), ['429', 'completed']);
  assert.equal(stage.simulator.seen.length - before, ends.get('completed'));
  assert.ok((ends.get('completed') ?? 0) >= 9);
  client.stream.destroy();
}

/** Pings ask for pongs, which wait in the server for a peer that does not take them. */
async function pingFlood(stage: Stage): Promise<void> {
  const client = await RawSocket.open(stage.port);
  client.stream.pause();
  const flood = Buffer.concat(
    Array.from({ length: 1000 }, () => frame({ head: FIN | OP.ping, payload: Buffer.alloc(125) })),
  );
  const before = stage.memoryMib();
  const peak = await stage.peakMib(async () => {
    const closed = new Promise<void>((resolve) => client.stream.once('close', () => resolve()));
    for (let round = 0; round < 400 && client.stream.writable; round += 1) {
      if (client.stream.write(flood)) continue;
      const drained = new Promise<void>((resolve) => client.stream.once('drain', () => resolve()));
      const waited = new Promise<void>((resolve) => setTimeout(resolve, 1000).unref());
      await Promise.race([drained, closed, waited]);
    }
  });
  client.stream.destroy();
  assert.ok(peak - before < 100, `${Math.round(peak - before)} MiB more`);
}

async function halfClose(stage: Stage): Promise<void> {
  const client = await RawSocket.open(stage.port);
  client.send(text(TURN));
  client.stream.end();
  await within(5000, 'the end of the connection', once(client.stream, 'close'));
}

async function goneInTheMiddle(stage: Stage): Promise<void> {
  const sent = text(TURN);
  for (let cut = 1; cut < sent.length; cut += 3) {
    const client = await RawSocket.open(stage.port);
    client.send(sent.subarray(0, cut));
    reset(client.stream, 'unsent');
  }
}

const table = <Row extends readonly [string, Buffer, ...unknown[]]>(
  rows: readonly Row[],
  play: (stage: Stage, row: Row) => Promise<void>,
): readonly Case[] =>
  rows.map((row) => ({ name: `WebSocket: ${row[0]}`, play: (stage) => play(stage, row) }));

export const FRAMES: readonly Case[] = [
  ...table(FORBIDDEN, (stage, [, sent, code]) => closes(stage, sent, code)),
  ...table(GOODBYES, (stage, [, sent, code]) => closes(stage, sent, code)),
  ...table(REFUSED, (stage, [, sent]) => refuses(stage, sent)),
  ...table(SERVED, async (stage, [, sent]) => turn(await RawSocket.open(stage.port), sent)),
  { name: 'WebSocket: a ping is answered with its own words', play: pingIsAnswered },
  { name: 'WebSocket: 82 MiB in pieces are closed with 1009', play: tooLargeInPieces },
  { name: 'WebSocket: fragments without an end are closed with 1008', play: endlessFragments },
  { name: 'WebSocket: 10,000 empty frames in one packet', play: (stage) => tinyFrames(stage, '', 10_000) },
  { name: 'WebSocket: 10,000 tiny objects in one packet', play: (stage) => tinyFrames(stage, '{}', 10_000) },
  { name: 'WebSocket: 2,000 turns in one packet', play: manyTurns },
  { name: 'WebSocket: 400,000 pings of a peer that never reads', play: pingFlood },
  { name: 'WebSocket: a peer that half closes after its turn', play: halfClose },
  { name: 'WebSocket: peers that vanish inside of a frame', play: goneInTheMiddle },
];
