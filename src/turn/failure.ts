/**
 * What can go wrong with a turn, as a closed set. A failure is classified once, at the edge where it was seen
 * (`classify.ts`); everything after that asks only for its class.
 */
import type { Signal } from './signal.ts';

export type ErrorClass =
  /** The account's allowance is used up until a reset. */
  | 'quota'
  /** The account's plan does not include this model. */
  | 'plan_unsupported'
  /** Too fast for the account; seconds, not hours. */
  | 'rate_limit_transient'
  /** The access token is no longer taken; a renewed one may be. */
  | 'auth_expired'
  /** The login or the account itself is gone. */
  | 'auth_permanent'
  /** The account may not do this at the moment (workspace, unknown 403). */
  | 'account_forbidden'
  /** The provider's edge refuses this host, whoever the account is. */
  | 'edge_forbidden'
  /** The response to continue from is not known where we asked. */
  | 'not_found_continuity'
  /** Encrypted content that another account's organisation sealed. */
  | 'encrypted_content_foreign'
  | 'context_overflow'
  | 'invalid_request'
  /** A top-level field this upstream does not take; `Failure.param` names it. */
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
  | 'client_abort'
  | 'pool_exhausted';

/** Whether the account, rather than the network or the service, produced a loss. Decides if another account is better. */
export type Blame = 'account' | 'route';

export interface Failure {
  readonly class: ErrorClass;
  readonly via: Signal['via'];
  /** HTTP status as upstream gave it, if it gave one. */
  readonly status?: number;
  /** The upstream's own code or type in lower case; our word for it where it sent none. */
  readonly code: string;
  readonly message: string;
  readonly param?: string;
  readonly plan?: string;
  /** Epoch ms at which the account may serve again. */
  readonly resetAt?: number;
  readonly retryAfterMs?: number;
  readonly blame?: Blame;
  /** Finer than the class, for the account's mark: see `Mark` in recovery.ts. */
  readonly variant?: 'deactivated' | 'workspace' | 'whole_workspace' | 'unknown_403' | 'plan_lacks_codex';
  /** The allowance that is used up, where it is not the account's main one. */
  readonly bucket?: string;
  /** The upstream's error object as it came, for failures that are passed on. */
  readonly body?: Readonly<Record<string, unknown>>;
}
