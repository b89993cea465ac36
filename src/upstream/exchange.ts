/**
 * One request on its way and the frames that come back, whatever carries it. An exchange ends exactly once: with a
 * terminal frame, with a failure signal, or by being abandoned; after that it calls nobody, so a late frame of an
 * old connection has no one to reach.
 */
import type { Frame } from '../protocol/frame.ts';
import type { HeaderMap } from '../protocol/headers.ts';
import type { UpstreamError } from '../turn/upstream-error.ts';

export interface ExchangeListener {
  /** The last byte of the request has left. */
  onSent(): void;
  /** Answer headers: of the HTTP answer, or of the upgrade that opened the socket. */
  onHeaders(headers: HeaderMap): void;
  /** Frames in order; a frame's bytes may be a view of what was read: whoever keeps it keeps the whole chunk. */
  onFrame(frame: Frame): void;
  onFailure(error: UpstreamError): void;
}

export interface Exchange {
  pause(): void;
  resume(): void;
  /** Ends the exchange from our side. A stream that had not ended is closed upstream. */
  abandon(): void;
}

/** Stops the whole answer of a unary call. */
export const SMALL_BODY_BYTES = 1024 * 1024;
