/**
 * Readers that stop in the middle of a long answer: upstream has to wait for them, memory must not, and nobody else
 * may notice. The longer form waits until they are given up.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { RawSocket, text } from './raw-socket.ts';
import { type Case, OVERLOADED, type Stage, within } from './stage.ts';

const READERS = 40;
/** The text travels once in pieces and four times as a whole: 40 MB in all. */
const LONG = { deltas: 64, deltaBytes: 128 * 1024, times: READERS } as const;
/** 100 MB: more than the 36 MB that a Linux kernel by itself may buffer on each of the two connections. */
const ENDLESS = { ...LONG, deltas: 160 } as const;
/** What is buffered for one reader, what is under way from upstream, and one event that is larger than both. */
const MAX_MIB_EACH = 8;
const GIVEN_UP_AFTER_MS = 90_000;

const TURN = '{"model":"gpt-5.5","input":"tell me all","stream":true}';
const ASK = `POST /v1/responses HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${TURN.length}\r\n\r\n${TURN}`;

interface Reader {
  readonly socket: Socket;
  /** Reads on, to the end of the answer. */
  rest(): Promise<string>;
}

const isRefused = (head: Buffer): boolean => head.includes(OVERLOADED);

/** Reads a little and stops. Undefined when the turn was refused. */
async function stalledSse(stage: Stage): Promise<Reader | undefined> {
  const socket = connect(stage.port, '127.0.0.1');
  socket.on('error', () => socket.destroy());
  socket.write(ASK);
  const [head] = (await once(socket, 'data')) as [Buffer];
  if (isRefused(head)) return undefined;
  socket.pause();
  const rest = async (): Promise<string> => {
    let last = '';
    for await (const chunk of socket) last = (last + (chunk as Buffer).toString('latin1')).slice(-100);
    return last;
  };
  return { socket, rest };
}

async function stalledWs(stage: Stage): Promise<Reader | undefined> {
  const client = await RawSocket.open(stage.port);
  client.send(text('{"type":"response.create","model":"gpt-5.5","input":"tell me all"}'));
  const first = await client.next();
  if (first === undefined || isRefused(first.payload)) return undefined;
  client.stream.pause();
  const rest = async (): Promise<string> => {
    client.stream.resume();
    for (;;) {
      const { payload } = (await client.next()) ?? {};
      if (payload === undefined) return 'the end of the connection';
      if (payload.subarray(0, 100).includes('"response.completed"'))
        return payload.toString('latin1').slice(-100);
    }
  };
  return { socket: client.stream, rest };
}

async function stalled(stage: Stage, answer: typeof LONG | typeof ENDLESS): Promise<readonly Reader[]> {
  stage.simulator.script('a', answer);
  const open = [stalledSse, stalledWs];
  return Promise.all(
    Array.from({ length: READERS }, (_, index) =>
      stage.whenAccepted(() => (open[index % 2] ?? stalledSse)(stage)),
    ),
  );
}

const running = (stage: Stage): number =>
  stage.simulator.seen.filter((turn) => turn.status === 'running').length;

/** Until nothing moves any more. */
async function settle(stage: Stage): Promise<void> {
  for (let before = -1; before !== running(stage); ) {
    before = running(stage);
    await pause(700);
  }
}

async function boundedAndUnnoticed(stage: Stage): Promise<void> {
  const before = stage.memoryMib();
  const readers: Reader[] = [];
  try {
    const peak = await stage.peakMib(async () => {
      readers.push(...(await stalled(stage, ENDLESS)));
      await settle(stage);
      assert.equal(running(stage), READERS, 'upstream was not held back');
      await Promise.all(Array.from({ length: 20 }, () => stage.checkUp()));
    });
    const each = (peak - before) / READERS;
    assert.ok(each < MAX_MIB_EACH, `${each.toFixed(1)} MiB for each reader`);
  } finally {
    for (const { socket } of readers) socket.destroy();
  }
  await stage.simulator.waitFor(() => running(stage) === 0, 5000);
}

async function goesOn(stage: Stage): Promise<void> {
  const readers = await stalled(stage, LONG);
  await settle(stage);
  const ends = await within(45_000, 'the rest of the answers', Promise.all(readers.map((one) => one.rest())));
  // The usage is near the end of every terminal event.
  for (const end of ends) assert.match(end, /"total_tokens"/);
  for (const { socket } of readers) socket.destroy();
  assert.ok(stage.simulator.seen.slice(-READERS).every((turn) => turn.status === 'answered'));
}

async function givenUp(stage: Stage): Promise<void> {
  const readers = await stalled(stage, LONG);
  await settle(stage);
  await stage.simulator.waitFor(() => running(stage) === 0, GIVEN_UP_AFTER_MS);
  for (const { socket } of readers) socket.destroy();
}

export const SLOW_READERS: readonly Case[] = [
  { name: '40 readers that stop cost bounded memory and nobody else notices', play: boundedAndUnnoticed },
  { name: '40 readers that stop and go on get all of it', play: goesOn },
];

/** Takes more than a minute. */
export const GIVEN_UP: Case = { name: '40 readers that never go on are given up', play: givenUp };
