/**
 * What passes between a door and the bridge: a request that is ready to be served, a sink that takes what comes of
 * it, and a handle on the turn while it runs. Doors render; they retry nothing and know no account.
 */
import type { AccountId, ResponseId, Tenant } from '../domain/ids.ts';
import type { Frame } from '../protocol/frame.ts';
import type { HeaderMap } from '../protocol/headers.ts';
import type { Refusal } from '../protocol/refusal.ts';
import type { Envelope } from '../protocol/request.ts';

export interface TurnRequest {
  /** Id of the request row, and `x-request-id` of an HTTP answer. */
  readonly id: string;
  readonly at: number;
  readonly tenant: Tenant;
  /** The accounts that the caller's key may use; `undefined`: all. */
  readonly allowed: readonly AccountId[] | undefined;
  readonly door: 'json' | 'sse' | 'ws';
  readonly client: 'codex' | 'generic';
  readonly route: 'responses' | 'compact' | 'input_tokens';
  readonly headers: HeaderMap;
  readonly envelope: Envelope;
  /** The client's WebSocket, and the stream on it; turns of one stream are served in their order. */
  readonly socketStream: SocketStream | undefined;
}

/** One per client socket and stream id; compared by identity. */
export interface SocketStream {
  readonly socketId: string;
  readonly streamId: string;
}

export type Outcome =
  /** `frame` is the terminal event, already handed to `frame()`; for unary routes `body` is the whole answer. */
  | { readonly kind: 'answered'; readonly frame: Frame }
  | { readonly kind: 'unary'; readonly body: Buffer }
  /** Nothing has gone down yet. */
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  /** The stream ended in a `response.failed` that has gone down like any frame. */
  | { readonly kind: 'failed' }
  | { readonly kind: 'cancelled' };

export interface TurnSink {
  /** Frames that the client may see, in order. Their bytes are not written to again. */
  frame(frame: Frame): void;
  /** What was shown should be on its way: the turn has work to do before anything more is said. */
  flush(): void;
  /** Exactly once, after the row of the turn was committed. */
  end(outcome: Outcome): void;
}

export interface RunningTurn {
  /** Headers of upstream's answer that this client may see; complete when the first frame comes. */
  readonly headers: Readonly<Record<string, string>>;
  readonly droppedParams: readonly string[];
  readonly responseId: ResponseId | undefined;
  pause(): void;
  resume(): void;
  /** The client is gone: upstream is told at once. */
  leave(): void;
}
