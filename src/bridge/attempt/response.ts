/**
 * What one attempt's upstream says, turned into what the turn needs to know: how far it has come, how it ended, and
 * what may be shown of it. One per attempt, so nothing of a failed attempt is left in the next. It knows frames, and
 * no session, pool or clock.
 */
import type { ResponseId } from '../../domain/ids.ts';
import { type Frame, kindOf, parseObject } from '../../protocol/frame.ts';
import type { HeaderMap } from '../../protocol/headers.ts';
import type { Progress } from '../../turn/states.ts';
import type { UpstreamError } from '../../turn/upstream-error.ts';
import { type ClientAnchor, withPreviousResponseId } from './client-anchor.ts';
import { type CompletedResponse, createdId, ResponseCollector } from './response-collector.ts';

/** What the turn does with it. */
export interface ResponseListener {
  /** Any frame at all. */
  heard(): void;
  progressed(to: Progress): void;
  /** A frame for the client, once it may be shown. */
  show(frame: Frame): void;
  /** Everything but the end has been said. */
  flush(): void;
  created(id: ResponseId): void;
  headers(headers: HeaderMap): void;
  vendorFrame(frame: Frame): void;
  ended(): void;
  failed(error: UpstreamError): void;
}

/**
 * Somebody has cancelled the response upstream: to send it again is what nobody asked for. Clients know no such event
 * and would wait for another end.
 */
const CANCELLED = {
  type: 'error',
  error: {
    type: 'invalid_request_error',
    code: 'response_cancelled',
    message: 'The response was cancelled.',
  },
};

export class AttemptResponse {
  completed: CompletedResponse | undefined;
  /** A unary answer, whole. */
  body: Buffer | undefined;
  /** The frame in which upstream itself ended the stream with a failure. */
  failedFrame: Frame | undefined;
  /** Deltas that have come so far. */
  pieces = 0;
  readonly #listener: ResponseListener;
  readonly #anchor: () => ClientAnchor;
  readonly #collector = new ResponseCollector();
  #progress: Progress = 'nothing_sent';

  /** `anchor` is asked when the first frame comes: what went up is known by then. */
  constructor(listener: ResponseListener, anchor: () => ClientAnchor) {
    this.#listener = listener;
    this.#anchor = anchor;
  }

  /** Ids of items that have begun, for answers that do not come to their end. */
  get itemIds(): readonly string[] {
    return this.#collector.begunIds;
  }

  onSent(): void {
    if (this.#progress === 'nothing_sent') this.#advance('sent');
  }

  onHeaders(headers: HeaderMap): void {
    this.#listener.headers(headers);
  }

  /** The path of every event: by far the most are output that is already flowing, and those only pass through. */
  onFrame(frame: Frame): void {
    this.#listener.heard();
    switch (kindOf(frame.type)) {
      case 'output':
        return this.#output(frame);
      case 'vendor':
        return this.#listener.vendorFrame(frame);
      case 'handshake':
        return this.#handshake(frame);
      case 'terminal':
        return this.#terminal(frame);
      case 'error':
        return this.#failed(frame);
    }
  }

  onBody(body: Buffer, headers: HeaderMap): void {
    this.onHeaders(headers);
    this.body = withPreviousResponseId(body, this.#anchor(), 'whole_response');
    this.#listener.ended();
  }

  #output(frame: Frame): void {
    if (frame.type.endsWith('.delta')) this.pieces += 1;
    else if (frame.type === 'response.output_item.done') this.#collector.itemDone(frame);
    else if (frame.type === 'response.output_item.added') this.#collector.itemBegun(frame);
    if (this.#progress !== 'output') this.#advance('output');
    this.#listener.show(frame);
  }

  #handshake(given: Frame): void {
    const frame = this.#asClientAsked(given);
    if (frame.type === 'response.created') {
      const id = createdId(frame);
      if (id !== undefined) this.#listener.created(id);
    }
    if (this.#progress !== 'output') this.#advance('begun');
    this.#listener.show(frame);
  }

  #terminal(given: Frame): void {
    const frame = this.#asClientAsked(given);
    if (frame.type === 'response.failed') {
      this.failedFrame = frame;
      this.#failed(frame);
      return;
    }
    if (frame.type === 'response.cancelled') {
      this.#listener.failed({ via: 'frame', event: CANCELLED });
      return;
    }
    this.#listener.flush();
    this.completed = this.#collector.end(frame);
    if (this.completed === undefined) this.#listener.failed({ via: 'garbage' });
    else this.#listener.ended();
  }

  #failed(frame: Frame): void {
    this.#listener.failed({ via: 'frame', event: parseObject(frame.data) ?? {} });
  }

  #asClientAsked(frame: Frame): Frame {
    const anchor = this.#anchor();
    if (anchor === 'as_upstream_says') return frame;
    return { type: frame.type, data: withPreviousResponseId(frame.data, anchor, 'event') };
  }

  #advance(to: Progress): void {
    this.#progress = to;
    this.#listener.progressed(to);
  }
}
