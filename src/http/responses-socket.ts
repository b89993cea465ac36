/**
 * Turns over a client's WebSocket: `response.create` in, events out. Turns without a `stream_id` follow each other;
 * each named lane has an order of its own, and every event of a lane carries its name.
 */
import { randomUUID } from 'node:crypto';
import type { WebSocket } from '@fastify/websocket';
import type { ClientLine, Outcome, RunningTurn } from '../bridge/stream.ts';
import { type Frame, frameOf, makeFrame } from '../protocol/frame.ts';
import { errorFrame, type Refusal, refusal } from '../protocol/refusal.ts';
import { type Envelope, readEnvelope } from '../protocol/request.ts';
import { CODEX_KEEPALIVE, KeepAlive, STUCK_AFTER_MS } from './keep-alive.ts';
import type { Parts } from './parts.ts';
import { type Arrival, LARGEST_BODY_BYTES, turnRequest } from './turn-intake.ts';

const MOST_LINES = 32;
const MOST_RUNNING = 16;
const LONGEST_QUEUE = 8;
const PAUSE_ABOVE_BYTES = 1024 * 1024;
const RESUME_BELOW_BYTES = 256 * 1024;
const STREAM_ID = /^[\w.-]{1,256}$/;

/** One lane of the client's socket, and what waits on it. */
interface Line extends ClientLine {
  readonly waiting: Envelope[];
  turn: RunningTurn | undefined;
}

export class ClientSocket {
  readonly #socket: WebSocket;
  readonly #arrival: Arrival;
  readonly #parts: Parts;
  readonly #socketId = randomUUID();
  readonly #lines = new Map<string, Line>();
  #stuck: NodeJS.Timeout | undefined;

  constructor(socket: WebSocket, arrival: Arrival, parts: Parts) {
    this.#socket = socket;
    this.#arrival = arrival;
    this.#parts = parts;
    socket.on('message', (data, isBinary) => this.#receive(data as Buffer, isBinary ? 'binary' : 'text'));
    socket.on('close', () => this.#closed());
    socket.on('error', () => socket.terminate());
  }

  /** No turn is running: the socket can be closed without anybody missing anything. */
  get isIdle(): boolean {
    return ![...this.#lines.values()].some((line) => line.turn !== undefined);
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
  }

  #receive(data: Buffer, form: 'text' | 'binary'): void {
    if (form === 'binary') return this.#refuse(badFrame('Send JSON as text frames.'));
    if (data.length > LARGEST_BODY_BYTES) {
      return this.#refuse(refusal(400, 'payload_too_large', 'A message may have 64 MiB at most.'));
    }
    const frame = frameOf(data);
    if (frame === undefined) return this.#refuse(badFrame('The message is no JSON object with a type.'));
    if (frame.type === 'response.steer') return this.#send(STEER_FAILED);
    if (frame.type !== 'response.create') {
      return this.#refuse(
        refusal(400, 'unknown_frame_type', `Frames of type '${frame.type}' are not understood here.`),
      );
    }
    this.#create(data);
  }

  #create(data: Buffer): void {
    const read = readEnvelope(data);
    if (!read.ok) return this.#refuse(read.refused);
    const { envelope } = read;
    const { streamId } = envelope;
    if (streamId !== undefined && (typeof streamId !== 'string' || !STREAM_ID.test(streamId))) {
      const message = "'stream_id' is 1-256 letters, digits, '_', '-' or '.'.";
      return this.#refuse(refusal(400, 'invalid_stream_id', message, { param: 'stream_id' }));
    }
    const line = this.#lineFor(streamId ?? '');
    if (line === undefined) return this.#refuse(tooManyStreams(), streamId);
    if (line.turn === undefined) return this.#begin(line, envelope);
    if (line.waiting.length >= LONGEST_QUEUE) return this.#refuse(tooManyWaiting(), streamId);
    line.waiting.push(envelope);
  }

  #lineFor(streamId: string): Line | undefined {
    const known = this.#lines.get(streamId);
    const running = [...this.#lines.values()].filter((line) => line.turn !== undefined).length;
    if (known === undefined ? this.#lines.size > MOST_LINES : known.turn !== undefined) return known;
    if (running >= MOST_RUNNING) return undefined;
    const line = known ?? { socketId: this.#socketId, streamId, waiting: [], turn: undefined };
    this.#lines.set(streamId, line);
    return line;
  }

  #begin(line: Line, envelope: Envelope): void {
    const way = { door: 'ws', route: 'responses', line } as const;
    const taken = turnRequest(envelope, this.#arrival, way, this.#parts.pool);
    if (!taken.ok) {
      this.#refuse(taken.refused, line.streamId);
      this.#next(line);
      return;
    }
    const { request } = taken;
    const keepAlive = new KeepAlive(this.#parts.config.keepaliveMs, () => this.#say(request.client));
    line.turn = this.#parts.bridge.run(request, {
      frame: (frame) => {
        keepAlive.heard();
        this.#send(frame, line.streamId);
      },
      end: (outcome) => {
        keepAlive.stop();
        this.#ended(line, outcome);
      },
    });
  }

  #ended(line: Line, outcome: Outcome): void {
    line.turn = undefined;
    if (outcome.kind === 'refused') this.#refuse(outcome.refusal, line.streamId);
    this.#next(line);
  }

  #next(line: Line): void {
    const next = line.waiting.shift();
    if (next !== undefined) this.#begin(line, next);
    else if (this.#parts.bridge.isDraining && this.isIdle) this.close(1001, 'the server is shutting down');
  }

  /** Codex answers pings but does not count them as a sign of life. */
  #say(client: 'codex' | 'generic'): void {
    if (client === 'codex') this.#socket.send(CODEX_KEEPALIVE, TEXT);
    else this.#socket.ping();
  }

  #refuse(refused: Refusal, streamId?: string): void {
    this.#send(errorFrame(refused, streamId === '' ? undefined : streamId), '');
  }

  #send(frame: Frame, streamId = ''): void {
    const data = streamId === '' ? frame.data : named(frame.data, streamId);
    this.#socket.send(data, TEXT, () => this.#relieve());
    if (this.#socket.bufferedAmount > PAUSE_ABOVE_BYTES && this.#stuck === undefined) this.#hold();
  }

  /** The client reads slower than upstream writes: stop reading upstream instead of filling memory. */
  #hold(): void {
    this.#stuck = setTimeout(() => this.#socket.terminate(), STUCK_AFTER_MS);
    for (const line of this.#lines.values()) line.turn?.pause();
  }

  #relieve(): void {
    if (this.#stuck === undefined || this.#socket.bufferedAmount > RESUME_BELOW_BYTES) return;
    clearTimeout(this.#stuck);
    this.#stuck = undefined;
    for (const line of this.#lines.values()) line.turn?.resume();
  }

  #closed(): void {
    clearTimeout(this.#stuck);
    for (const line of this.#lines.values()) {
      line.waiting.length = 0;
      line.turn?.leave();
    }
  }
}

const TEXT = { binary: false, compress: false };

const STEER_FAILED = makeFrame({
  type: 'response.steer.failed',
  error: {
    type: 'invalid_request_error',
    code: 'steering_not_supported',
    message: 'Steering is not supported here.',
    param: null,
  },
});

function badFrame(message: string): Refusal {
  return refusal(400, 'invalid_json', message);
}

function tooManyStreams(): Refusal {
  const message = `A socket carries ${MOST_RUNNING} running turns and ${MOST_LINES} named streams at most.`;
  return refusal(400, 'websocket_stream_limit_reached', message, { param: 'stream_id' });
}

function tooManyWaiting(): Refusal {
  return refusal(429, 'too_many_pending_turns', 'Too many turns are waiting on this socket already.', {
    headers: { 'retry-after': '1' },
  });
}

/** The event with its lane's name as first member, spliced in front of the bytes as they came. */
function named(data: Buffer, streamId: string): Buffer {
  return Buffer.concat([Buffer.from(`{"stream_id":${JSON.stringify(streamId)},`), data.subarray(1)]);
}
