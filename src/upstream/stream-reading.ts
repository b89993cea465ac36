/**
 * One streamed answer over HTTP, read as it comes: both the handler that undici calls and the exchange that the attempt
 * holds. Refusals, and answers that come as one body, are collected up to a bound.
 */
import type { Dispatcher } from 'undici';
import { kindOf } from '../protocol/frame.ts';
import { flatHeaders, type HeaderMap } from '../protocol/headers.ts';
import { SseScanner } from '../protocol/sse.ts';
import type { UpstreamError } from '../turn/upstream-error.ts';
import {
  type ExchangeListener,
  MAX_ANSWER_BYTES,
  SMALL_BODY_BYTES,
  type UpstreamStream,
} from './upstream-stream.ts';
import { errorOf, parseBody } from './websocket.ts';

/** What may follow the last event of a stream; a connection that has ended by then serves the next turn. */
const REST_MS = 1000;
const REST_BYTES = 64 * 1024;

export class StreamReading implements UpstreamStream, Dispatcher.DispatchHandler {
  readonly #scanner = new SseScanner();
  /** Of an answer that is no stream. */
  readonly #body: Buffer[] = [];
  #bodyBytes = 0;
  #listener: ExchangeListener | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #status = 0;
  #headers: HeaderMap = {};
  #rest: { readonly timer: NodeJS.Timeout; bytes: number } | undefined;
  #flow: 'flowing' | 'paused' = 'flowing';

  constructor(listener: ExchangeListener) {
    this.#listener = listener;
  }

  pause(): void {
    if (this.#rest !== undefined) return;
    this.#flow = 'paused';
    this.#controller?.pause();
  }

  resume(): void {
    this.#flow = 'flowing';
    this.#controller?.resume();
  }

  /** The request does not leave. */
  stalled(): void {
    this.#fail({ via: 'timeout', what: 'first_event' });
  }

  abandon(): void {
    this.#listener = undefined;
    if (this.#rest === undefined) this.#abort();
  }

  #abort(): void {
    clearTimeout(this.#rest?.timer);
    this.#controller?.abort(new Error('the turn no longer needs this answer'));
  }

  /** Nobody listens any more; the connection is read on to the end of the answer, or it could not be used again. */
  #end(): void {
    this.#listener = undefined;
    this.#rest = { timer: setTimeout(() => this.#abort(), REST_MS).unref(), bytes: 0 };
    this.resume();
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#flow === 'paused') controller.pause();
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
    if (!this.#streams) return this.#keep(chunk);
    if (this.#rest !== undefined) {
      this.#rest.bytes += chunk.length;
      if (this.#rest.bytes > REST_BYTES) this.#abort();
      return;
    }
    const scanned = this.#scanner.push(chunk);
    for (const frame of scanned) {
      const listener = this.#listener;
      if (listener === undefined) return;
      const kind = kindOf(frame.type);
      if (kind === 'terminal' || kind === 'error') this.#end();
      listener.onFrame(frame);
    }
    if (this.#scanner.error !== undefined) this.#fail({ via: 'garbage' });
  }

  /** An upstream may answer with one body though a stream was asked for. */
  get #streams(): boolean {
    return this.#status < 300 && !this.#headers['content-type']?.startsWith('application/json');
  }

  #keep(chunk: Buffer): void {
    const most = this.#status < 300 ? MAX_ANSWER_BYTES : SMALL_BODY_BYTES;
    if (this.#bodyBytes >= most) return;
    this.#bodyBytes += chunk.length;
    this.#body.push(chunk);
  }

  onResponseEnd(): void {
    clearTimeout(this.#rest?.timer);
    if (this.#streams || this.#bodyBytes >= MAX_ANSWER_BYTES) return this.#fail({ via: 'eof' });
    const whole = Buffer.concat(this.#body);
    if (this.#status < 300) {
      const listener = this.#listener;
      this.#listener = undefined;
      listener?.onBody(whole, this.#headers);
      return;
    }
    const body = parseBody(whole.toString('utf8'));
    this.#fail({ via: 'http', status: this.#status, headers: this.#headers, body });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#fail(errorOf(error));
  }

  #fail(error: UpstreamError): void {
    clearTimeout(this.#rest?.timer);
    const listener = this.#listener;
    this.abandon();
    listener?.onFailure(error);
  }
}
