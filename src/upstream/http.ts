/**
 * Requests over HTTP: a streamed one as an exchange, and unary ones for everything small. One pool of connections
 * per account and origin, so that one account's trouble never queues another's turns.
 */
import { type Dispatcher, Pool } from 'undici';
import { kindOf } from '../protocol/frame.ts';
import { flatHeaders, type HeaderMap } from '../protocol/headers.ts';
import { SseScanner } from '../protocol/sse.ts';
import type { Signal } from '../turn/signal.ts';
import { accountHeaders, type UpstreamAccount } from './account.ts';
import { type Exchange, type ExchangeListener, SMALL_BODY_BYTES } from './exchange.ts';
import { parseBody, signalOf } from './websocket.ts';

const CONNECTIONS = 512;
const CONNECT_TIMEOUT_MS = 15_000;
const UNARY_TIMEOUT_MS = 300_000;

export interface HttpRequest {
  readonly account: UpstreamAccount;
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly url: string;
  readonly headers: HeaderMap;
  readonly body?: Buffer;
}

export type UnaryAnswer =
  | { readonly ok: true; readonly status: number; readonly headers: HeaderMap; readonly body: Buffer }
  | { readonly ok: false; readonly error: Error };

export class HttpUpstream {
  readonly #pools = new Map<string, Pool>();

  stream(request: HttpRequest, listener: ExchangeListener): Exchange {
    const reading = new StreamReading(listener);
    this.#dispatch({ ...request, headers: { accept: 'text/event-stream', ...request.headers } }, reading);
    return reading;
  }

  /** Never rejects. `timeoutMs` bounds the whole call. */
  async unary(
    request: HttpRequest,
    options: { timeoutMs?: number; signal?: AbortSignal } = {},
  ): Promise<UnaryAnswer> {
    const { promise, resolve } = Promise.withResolvers<UnaryAnswer>();
    const timeout = AbortSignal.timeout(options.timeoutMs ?? UNARY_TIMEOUT_MS);
    const signal = options.signal === undefined ? timeout : AbortSignal.any([timeout, options.signal]);
    const chunks: Buffer[] = [];
    let status = 0;
    let headers: HeaderMap = {};
    let onAbort = (): void => {};
    this.#dispatch(request, {
      onRequestStart: (controller) => {
        onAbort = () =>
          controller.abort(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
        if (signal.aborted) onAbort();
        else signal.addEventListener('abort', onAbort, { once: true });
      },
      onResponseStart: (_controller, code, raw) => {
        status = code;
        headers = flatHeaders(raw);
      },
      onResponseData: (_controller, chunk) => void chunks.push(chunk),
      onResponseEnd: () => resolve({ ok: true, status, headers, body: Buffer.concat(chunks) }),
      onResponseError: (_controller, error) => resolve({ ok: false, error }),
    });
    const answer = await promise;
    signal.removeEventListener('abort', onAbort);
    return answer;
  }

  #dispatch(request: HttpRequest, handler: Dispatcher.DispatchHandler): void {
    const url = new URL(request.url);
    this.#poolFor(request.account, url.origin).dispatch(
      {
        method: request.method,
        path: url.pathname + url.search,
        headers: {
          ...accountHeaders(request.account),
          ...(request.body === undefined ? {} : { 'content-type': 'application/json' }),
          ...request.headers,
        },
        body: request.body ?? null,
        headersTimeout: 0,
        bodyTimeout: 0,
      },
      handler,
    );
  }

  #poolFor(account: UpstreamAccount, origin: string): Pool {
    const key = `${account.id} ${origin}`;
    const known = this.#pools.get(key);
    if (known !== undefined) return known;
    const pool = new Pool(origin, {
      connections: CONNECTIONS,
      pipelining: 1,
      connect: { timeout: CONNECT_TIMEOUT_MS },
    });
    this.#pools.set(key, pool);
    return pool;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#pools.values()].map((pool) => pool.destroy()));
  }
}

/** Reads one streamed answer; both the handler that undici calls and the exchange that the attempt holds. */
class StreamReading implements Exchange, Dispatcher.DispatchHandler {
  readonly #scanner = new SseScanner();
  readonly #refusal: Buffer[] = [];
  #listener: ExchangeListener | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #status = 0;
  #headers: HeaderMap = {};

  constructor(listener: ExchangeListener) {
    this.#listener = listener;
  }

  pause(): void {
    this.#controller?.pause();
  }

  resume(): void {
    this.#controller?.resume();
  }

  abandon(): void {
    this.#listener = undefined;
    this.#controller?.abort(new Error('the turn no longer needs this answer'));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#listener === undefined) this.abandon();
  }

  onRequestSent(): void {
    this.#listener?.onSent();
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    this.#status = status;
    this.#headers = flatHeaders(headers);
    if (status < 300) this.#listener?.onHeaders(this.#headers);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#status >= 300) {
      this.#keep(chunk);
      return;
    }
    const scanned = this.#scanner.push(chunk);
    for (const frame of scanned) {
      const listener = this.#listener;
      if (listener === undefined) return;
      const kind = kindOf(frame.type);
      if (kind === 'terminal' || kind === 'error') this.#listener = undefined;
      listener.onFrame(frame);
    }
    if (this.#scanner.error !== undefined) this.#fail({ via: 'garbage' });
  }

  #keep(chunk: Buffer): void {
    const kept = this.#refusal.reduce((sum, part) => sum + part.length, 0);
    if (kept < SMALL_BODY_BYTES) this.#refusal.push(chunk);
  }

  onResponseEnd(): void {
    if (this.#status < 300) {
      this.#fail({ via: 'eof' });
      return;
    }
    const body = parseBody(Buffer.concat(this.#refusal).toString('utf8'));
    this.#fail({ via: 'http', status: this.#status, headers: this.#headers, body });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#fail(signalOf(error));
  }

  #fail(signal: Signal): void {
    const listener = this.#listener;
    this.abandon();
    listener?.onFailure(signal);
  }
}
