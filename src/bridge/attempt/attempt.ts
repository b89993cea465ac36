/**
 * One try of one turn on one account: chooses what carries it, sends it, and owns the connection until it is
 * disposed of. Afterwards nothing that connection still has to say can reach anybody.
 */
import type { ResponseId } from '../../domain/ids.ts';
import type { Failure } from '../../turn/failure.ts';
import { localFailure } from '../../turn/local-failure.ts';
import type { UpstreamError } from '../../turn/upstream-error.ts';
import { responsesRoot, type UpstreamAccount } from '../../upstream/account.ts';
import type { UnaryAnswer } from '../../upstream/http.ts';
import type { Payload } from '../../upstream/payload.ts';
import type { ExchangeListener, UpstreamStream } from '../../upstream/upstream-stream.ts';
import {
  errorOf,
  MAX_FRAME_BYTES,
  openSocket,
  parseBody,
  type UpstreamSocket,
} from '../../upstream/websocket.ts';
import {
  type AttemptContext,
  type Carrier,
  composeHeaders,
  composePayload,
  fingerprintOf,
  prewarmAnswer,
  type Transports,
} from './request.ts';

export interface AttemptListener extends ExchangeListener {
  /** Nothing was sent: this server found out by itself that it cannot be. */
  onLocalFailure(failure: Failure): void;
}

export type Carried = 'preserved' | 'whole' | 'ours';

export class Attempt {
  readonly account: UpstreamAccount;
  readonly startedAt = Date.now();
  transport: 'ws' | 'http' = 'ws';
  /** Whether a stream of events is waited for, or one answer. */
  readonly answers: 'stream' | 'unary';
  /** How the history went up; `ours`: this server answered a prewarm itself. */
  carried: Carried = 'whole';
  /** The `previous_response_id` that went up. */
  anchor: string | undefined;
  dropped: readonly string[] = [];
  readonly #context: AttemptContext;
  readonly #transports: Transports;
  readonly #listener: AttemptListener;
  #state: 'live' | 'disposed' = 'live';
  /** Ends the opening of a socket or a unary call; nothing else waits. */
  #abort: AbortController | undefined;
  #exchange: UpstreamStream | undefined;
  #socket: UpstreamSocket | undefined;
  #fingerprint = '';
  #flow: 'paused' | 'flowing' = 'flowing';

  constructor(context: AttemptContext, transports: Transports, listener: AttemptListener) {
    const { route, envelope, door } = context.request;
    this.account = context.account;
    this.#context = context;
    this.#transports = transports;
    this.#listener = listener;
    const streams = route === 'responses' && (envelope.background === 'no' || door === 'sse');
    this.answers = streams ? 'stream' : 'unary';
  }

  async begin(): Promise<void> {
    const { envelope, door } = this.#context.request;
    if (this.answers === 'unary') {
      await this.#callUnary();
      return;
    }
    if (!this.#speaksWebSocket() || (envelope.background === 'yes' && door === 'sse')) {
      this.#overHttp();
      return;
    }
    const warm = this.#context.lane.takeSocket(this.account);
    const opened = warm ?? (await this.#open());
    if (opened !== 'failed') this.#overSocket(opened);
  }

  pause(): void {
    this.#flow = 'paused';
    this.#exchange?.pause();
  }

  resume(): void {
    this.#flow = 'flowing';
    this.#exchange?.resume();
  }

  /** After a completed response: what the socket can be asked to continue from now on. */
  completed(responseId: ResponseId): void {
    if (this.#socket !== undefined) this.#socket.newest = { responseId, fingerprint: this.#fingerprint };
  }

  /** Ends the attempt. A socket worth keeping goes back to its lane, any other is closed. */
  dispose(connection: 'keep' | 'drop'): void {
    this.#state = 'disposed';
    this.#abort?.abort();
    this.#exchange?.abandon();
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket === undefined) return;
    if (connection === 'keep' && socket.usable) this.#context.lane.keepSocket(socket);
    else socket.close();
  }

  #speaksWebSocket(): boolean {
    const { account, options, request } = this.#context;
    if (options.transport === 'http') return false;
    const { bytes, previousResponseId } = request.envelope;
    if (bytes.length > MAX_FRAME_BYTES && previousResponseId === undefined) return false;
    return this.#transports.upgrades.isWorthTrying(account, Date.now());
  }

  async #open(): Promise<UpstreamSocket | 'failed'> {
    const { account } = this.#context;
    this.#abort = new AbortController();
    const opened = await openSocket({
      account,
      headers: composeHeaders(this.#context, this.#transports),
      pingMs: this.#transports.pingMs,
      handshakeMs: this.#transports.handshakeMs,
      connectionGauge: this.#transports.connectionGauge,
      signal: this.#abort.signal,
    });
    this.#abort = undefined;
    if (this.#state === 'disposed') {
      if (opened.ok) opened.socket.close();
      return 'failed';
    }
    if (opened.ok) {
      this.#transports.upgrades.opened(account);
      return opened.socket;
    }
    this.#listener.onFailure(opened.error);
    return 'failed';
  }

  #overSocket(socket: UpstreamSocket): void {
    this.#socket = socket;
    const { request } = this.#context;
    if (request.envelope.purpose === 'prewarm' && socket.newest !== undefined) {
      this.#answerPrewarm();
      return;
    }
    this.#fingerprint = fingerprintOf(request.envelope.bytes, request.envelope.members);
    const payload = this.#payload('ws');
    if (payload === undefined) return;
    if (payload.bytes.length > MAX_FRAME_BYTES) {
      this.#socket = undefined;
      this.#context.lane.keepSocket(socket);
      this.#overHttp();
      return;
    }
    this.transport = 'ws';
    this.#carriedBy(socket.send(payload.bytes, this.#listener));
  }

  #overHttp(): void {
    this.transport = 'http';
    if (this.#context.request.envelope.purpose === 'prewarm') {
      this.#answerPrewarm();
      return;
    }
    const payload = this.#payload('http');
    if (payload === undefined) return;
    this.#carriedBy(this.#transports.http.stream(this.#post('', payload), this.#streamListener()));
  }

  /** A background turn may be answered with what has begun; any other answer without events is none. */
  #streamListener(): ExchangeListener {
    if (this.#context.request.envelope.background === 'yes') return this.#listener;
    return { ...this.#listener, onBody: () => this.#listener.onFailure({ via: 'eof' }) };
  }

  /** The client may have stopped reading before there was anything to pause. */
  #carriedBy(exchange: UpstreamStream): void {
    this.#exchange = exchange;
    if (this.#state === 'disposed') exchange.abandon();
    else if (this.#flow === 'paused') exchange.pause();
  }

  async #callUnary(): Promise<void> {
    this.transport = 'http';
    const payload = this.#payload('unary');
    if (payload === undefined) return;
    const { route } = this.#context.request;
    const call = this.#post(route === 'responses' ? '' : `/${route}`, payload);
    this.#abort = new AbortController();
    const answer = await this.#transports.http.unary(call, {
      signal: this.#abort.signal,
      onBegun: () => this.#listener.onSent(),
    });
    this.#abort = undefined;
    if (this.#state === 'disposed') return;
    if (answer.ok && answer.status < 300) this.#listener.onBody(answer.body, answer.headers);
    else this.#listener.onFailure(unaryError(answer));
  }

  #post(path: string, payload: Payload) {
    return {
      account: this.account,
      method: 'POST',
      url: `${responsesRoot(this.account)}/responses${path}`,
      headers: composeHeaders(this.#context, this.#transports),
      body: payload.bytes,
    } as const;
  }

  #payload(carrier: Carrier): Payload | undefined {
    const composed = composePayload(this.#context, this.#transports, {
      carrier,
      newest: carrier === 'ws' ? this.#socket?.newest : undefined,
      fingerprint: this.#fingerprint,
    });
    if (!composed.ok) {
      this.#listener.onLocalFailure(localFailure('history_missing'));
      return undefined;
    }
    this.carried = composed.anchor === undefined ? 'whole' : 'preserved';
    this.anchor = composed.anchor;
    this.dropped = composed.payload.dropped;
    return composed.payload;
  }

  /** A warm socket with a history is worth more than a prewarm, and over HTTP there is nothing to warm. */
  #answerPrewarm(): void {
    this.carried = 'ours';
    const { model, previousResponseId } = this.#context.request.envelope;
    this.anchor = previousResponseId;
    for (const frame of prewarmAnswer(model)) this.#listener.onFrame(frame);
  }
}

function unaryError(answer: UnaryAnswer): UpstreamError {
  if (!answer.ok) {
    const late = answer.error.name === 'TimeoutError' && answer.progress === 'begun';
    return late ? { via: 'timeout', what: 'unary' } : errorOf(answer.error);
  }
  const { status, headers, body } = answer;
  return { via: 'http', status, headers, body: parseBody(body.toString('utf8')) };
}
