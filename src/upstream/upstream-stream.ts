/**
 * One request on its way and the frames that come back, whatever carries it. An exchange ends exactly once: with a
 * terminal frame, with a failure signal, or by being abandoned; after that it calls nobody, so a late frame of an
 * old connection has no one to reach.
 */
import type { Frame } from '../protocol/frame.ts';
import type { HeaderMap } from '../protocol/headers.ts';
import type { UpstreamError } from '../turn/upstream-error.ts';

export interface FrameListener {
  /** The last byte of the request has left. */
  onSent(): void;
  /** Answer headers: of the HTTP answer, or of the upgrade that opened the socket. */
  onHeaders(headers: HeaderMap): void;
  /** Frames in order; a frame's bytes may be a view of what was read: whoever keeps it keeps the whole chunk. */
  onFrame(frame: Frame): void;
  onFailure(error: UpstreamError): void;
}

/** For what HTTP carries. */
export interface ExchangeListener extends FrameListener {
  /** The answer came as one body in place of a stream. */
  onBody(body: Buffer, headers: HeaderMap): void;
}

export interface UpstreamStream {
  pause(): void;
  resume(): void;
  /** Ends the exchange from our side. A stream that had not ended is closed upstream. */
  abandon(): void;
}

/** What is read of a refusal. */
export const SMALL_BODY_BYTES = 1024 * 1024;
/** No answer that comes as one body is larger, images in it included. */
export const MAX_ANSWER_BYTES = 128 * 1024 * 1024;
