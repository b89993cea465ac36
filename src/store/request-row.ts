/**
 * One row of the request log, as the server holds it and as the admin API shows it. Knows no database.
 */
import type {
  AttemptOutcome,
  AttemptTransport,
  AttemptWire,
  Continuity,
  Door,
  ErrorClass,
  RequestRoute,
  RequestStatus,
  RequestWire,
  SelectionReason,
} from '../admin-api/request.ts';
import type { AccountId, ResponseId, SessionId, Tenant } from '../ids.ts';

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
  readonly accountReason?: string | undefined;
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

/** The row as JSON of `GET /api/requests`: snake_case, Unix seconds, `null` for what is not known. */
export function requestToWire(row: RequestRow): RequestWire {
  return {
    id: row.id,
    at: Math.floor(row.at / 1000),
    tenant: row.tenant,
    session: row.session,
    door: row.door,
    route: row.route,
    model: row.model ?? null,
    status: row.status,
    response_id: row.responseId ?? null,
    previous_response_id: row.previousResponseId ?? null,
    account_id: row.accountId ?? null,
    // Turns write down what the choice of the account has said, and nothing else.
    account_reason: (row.accountReason as SelectionReason | undefined) ?? null,
    continuity: row.continuity,
    attempts: row.attempts.map(attemptToWire),
    ...(row.error && { error: row.error }),
    ...(row.droppedParams && { dropped_params: row.droppedParams }),
    input_tokens: row.inputTokens ?? null,
    cached_tokens: row.cachedTokens ?? null,
    output_tokens: row.outputTokens ?? null,
    reasoning_tokens: row.reasoningTokens ?? null,
    first_event_ms: row.firstEventMs ?? null,
    total_ms: row.totalMs,
  };
}

function attemptToWire(attempt: RequestAttempt): AttemptWire {
  return {
    account_id: attempt.accountId,
    transport: attempt.transport,
    outcome: attempt.outcome,
    ...(attempt.errorClass && { error_class: attempt.errorClass }),
    ...(attempt.errorCode && { error_code: attempt.errorCode }),
    ms: attempt.ms,
  };
}
