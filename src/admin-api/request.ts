/** A turn in the request log, with every attempt that it took. Times are Unix seconds, lengths milliseconds. */

/** How the client sent the turn. */
export type Door = 'json' | 'sse' | 'ws';
export type RequestRoute = 'responses' | 'compact' | 'input_tokens';
export type RequestStatus = 'completed' | 'incomplete' | 'failed' | 'cancelled';
export type AttemptOutcome = 'completed' | 'failed' | 'cancelled';
export type AttemptTransport = 'ws' | 'http';

/** `preserved`: an id went up; `snapshot`: the server put the history in; `client_full`: the client sent all of it. */
export type Continuity = 'none' | 'preserved' | 'snapshot' | 'client_full';

/** Which question decided on the account, as `src/accounts/selection.ts` asks them. */
export type SelectionReason =
  | 'owner'
  | 'pin'
  | 'affinity'
  | 'priority'
  | 'resets_soonest'
  | 'least_busy'
  | 'spread'
  | 'only_one';

/** The classes that request rows and metrics name (`error_class`). */
export type ErrorClass =
  /** The account's quota is used up until a reset. */
  | 'quota'
  /** The account's plan does not include this model. */
  | 'plan_unsupported'
  /** Too fast for the account; seconds, not hours. */
  | 'rate_limit_transient'
  /** The access token is no longer accepted; a refreshed one may be. */
  | 'auth_expired'
  /** The login or the account itself has ended. */
  | 'auth_permanent'
  /** The account may not do this at the moment (workspace, unexplained 403). */
  | 'account_forbidden'
  /** The provider's edge refuses this host, whatever the account. */
  | 'edge_forbidden'
  /** The response to continue from is not known where we asked. */
  | 'not_found_continuity'
  /** Encrypted content that another account's organisation sealed. */
  | 'encrypted_content_foreign'
  | 'context_overflow'
  | 'invalid_request'
  /** A top-level field this upstream does not accept; `Failure.param` names it. */
  | 'unsupported_param'
  /** The provider's rules about content: never tried elsewhere. */
  | 'policy'
  | 'overloaded'
  /** Nobody answered, or answered 5xx. */
  | 'upstream_unavailable'
  /** The socket has reached the upstream's age limit. */
  | 'connection_limit'
  /** Larger than a WebSocket frame may be. */
  | 'message_too_big'
  /** The stream ended before its terminal event. */
  | 'stream_incomplete'
  /** A fault of this server. */
  | 'internal';

export interface AttemptWire {
  readonly account_id: string;
  readonly transport: AttemptTransport;
  readonly outcome: AttemptOutcome;
  readonly error_class?: ErrorClass;
  /** A code, see codes.ts. */
  readonly error_code?: string;
  readonly ms: number;
}

export interface RequestErrorWire {
  readonly code: string;
  readonly message: string;
}

export interface RequestWire {
  readonly id: string;
  readonly at: number;
  readonly tenant: string;
  readonly session: string;
  readonly door: Door;
  readonly route: RequestRoute;
  readonly model: string | null;
  readonly status: RequestStatus;
  readonly response_id: string | null;
  /** As the client sent it. */
  readonly previous_response_id: string | null;
  readonly account_id: string | null;
  readonly account_reason: SelectionReason | null;
  readonly continuity: Continuity;
  readonly attempts: readonly AttemptWire[];
  readonly error?: RequestErrorWire;
  readonly dropped_params?: readonly string[];
  readonly input_tokens: number | null;
  readonly cached_tokens: number | null;
  readonly output_tokens: number | null;
  readonly reasoning_tokens: number | null;
  readonly first_event_ms: number | null;
  readonly total_ms: number;
}

export interface HistorySizeWire {
  readonly items: number;
  readonly bytes: number;
}

/** `GET /api/requests/{id}`: one row with what had to be looked up for it. */
export interface RequestDetailWire extends RequestWire {
  readonly history: HistorySizeWire | null;
}
