/** One row of the request log, as every floor sees it. */
import type {
  AttemptOutcome,
  AttemptTransport,
  Continuity,
  Door,
  ErrorClass,
  RequestRoute,
  RequestStatus,
  SelectionReason,
} from '../admin-api/request.ts';
import type { AccountId, ResponseId, SessionId, Tenant } from './ids.ts';

export interface RequestAttempt {
  readonly accountId: AccountId;
  readonly transport: AttemptTransport;
  readonly outcome: AttemptOutcome;
  readonly errorClass?: ErrorClass | undefined;
  readonly errorCode?: string | undefined;
  readonly ms: number;
}

export interface RequestError {
  readonly code: string;
  readonly message: string;
}

/** What only one account can continue: the history names files of it, or holds an item that only it can open. */
export interface BoundTo {
  readonly kind: 'files' | 'compaction';
  readonly account: AccountId;
}

/** One accepted turn (contract: exactly one row each). Instants in epoch ms. */
export interface RequestRow {
  readonly id: string;
  readonly at: number;
  readonly tenant: Tenant;
  readonly session: SessionId;
  readonly door: Door;
  readonly route: RequestRoute;
  readonly model?: string | undefined;
  readonly status: RequestStatus;
  readonly responseId?: ResponseId | undefined;
  /** As the client sent it. */
  readonly previousResponseId?: string | undefined;
  readonly accountId?: AccountId | undefined;
  readonly accountReason?: SelectionReason | undefined;
  readonly continuity: Continuity;
  readonly attempts: readonly RequestAttempt[];
  readonly error?: RequestError | undefined;
  readonly droppedParams?: readonly string[] | undefined;
  readonly inputTokens?: number | undefined;
  readonly cachedTokens?: number | undefined;
  readonly outputTokens?: number | undefined;
  readonly reasoningTokens?: number | undefined;
  readonly firstEventMs?: number | undefined;
  readonly totalMs: number;
}
