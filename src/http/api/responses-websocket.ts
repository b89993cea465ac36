/**
 * Turns over a client's WebSocket: `response.create` in, events out. Turns without a `stream_id` follow each other;
 * each named lane has an order of its own, and every event of a lane carries its name.
 */
import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import type { WebSocket } from '@fastify/websocket';
import type { Outcome, RunningTurn, SocketStream } from '../../bridge/turn-request.ts';
import { type Frame, frameOf } from '../../protocol/frame.ts';
import { errorFrame, type Refusal, refusal } from '../../protocol/refusal.ts';
import { type Envelope, readEnvelope } from '../../protocol/request.ts';
import { ConnectionBoundary } from '../connection-boundary.ts';
import type { Dependencies } from '../dependencies.ts';
import { Backpressure } from '../limits/backpressure.ts';
import type { Reservation } from '../limits/memory-budget.ts';
import { overloaded } from '../limits/overload.ts';
import { badKey, stillCaller } from './caller.ts';
import { CODEX_KEEPALIVE, KeepAlive } from './keep-alive.ts';
import { textHead } from './text-frame.ts';
import { type Arrival, MAX_BODY_BYTES, turnRequest } from './turn-request.ts';
import {
  badFrame,
  MAX_RUNNING,
  MAX_STREAMS,
  named,
  STEER_FAILED,
  tooManyStreams,
  tooManyWaiting,
} from './websocket-frames.ts';
import { WriteBatch, writeTogether } from './write-batch.ts';

const MAX_QUEUE = 8;
/** Of a message that is still arriving, what is larger than this counts towards what all requests may hold. */
const SMALL_MESSAGE_BYTES = 128 * 1024;
/** RFC 6455, 7.4.1 and the registry behind it: try again later. */
const GOING_AWAY = 1001;
const POLICY_VIOLATION = 1008;
const INTERNAL_ERROR = 1011;
const TRY_AGAIN_LATER = 1013;
const MAX_TYPE_SHOWN = 80;
const STREAM_ID = /^[\w.-]{1,256}$/;

/** What a client asked for, and its reservation of what all requests may hold. */
interface QueuedRequest {
  readonly envelope: Envelope;
  readonly reservation: Reservation;
}

/** One lane of the client's socket, and what waits on it. */
interface StreamQueue extends SocketStream {
  readonly waiting: QueuedRequest[];
  turn: RunningTurn | undefined;
}

export interface SocketConnection {
  readonly socket: WebSocket;
  /** The connection under it. */
  readonly stream: Socket;
  readonly arrival: Arrival;
}

export class ClientSocket {
  readonly #socket: WebSocket;
  readonly #stream: Socket;
  readonly #arrival: Arrival;
  readonly #dependencies: Dependencies;
  readonly #socketId = randomUUID();
  readonly #queues = new Map<string, StreamQueue>();
  readonly #backpressure: Backpressure;
  readonly #boundary: ConnectionBoundary;
  readonly #batch = new WriteBatch((pieces) => this.#boundary.run(() => this.#deliver(pieces)));
  readonly #onFlushed = () => {
    this.#backpressure.flushed();
    if (this.#dependencies.bridge.isDraining) this.closeIfDone();
  };
  readonly #onData = (chunk: Buffer) => this.#boundary.run(() => this.#count(chunk.length));
  /** Of the message that is arriving. */
  readonly #arriving: Reservation;
  #arrivedBytes = 0;

  constructor({ socket, stream, arrival }: SocketConnection, dependencies: Dependencies) {
    this.#socket = socket;
    this.#stream = stream;
    this.#arrival = arrival;
    this.#dependencies = dependencies;
    this.#arriving = dependencies.bodies.reserve();
    this.#boundary = new ConnectionBoundary(dependencies.log, () => this.#broke());
    this.#backpressure = new Backpressure(stream, {
      buffered: () => socket.bufferedAmount,
      pause: () => this.#pause(),
      resume: () => this.#resume(),
      giveUp: () => socket.terminate(),
    });
    socket.on('message', (data, isBinary) =>
      this.#boundary.run(() => this.#receive(data as Buffer, isBinary ? 'binary' : 'text')),
    );
    stream.on('data', this.#onData);
    socket.on('close', () => this.#boundary.run(() => this.#closed()));
    socket.on('error', () => this.#boundary.run(() => this.#failed()));
  }

  /** Without a turn, and with all that was said on its way, a socket can be closed without anybody missing anything. */
  closeIfDone(): void {
    const running = [...this.#queues.values()].some((queue) => queue.turn !== undefined);
    this.#batch.release();
    // Its peer has only seconds to answer the close, so it must not have minutes of reading before it.
    if (!running && this.#socket.bufferedAmount === 0) this.close(GOING_AWAY, 'the server is shutting down');
  }

  cutOff(): void {
    this.#socket.terminate();
  }

  close(code: number, reason: string): void {
    this.#batch.release();
    this.#socket.close(code, reason);
  }

  /** A key that is revoked, or has expired, ends what it opened. */
  reviewKey(): void {
    if (stillCaller(this.#arrival.caller, this.#dependencies.store.keys) !== undefined) return;
    this.#refuse(badKey('This API key has been revoked or has expired.'));
    this.close(POLICY_VIOLATION, 'the API key has ended');
  }

  /** Comes after the messages that the bytes completed. */
  #count(bytes: number): void {
    this.#arrivedBytes += bytes;
    if (this.#arrivedBytes <= SMALL_MESSAGE_BYTES || this.#arriving.take(bytes)) return;
    this.#refuse(overloaded());
    this.close(TRY_AGAIN_LATER, 'the server is overloaded');
    // What is still to come is thrown away, not left: a peer whose bytes nobody takes loses the words just sent.
    this.#stream.removeAllListeners('data');
    this.#stream.resume();
    this.#stream.end();
  }

  #receive(data: Buffer, form: 'text' | 'binary'): void {
    this.#arriving.free();
    this.#arrivedBytes = 0;
    if (form === 'binary') return this.#refuse(badFrame('Send JSON as text frames.'));
    if (data.length > MAX_BODY_BYTES) {
      return this.#refuse(refusal(400, 'payload_too_large', 'A message may have 64 MiB at most.'));
    }
    const frame = frameOf(data);
    if (frame === undefined) return this.#refuse(badFrame('The message is no JSON object with a type.'));
    if (frame.type === 'response.steer') return this.#send(STEER_FAILED);
    if (frame.type !== 'response.create') {
      const type = frame.type.slice(0, MAX_TYPE_SHOWN);
      return this.#refuse(
        refusal(400, 'unknown_frame_type', `Frames of type '${type}' are not understood here.`),
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
    const queue = this.#queueFor(streamId ?? '');
    if (queue === undefined) return this.#refuse(tooManyStreams(), streamId);
    if (queue.turn !== undefined && queue.waiting.length >= MAX_QUEUE) {
      return this.#refuse(tooManyWaiting(), streamId);
    }
    const reservation = this.#dependencies.bodies.reserve();
    if (this.#dependencies.load.state === 'overloaded' || !reservation.take(data.length)) {
      return this.#refuse(overloaded(), streamId);
    }
    if (queue.turn === undefined) this.#begin(queue, { envelope, reservation });
    else queue.waiting.push({ envelope, reservation });
  }

  #queueFor(streamId: string): StreamQueue | undefined {
    const known = this.#queues.get(streamId);
    const running = [...this.#queues.values()].filter((queue) => queue.turn !== undefined).length;
    if (known === undefined ? this.#queues.size > MAX_STREAMS : known.turn !== undefined) return known;
    if (running >= MAX_RUNNING) return undefined;
    const queue = known ?? { socketId: this.#socketId, streamId, waiting: [], turn: undefined };
    this.#queues.set(streamId, queue);
    return queue;
  }

  #begin(queue: StreamQueue, { envelope, reservation }: QueuedRequest): void {
    const way = { door: 'ws', route: 'responses', socketStream: queue } as const;
    const caller = stillCaller(this.#arrival.caller, this.#dependencies.store.keys);
    if (caller === undefined) {
      reservation.free();
      return this.reviewKey();
    }
    const taken = turnRequest(envelope, { ...this.#arrival, caller }, way, this.#dependencies.pool);
    if (!taken.ok) {
      reservation.free();
      this.#refuse(taken.refused, queue.streamId);
      this.#next(queue);
      return;
    }
    const { request } = taken;
    const say = (): void => this.#boundary.run(() => this.#keepAlive(request.client));
    const keepAlive = new KeepAlive(this.#dependencies.config.keepaliveMs, say);
    queue.turn = this.#dependencies.bridge.run(request, {
      frame: (frame) => {
        keepAlive.heard();
        this.#send(frame, queue.streamId);
      },
      flush: () => this.#batch.release(),
      end: (outcome) => {
        keepAlive.stop();
        reservation.free();
        this.#ended(queue, outcome);
      },
    });
    if (this.#backpressure.isHeld) queue.turn.pause();
  }

  #ended(queue: StreamQueue, outcome: Outcome): void {
    queue.turn = undefined;
    this.#batch.release();
    if (this.#socket.bufferedAmount > 0) this.#backpressure.watch();
    if (outcome.kind === 'refused') this.#refuse(outcome.refusal, queue.streamId);
    // A client that is still here was never told how its turn ended: it must not wait for it.
    if (outcome.kind === 'cancelled') this.close(INTERNAL_ERROR, 'the turn ended without an answer');
    this.#next(queue);
  }

  #next(queue: StreamQueue): void {
    const next = queue.waiting.shift();
    if (next !== undefined) this.#begin(queue, next);
    else if (this.#dependencies.bridge.isDraining) this.closeIfDone();
  }

  /** Codex answers pings but does not count them as a sign of life. */
  #keepAlive(client: 'codex' | 'generic'): void {
    if (this.#backpressure.isHeld) return;
    if (client === 'codex') this.#say(CODEX_KEEPALIVE);
    else this.#socket.ping();
  }

  #refuse(refused: Refusal, streamId?: string): void {
    this.#say(errorFrame(refused, streamId === '' ? undefined : streamId).data);
    this.#batch.release();
  }

  #send(frame: Frame, streamId = ''): void {
    this.#say(streamId === '' ? frame.data : named(frame.data, streamId));
  }

  #say(data: Buffer): void {
    this.#batch.add(textHead(data.length));
    this.#batch.add(data);
  }

  /** After its own close frame nothing may be said. */
  #deliver(pieces: readonly Buffer[]): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    writeTogether(this.#stream, pieces, this.#onFlushed);
    this.#backpressure.wrote();
    // Also a turn, or an attempt of one, that began while the others were held.
    if (this.#backpressure.isHeld) this.#pause();
  }

  /** Neither upstream nor the client itself may put more in front of a client that does not read. */
  #pause(): void {
    this.#socket.pause();
    for (const queue of this.#queues.values()) queue.turn?.pause();
  }

  #resume(): void {
    this.#socket.resume();
    for (const queue of this.#queues.values()) queue.turn?.resume();
  }

  /** A mistake of this server's own: the turns of this connection end with it. */
  #broke(): void {
    this.#leave();
    this.#socket.close(INTERNAL_ERROR, 'something went wrong in respool itself');
  }

  /** ws has sent the close code that says what was wrong; what still comes is read by nobody and holds no memory. */
  #failed(): void {
    this.#stream.off('data', this.#onData);
    this.#arriving.free();
    this.#leave();
  }

  #closed(): void {
    this.#backpressure.stop();
    this.#arriving.free();
    this.#leave();
  }

  #leave(): void {
    for (const queue of this.#queues.values()) {
      for (const { reservation } of queue.waiting.splice(0)) reservation.free();
      queue.turn?.leave();
    }
  }
}
