/**
 * Damaged requests over real connections, as bodies, as messages and as bare bytes. Whatever comes back has to be one
 * of the documented shapes, and the server has to stay.
 */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { WebSocket } from 'ws';
import { type Dice, damaged, dice, mutated } from './mutate.ts';
import { FIN, frame, OP, RawSocket } from './raw-socket.ts';
import { type Case, checkError, within } from './stage.ts';

const MAX_ANSWER_MS = 15_000;
const STATUSES = new Set([200, 400, 404, 408, 415, 417, 421, 426, 431, 502, 503]);

/** Damages are drawn from `roll`, so that a seed names the whole exchange. */
export type Assault = (port: number, roll: Dice) => Promise<void>;

const body: Assault = async (port, roll) => {
  const answer = await fetch(`http://127.0.0.1:${port}/v1/responses`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(roll.below(8) === 0
        ? { 'content-encoding': roll.pick(['gzip', 'deflate', 'br', 'zstd', 'x']) }
        : {}),
    },
    body: mutated(roll) as unknown as string,
    signal: AbortSignal.timeout(MAX_ANSWER_MS),
  });
  const text = await answer.text();
  assert.match(answer.headers.get('x-request-id') ?? '', /^req_/);
  checkAnswer(answer.status, answer.headers.get('content-type') ?? '', text);
};

function checkAnswer(status: number, type: string, text: string): void {
  assert.ok(STATUSES.has(status), `status ${status}: ${text.slice(0, 300)}`);
  if (type.startsWith('text/event-stream')) {
    assert.match(text, /event: (response\.(completed|incomplete|failed)|error)\n/);
    return;
  }
  const json = JSON.parse(text);
  if (status >= 400) checkError(json.error);
  else assert.equal(json.object, 'response');
}

const ENDS = new Set([
  'response.completed',
  'response.incomplete',
  'response.failed',
  'error',
  'response.steer.failed',
]);

/** Some damaged messages; each gets an answer of its own, so that a good turn after them is served. */
const messages: Assault = async (port, roll) => {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/responses`);
  const wrong: unknown[] = [];
  const ended = new Promise<void>((resolve, reject) => {
    socket.on('message', (data) => {
      const event = JSON.parse(String(data)) as Record<string, unknown>;
      if (typeof event['type'] !== 'string') wrong.push(event);
      if (event['type'] === 'error') {
        assert.ok(Number.isInteger(event['status']));
        checkError(event['error']);
      }
      if (ENDS.has(String(event['type'])) && event['stream_id'] === 'last') resolve();
    });
    socket.on('close', (code) => reject(new Error(`closed with ${code}`)));
    socket.on('error', reject);
  });
  ended.catch(() => undefined);
  await within(MAX_ANSWER_MS, 'a socket', new Promise((resolve) => socket.once('open', resolve)));
  for (let count = 0; count < 5; count += 1) socket.send(mutated(roll), { binary: false });
  socket.send('{"type":"response.create","model":"gpt-5.5","input":"last","stream_id":"last"}');
  await within(MAX_ANSWER_MS, 'the last turn', ended);
  assert.deepEqual(wrong, []);
  socket.terminate();
};

/** Damaged frames: the peer may be thrown out, with a close code or without, but not left hanging. */
const frames: Assault = async (port, roll) => {
  const client = await RawSocket.open(port);
  const good = frame({ head: FIN | OP.text, payload: mutated(roll) });
  client.send(damaged(damaged(good, roll), roll), frame({ head: FIN | OP.close }));
  client.stream.end();
  for (;;) {
    const answer = await client.next();
    if (answer === undefined || answer.opcode === OP.close) break;
    if (answer.opcode === OP.text) JSON.parse(answer.payload.toString('utf8'));
  }
  client.stream.destroy();
};

const HTTP = Buffer.from(
  'POST /v1/responses?x=1 HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n22\r\n{"model":"gpt-5.5","input":"hello"}\r\n0\r\n\r\n',
);

/** Damaged HTTP: an answer that is HTTP, or the end of the connection. */
const bareBytes: Assault = async (port, roll) => {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => socket.destroy());
  let sent = damaged(HTTP, roll);
  if (roll.below(2) === 0) sent = damaged(sent, roll);
  socket.end(sent);
  let text = '';
  socket.on('data', (chunk) => {
    text += String(chunk);
  });
  await within(MAX_ANSWER_MS, 'an end', new Promise((resolve) => socket.once('close', resolve)));
  if (text === '') return;
  assert.match(text, /^HTTP\/1\.1 \d{3} /, text.slice(0, 200));
  const status = Number(text.slice(9, 12));
  if (status >= 400 && status !== 404) assert.match(text, /x-request-id: req_/i, text.slice(0, 300));
};

const ASSAULTS = [body, messages, frames, bareBytes];

/** One exchange; what fails says how to play it again. */
async function assault(port: number, seed: number): Promise<void> {
  const roll = dice(seed);
  try {
    await roll.pick(ASSAULTS)(port, roll);
  } catch (cause) {
    throw new Error(`seed ${seed}: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}

const IN_THE_SUITE = 1500;
const AT_ONCE = 8;

export async function assaults(port: number, seed: number, count: number): Promise<void> {
  let next = seed;
  const work = async (): Promise<void> => {
    while (next < seed + count) {
      next += 1;
      await assault(port, next - 1);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

export const WIRE_FUZZ: Case = {
  name: `${IN_THE_SUITE} damaged requests over the wire`,
  play: (stage) => assaults(stage.port, Date.now() % 1_000_000, IN_THE_SUITE),
};
