/** A row of the request log as the admin API shows it. Knows no database. */
import type { AttemptWire, RequestWire } from '../admin-api/request.ts';
import type { RequestAttempt, RequestRow } from '../domain/request.ts';

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
    account_reason: row.accountReason ?? null,
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
