/**
 * What can go wrong with a turn, as a closed set. A failure is classified once, at the edge where it was seen
 * (`classify.ts` for upstream, `local-failure.ts` for this server itself); everything after that reads its row in
 * `recovery.ts`.
 */
import type { ErrorClass } from '../admin-api/request.ts';
import type { UpstreamError } from './upstream-error.ts';

/** The classes that recovery tells apart; each is shown as one `ErrorClass` (`recovery.ts`). */
export type FailureClass =
  | ErrorClass
  /** A prepaid or monthly budget of an API organisation; upstream names no reset. */
  | 'budget_spent'
  /** A 402 or a spend cap without a reset. */
  | 'credits_spent'
  /** A limit of the workspace's owner, which holds for every seat of it. */
  | 'workspace_spent'
  /** The plan has no Codex at all. */
  | 'plan_lacks_codex'
  /** The provider has closed the account. */
  | 'account_ended'
  /** A 403 that says nothing about its reason. */
  | 'forbidden_unexplained'
  /** The connection ended or never came about: no answer of the account. */
  | 'connection_lost'
  /** The upstream's answer to a WebSocket handshake was neither an upgrade nor about the account. */
  | 'upgrade_refused'
  /** A unary call without an answer in its time: upstream may still be working on it, and bills it. */
  | 'unary_timeout'
  | 'account_removed'
  /** The history can be neither named nor sent to this account. */
  | 'history_missing'
  /** The session was released by an operator. */
  | 'session_released'
  | 'shutting_down'
  /** The login service did not answer in the time of this turn. */
  | 'refresh_late'
  /** The login service is in trouble: no verdict on the login. */
  | 'refresh_unavailable';

export interface Failure {
  readonly class: FailureClass;
  readonly via: UpstreamError['via'] | 'local';
  /** HTTP status as upstream gave it, if it gave one. */
  readonly status?: number;
  /** The upstream's own code or type in lower case; our word for it where it sent none. */
  readonly code: string;
  readonly message: string;
  readonly param?: string;
  readonly plan?: string;
  /** Epoch ms at which the account may serve again. */
  readonly resetAt?: number;
  /** The quota that is used up, where it is not the account's main one. */
  readonly bucket?: string;
  /** The upstream's error object as it came, for failures that are passed on. */
  readonly body?: Readonly<Record<string, unknown>>;
}
