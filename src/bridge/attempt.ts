/**
 * One try of one turn on one account: chooses what carries it, sends it, and owns the connection until it is
 * disposed of. Afterwards nothing that connection still has to say can reach anybody.
 */
import type { ResponseId } from '../ids.ts';
import type { HeaderMap } from '../protocol/headers.ts';
import type { Signal } from '../turn/signal.ts';
import { responsesRoot, type UpstreamAccount } from '../upstream/account.ts';
import type { Exchange, ExchangeListener } from '../upstream/exchange.ts';
import type { Payload } from '../upstream/payload.ts';
import {
  LARGEST_FRAME_BYTES,
  openSocket,
  parseBody,
  signalOf,
  type UpstreamSocket,
} from '../upstream/websocket.ts';
import {
  type Carriers,
  composeHeaders,
  composePayload,
  fingerprintOf,
  type Order,
  prewarmAnswer,
  type Route,
} from './outgoing.ts';

export interface AttemptListener extends ExchangeListener {
  /** A unary answer, whole. */
  onBody(body: Buffer, headers: HeaderMap): void;
}

export type Carried = 'preserved' | 'whole' | 'ours';

export class Attempt {
  readonly account: UpstreamAccount;
  readonly startedAt = Date.now();
  transport: 'ws' | 'http' = 'ws';
  /** How the history went up; `ours`: this server answered a prewarm itself. */
  carried: Carried = 'whole';
  dropped: readonly string[] = [];
  readonly #order: Order;
  readonly #carriers: Carriers;
  readonly #listener: AttemptListener;
  #state: 'live' | 'disposed' = 'live';
  /** Ends the opening of a socket or a unary call; nothing else waits. */
  #abort: AbortController | undefined;
  #exchange: Exchange | undefined;
  #socket: UpstreamSocket | undefined;
  #fingerprint = '';

  constructor(order: Order, carriers: Carriers, listener: AttemptListener) {
    this.account = order.account;
    this.#order = order;
    this.#carriers = carriers;
    this.#listener = listener;
  }

  async begin(): Promise<void> {
    const { route, envelope } = this.#order.request;
    if (route !== 'responses' || envelope.background === 'yes') {
      await this.#callUnary();
      return;
    }
    this.#fingerprint = fingerprintOf(envelope.bytes, envelope.members);
    if (!this.#speaksWebSocket()) {
      this.#overHttp();
      return;
    }
    const warm = this.#order.lane.takeSocket(this.account);
    const opened = warm ?? (await this.#open());
    if (opened === 'http') this.#overHttp();
    else if (opened !== 'failed') this.#overSocket(opened);
  }

  pause(): void {
    this.#exchange?.pause();
  }

  resume(): void {
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
    if (connection === 'keep' && socket.usable) this.#order.lane.keepSocket(socket);
    else socket.close();
  }

  #speaksWebSocket(): boolean {
    const { account, manner, request } = this.#order;
    if (manner.transport === 'http' || account.transport === 'http') return false;
    if (
      request.envelope.bytes.length > LARGEST_FRAME_BYTES &&
      request.envelope.previousResponseId === undefined
    )
      return false;
    return account.transport === 'websocket' || !this.#carriers.upgrades.isRefused(account.id);
  }

  async #open(): Promise<UpstreamSocket | 'http' | 'failed'> {
    const { account } = this.#order;
    this.#abort = new AbortController();
    const opened = await openSocket({
      account,
      headers: composeHeaders(this.#order, this.#carriers),
      pingMs: this.#carriers.pingMs,
      census: this.#carriers.census,
      signal: this.#abort.signal,
    });
    this.#abort = undefined;
    if (this.#state === 'disposed') {
      if (opened.ok) opened.socket.close();
      return 'failed';
    }
    if (opened.ok) return opened.socket;
    const { signal } = opened;
    if (signal.via === 'upgrade' && [404, 405, 426].includes(signal.status) && account.transport === 'auto') {
      this.#carriers.upgrades.remember(account.id);
      return 'http';
    }
    this.#listener.onFailure(signal);
    return 'failed';
  }

  #overSocket(socket: UpstreamSocket): void {
    this.#socket = socket;
    const { request } = this.#order;
    if (request.envelope.purpose === 'prewarm' && socket.newest !== undefined) {
      this.#answerPrewarm();
      return;
    }
    const payload = this.#payload('ws');
    if (payload === undefined) return;
    if (payload.bytes.length > LARGEST_FRAME_BYTES) {
      this.#socket = undefined;
      this.#order.lane.keepSocket(socket);
      this.#overHttp();
      return;
    }
    this.transport = 'ws';
    this.#exchange = socket.send(payload.bytes, this.#listener);
  }

  #overHttp(): void {
    this.transport = 'http';
    if (this.#order.request.envelope.purpose === 'prewarm') {
      this.#answerPrewarm();
      return;
    }
    const payload = this.#payload('http');
    if (payload === undefined) return;
    const url = `${responsesRoot(this.account)}/responses`;
    const request = {
      account: this.account,
      method: 'POST',
      url,
      headers: composeHeaders(this.#order, this.#carriers),
      body: payload.bytes,
    } as const;
    this.#exchange = this.#carriers.http.stream(request, this.#listener);
  }

  async #callUnary(): Promise<void> {
    this.transport = 'http';
    const payload = this.#payload('unary');
    if (payload === undefined) return;
    const { route } = this.#order.request;
    const url = `${responsesRoot(this.account)}/responses${route === 'responses' ? '' : `/${route}`}`;
    const call = {
      account: this.account,
      method: 'POST',
      url,
      headers: composeHeaders(this.#order, this.#carriers),
      body: payload.bytes,
    } as const;
    this.#abort = new AbortController();
    this.#listener.onSent();
    const answer = await this.#carriers.http.unary(call, { signal: this.#abort.signal });
    this.#abort = undefined;
    if (this.#state === 'disposed') return;
    if (!answer.ok) this.#listener.onFailure(signalOf(answer.error));
    else if (answer.status < 300) this.#listener.onBody(answer.body, answer.headers);
    else this.#listener.onFailure(httpSignal(answer));
  }

  #payload(transport: Route): Payload | undefined {
    const composed = composePayload(this.#order, this.#carriers, {
      transport,
      newest: transport === 'ws' ? this.#socket?.newest : undefined,
      fingerprint: this.#fingerprint,
    });
    if (!composed.ok) {
      this.#listener.onFailure(composed.signal);
      return undefined;
    }
    this.carried = composed.anchor === undefined ? 'whole' : 'preserved';
    this.dropped = composed.payload.dropped;
    return composed.payload;
  }

  /** A warm socket with a history is worth more than a prewarm, and over HTTP there is nothing to warm. */
  #answerPrewarm(): void {
    this.carried = 'ours';
    for (const frame of prewarmAnswer(this.#order.request.envelope.model)) this.#listener.onFrame(frame);
  }
}

function httpSignal(answer: { status: number; headers: HeaderMap; body: Buffer }): Signal {
  return {
    via: 'http',
    status: answer.status,
    headers: answer.headers,
    body: parseBody(answer.body.toString('utf8')),
  };
}
