/**
 * A turn as server-sent events. The HTTP status waits for the first event that may be shown, so that a refused
 * turn still gets a true one; only for clients that need to hear something earlier are headers sent before it.
 */
import type { FastifyReply } from 'fastify';
import type { Bridge } from '../../bridge/bridge.ts';
import type { Outcome, RunningTurn, TurnRequest } from '../../bridge/turn-request.ts';
import type { Frame } from '../../protocol/frame.ts';
import {
  begunFailure,
  createdFrame,
  failedFrame,
  newResponseId,
  type Refusal,
  refusal,
} from '../../protocol/refusal.ts';
import { encodeSse, SSE_COMMENT } from '../../protocol/sse.ts';
import { onClientGone, sendRefusal, turnHeaders } from '../answer.ts';
import { ConnectionBoundary } from '../connection-boundary.ts';
import type { Dependencies } from '../dependencies.ts';
import { type Backpressure, backpressureOf } from '../limits/backpressure.ts';
import { CODEX_KEEPALIVE, KeepAlive } from './keep-alive.ts';
import { WriteBatch, writeTogether } from './write-batch.ts';

type SseDependencies = Pick<Dependencies, 'bridge' | 'config' | 'log'>;

export function answerSse(
  dependencies: SseDependencies,
  request: TurnRequest,
  reply: FastifyReply,
): Promise<void> {
  return new Promise((resolve) => {
    const stream = new EventStream(dependencies, { request, reply, done: resolve });
    stream.begin();
  });
}

interface Options {
  readonly request: TurnRequest;
  readonly reply: FastifyReply;
  readonly done: () => void;
}

const CODEX_EVENT = encodeSse('codex.keepalive', CODEX_KEEPALIVE);

class EventStream {
  readonly #options: Options;
  readonly #bridge: Bridge;
  readonly #keepAlive: KeepAlive;
  #turn: RunningTurn | undefined;
  #headers: 'waiting' | 'sent' = 'waiting';
  /** Whether a `response.created` has been said: clients take no end of a stream that did not begin. */
  #begun: 'no' | 'yes' = 'no';
  #backpressure: Backpressure | undefined;
  readonly #boundary: ConnectionBoundary;
  readonly #batch = new WriteBatch((pieces, bytes) => this.#boundary.run(() => this.#deliver(pieces, bytes)));
  readonly #onFlushed = () => this.#backpressure?.flushed();
  /** Who puts the sizes of chunks around them. */
  #framing: 'node' | 'here' = 'node';

  constructor({ bridge, config, log }: SseDependencies, options: Options) {
    this.#bridge = bridge;
    this.#options = options;
    // Its close ends the turn.
    this.#boundary = new ConnectionBoundary(log, () => options.reply.raw.destroy());
    this.#keepAlive = new KeepAlive(config.keepaliveMs, () => this.#boundary.run(() => this.#say()));
  }

  begin(): void {
    const { request, reply } = this.#options;
    this.#turn = this.#bridge.run(request, {
      frame: (frame) => this.#frame(frame),
      flush: () => this.#batch.release(),
      end: (outcome) => this.#end(outcome),
    });
    const turn = this.#turn;
    onClientGone(reply, () => {
      this.#stop();
      turn.leave();
    });
    this.#backpressure = backpressureOf(reply.raw, turn);
  }

  #frame(frame: Frame): void {
    this.#start();
    this.#keepAlive.heard();
    if (frame.type === 'response.created') this.#begun = 'yes';
    if (frame.type === 'response.failed' && this.#begun === 'no') this.#addAll(begunFailure(frame));
    else this.#add(frame);
  }

  #addAll(frames: readonly Frame[]): void {
    for (const frame of frames) this.#add(frame);
  }

  #add(frame: Frame): void {
    this.#batch.add(frame.event ?? encodeSse(frame.type, frame.data));
  }

  /** Codex waits for headers as long as it takes and would count an early one as the begin of its idle time. */
  #say(): void {
    const codex = this.#options.request.client === 'codex';
    if (codex && this.#headers === 'waiting') return;
    // Who does not read cannot be kept waiting by a word more.
    if (this.#backpressure?.isHeld) return;
    this.#start();
    this.#batch.add(codex ? CODEX_EVENT : SSE_COMMENT);
  }

  #start(): void {
    if (this.#headers === 'sent') return;
    this.#headers = 'sent';
    const { reply, request } = this.#options;
    reply.hijack();
    reply.raw.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache',
      'x-accel-buffering': 'no',
      ...(this.#turn === undefined ? { 'x-request-id': request.id } : turnHeaders(this.#turn, request.id)),
    });
  }

  /** One chunk. Node writes the first, with the headers; to write each costs it four pieces and a tick, half of a small event. */
  #deliver(pieces: readonly Buffer[], bytes: number): void {
    const { raw } = this.#options.reply;
    if (raw.destroyed) return;
    const { socket } = raw;
    if (this.#framing === 'here' && socket !== null) {
      writeTogether(socket, [chunkHead(bytes), ...pieces, LINE_END], this.#onFlushed);
    } else {
      raw.write(Buffer.concat(pieces, bytes), this.#onFlushed);
      // Node would hold it until the end of this tick, and the turn may have much to do until then.
      socket?.uncork();
    }
    // No socket: another answer is before this one on the connection. No chunks: HTTP/1.0.
    this.#framing = socket !== null && raw.chunkedEncoding ? 'here' : 'node';
    this.#backpressure?.wrote();
    // Also an attempt that began while the reader was held.
    if (this.#backpressure?.isHeld) this.#turn?.pause();
  }

  #end(outcome: Outcome): void {
    const { reply, done } = this.#options;
    this.#stop();
    if (outcome.kind === 'cancelled') reply.raw.destroy();
    else if (this.#headers === 'waiting') this.#answerWhole(outcome);
    else {
      if (outcome.kind === 'refused') this.#failInside(outcome.refusal);
      if (outcome.kind === 'unary') this.#failInside(withoutEvents());
      this.#finish();
    }
    done();
  }

  /** Nothing of a stream has been sent, not even its headers. */
  #answerWhole(outcome: Outcome): void {
    const { reply, request } = this.#options;
    if (this.#turn !== undefined) reply.headers(turnHeaders(this.#turn, request.id));
    if (outcome.kind === 'refused') sendRefusal(reply, outcome.refusal);
    // An upstream that starts a background response may answer with it in place of its events.
    else if (outcome.kind === 'unary') reply.type('application/json').send(outcome.body);
    else {
      this.#start();
      this.#finish();
    }
  }

  /** The last event and the end of the body leave in one piece. */
  #finish(): void {
    const { raw } = this.#options.reply;
    const { socket } = raw;
    socket?.cork();
    this.#batch.release();
    raw.end();
    socket?.uncork();
    this.#backpressure?.watch();
  }

  /** Headers are out already: the failure becomes the one event that ends a stream. */
  #failInside(refused: Refusal): void {
    const shown = this.#begun === 'yes' ? this.#turn?.responseId : undefined;
    const responseId = shown ?? newResponseId();
    const at = { responseId, model: this.#options.request.envelope.model, sequence: 1 };
    const begin = this.#begun === 'no' ? [createdFrame({ ...at, sequence: 0 })] : [];
    this.#addAll([...begin, failedFrame(refused, at)]);
  }

  #stop(): void {
    this.#keepAlive.stop();
  }
}

function withoutEvents(): Refusal {
  return refusal(502, 'stream_incomplete', 'The upstream started the response, but did not send its events.');
}

const LINE_END = Buffer.from('\r\n');

/** RFC 9112, 7.1. */
function chunkHead(bytes: number): Buffer {
  return Buffer.from(`${bytes.toString(16)}\r\n`, 'latin1');
}
