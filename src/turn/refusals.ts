/**
 * What a client is told when nothing could repair its turn. The wording and the statuses follow what real clients
 * were seen to do with them: only a 429 of type `usage_limit_reached` shows Codex's own message, a 401 or 403
 * would log its user out, and a 400 makes it stop, so no fault of an account is ever passed on as one of these.
 */
import { type Refusal, type RefusalOptions, refusal } from '../protocol/refusal.ts';
import type { Failure } from './failure.ts';
import { RECOVERY } from './recovery.ts';
import type { Reason, Unavailable } from './states.ts';

const NO_RETRY = { 'x-should-retry': 'false' };

export interface Asked {
  readonly client: 'codex' | 'generic';
  readonly door: 'json' | 'sse' | 'ws';
  readonly previousResponseId: string | undefined;
  readonly model: string;
}

export function refusalFor(reason: Reason, asked: Asked, now: number): Refusal {
  if (reason.kind === 'failure') {
    const lost = reason.failure.class === 'not_found_continuity' && reason.binding.kind === 'owner';
    return lost ? cannotContinue(asked) : refusalForFailure(reason.failure, now);
  }
  if (reason.binding.kind === 'owner') return cannotContinue(asked);
  if (reason.binding.kind === 'files') return accountBound();
  const { last } = reason;
  if (last !== undefined && RECOVERY[last.class].atFault === 'request') return refusalForFailure(last, now);
  if (last !== undefined && reason.reason.why === 'tried_all') return refusalForFailure(last, now);
  if (last !== undefined && reason.reason.why === 'suspended') return accountUnavailable();
  return unavailable(reason.reason, asked, now);
}

function unavailable(reason: Unavailable, asked: Asked, now: number): Refusal {
  switch (reason.why) {
    case 'no_accounts':
      return refusal(
        503,
        'no_accounts',
        'respool has no account to serve this with yet. Add one: npx respool accounts add --name main (API key), or npx respool accounts import ~/.codex/auth.json (ChatGPT login).',
        { headers: NO_RETRY },
      );
    case 'exhausted':
      return outOfQuota(reason.resetAt, reason.plan, now);
    case 'cooling':
      return tooFast(reason.until, now);
    case 'suspended':
      return outOfQuota(reason.until, undefined, now);
    case 'model_not_served':
      return refusal(404, 'model_not_found', `No account in the pool may use the model '${asked.model}'.`, {
        param: 'model',
      });
    case 'unusable':
    case 'tried_all':
      return accountUnavailable();
  }
}

function outOfQuota(resetAt: number, plan: string | undefined, now: number): Refusal {
  const seconds = Math.max(1, Math.ceil((resetAt - now) / 1000));
  return refusal(429, 'usage_limit_reached', 'Every account in the pool has reached its usage limit.', {
    type: 'usage_limit_reached',
    headers: { 'retry-after': String(Math.min(seconds, 60)), ...(seconds > 60 ? NO_RETRY : {}) },
    extra: { plan_type: plan ?? null, resets_at: Math.ceil(resetAt / 1000), resets_in_seconds: seconds },
  });
}

function tooFast(until: number, now: number): Refusal {
  const seconds = Math.max(1, Math.ceil((until - now) / 1000));
  return refusal(
    429,
    'rate_limit_exceeded',
    `The accounts are rate limited. Please try again in ${seconds}s.`,
    {
      headers: { 'retry-after': String(Math.min(seconds, 60)) },
    },
  );
}

function accountUnavailable(): Refusal {
  return refusal(
    503,
    'account_unavailable',
    'No account in the pool can serve this at the moment, and none will return by itself. See: npx respool accounts list.',
    { headers: NO_RETRY },
  );
}

function accountBound(): Refusal {
  return refusal(
    400,
    'account_bound_input',
    'The input names files or a conversation that live on one account, and that account cannot serve now. Upload them again, or wait for the account.',
    { type: 'invalid_request_error' },
  );
}

/** Codex sends its whole history once, unseen, for exactly this frame; others retry a 502. Never a shortened history. */
function cannotContinue(asked: Asked): Refusal {
  if (asked.client === 'codex' && asked.door === 'ws')
    return previousResponseNotFound(asked.previousResponseId ?? '');
  return refusal(
    502,
    'upstream_unavailable',
    'The conversation cannot be continued where it lives at the moment, and no transcript of it is kept.',
  );
}

export function previousResponseNotFound(id: string): Refusal {
  return refusal(400, 'previous_response_not_found', `Previous response with id '${id}' not found.`, {
    param: 'previous_response_id',
  });
}

export function refusalForFailure(failure: Failure, now: number): Refusal {
  switch (failure.class) {
    case 'quota':
      return outOfQuota(failure.resetAt ?? now + 60_000, failure.plan, now);
    case 'rate_limit_transient':
      return tooFast(failure.resetAt ?? now + 1000, now);
    case 'overloaded':
      return refusal(503, 'server_is_overloaded', failure.message || 'The model is overloaded upstream.', {
        type: 'service_unavailable_error',
        headers: { 'retry-after': '3' },
      });
    case 'message_too_big':
      return refusal(400, 'payload_too_large', 'The request is larger than the upstream accepts.');
    case 'auth_expired':
    case 'auth_permanent':
    case 'account_forbidden':
      return accountUnavailable();
    case 'edge_forbidden':
      return refusal(
        503,
        'account_unavailable',
        `The provider refuses this host: ${inWords(failure.message)}`,
        {
          headers: NO_RETRY,
        },
      );
    case 'upstream_unavailable':
    case 'connection_limit':
      return refusal(502, 'upstream_unavailable', 'The upstream could not be reached.', ours(failure));
    case 'stream_incomplete':
    case 'client_abort':
    case 'pool_exhausted':
      return refusal(502, 'stream_incomplete', 'The upstream stream ended before the response was complete.');
    default:
      return asUpstreamSaid(failure);
  }
}

function ours(failure: Failure): RefusalOptions {
  return failure.code === 'server_shutting_down' ? { headers: { 'retry-after': '5' } } : {};
}

/** Request faults go down with upstream's own words; a body in the backend's `detail` form is kept for the Codex paths. */
function asUpstreamSaid(failure: Failure): Refusal {
  const error = failure.body?.['error'];
  const given =
    typeof error === 'object' && error !== null ? (error as Readonly<Record<string, unknown>>) : {};
  const status = clientStatus(failure);
  const told = refusal(status, failure.code, failure.message || 'The upstream refused the request.', {
    type: 'invalid_request_error',
    ...(failure.param === undefined ? {} : { param: failure.param }),
  });
  const code = typeof given['code'] === 'string' || failure.via !== 'http' ? told.error.code : null;
  const refused = { ...told, error: { ...told.error, code, ...given } };
  return failure.body === undefined || failure.via === 'frame'
    ? refused
    : { ...refused, verbatim: failure.body };
}

/** An upstream's 401, 402 or 403 would make a client log out or give up its login: never passed on. */
function clientStatus(failure: Failure): number {
  const status = failure.status ?? 400;
  return status >= 400 && status < 500 && ![401, 402, 403].includes(status) ? status : 400;
}

/** A firewall answers with a page, of which nothing is worth showing. */
function inWords(message: string): string {
  return /<\w/.test(message) || message === '' ? 'its firewall stopped the request.' : message.slice(0, 200);
}
