/**
 * What a client is told when nothing could repair its turn. The wording and the statuses follow what real clients
 * were seen to do with them: only a 429 of type `usage_limit_reached` shows Codex's own message, a 401 or 403
 * would log its user out, and a 400 makes it stop, so no fault of an account is ever passed on as one of these.
 */
import { type Refusal, refusal } from '../protocol/refusal.ts';
import type { Failure } from './failure.ts';
import { RECOVERY, type RefusalKind } from './recovery.ts';
import type { Binding, Reason, Unavailable } from './states.ts';

const NO_RETRY = { 'x-should-retry': 'false' };
/** When the account that a turn is bound to has no reset to name. */
const ASK_AGAIN_MS = 60_000;

/** Who asked for what, as far as the answer depends on it. */
export interface AskedBy {
  readonly client: 'codex' | 'generic';
  readonly door: 'json' | 'sse' | 'ws';
  readonly previousResponseId: string | undefined;
  readonly model: string;
}

export function refusalFor(reason: Reason, asked: AskedBy, now: number): Refusal {
  if (reason.kind === 'failure') return refusalOf(reason.failure, reason.binding, asked, now);
  const { binding, reason: why, last, passing } = reason;
  if (binding.kind === 'owner') return cannotContinue(asked);
  if (passing !== undefined) return refusalForFailure(passing, now);
  if (binding.kind === 'files') return accountBound();
  if (last !== undefined && why.why === 'exhausted' && mayBeServedAgain(last))
    return refusalForFailure(last, now);
  if (binding.kind === 'compaction') return outOfQuota(untilOf(why) ?? now + ASK_AGAIN_MS, undefined, now);
  const tellsLast = last !== undefined && RECOVERY[last.class].told === 'as_upstream' && !isForAWhile(why);
  if (tellsLast || (last !== undefined && why.why === 'tried_all')) return refusalForFailure(last, now);
  if (last !== undefined && why.why === 'suspended') return accountUnavailable();
  return unavailable(why, asked, now);
}

function refusalOf(failure: Failure, binding: Reason['binding'], asked: AskedBy, now: number): Refusal {
  return losesConversation(failure, binding) ? cannotContinue(asked) : refusalForFailure(failure, now);
}

/** A request fault that the client is told in upstream's own words. */
export function isToldAsUpstream(failure: Failure, binding: Binding): boolean {
  return RECOVERY[failure.class].told === 'as_upstream' && !losesConversation(failure, binding);
}

function losesConversation(failure: Failure, binding: Binding): boolean {
  const { told, anchor } = RECOVERY[failure.class];
  return told === 'cannot_continue' || (anchor === 'forget' && binding.kind === 'owner');
}

/** Refused for a while: the account, or this host, may well serve before another account's quota is back. */
function mayBeServedAgain(failure: Failure): boolean {
  const { told, mark } = RECOVERY[failure.class];
  return told === 'host_refused' || (told === 'account_unavailable' && mark !== 'needs_login');
}

function untilOf(reason: Unavailable): number | undefined {
  if (reason.why === 'exhausted') return reason.resetAt;
  return reason.why === 'cooling' || reason.why === 'suspended' ? reason.until : undefined;
}

/** Another account may serve what this one could not, once it is back. */
function isForAWhile({ why }: Unavailable): boolean {
  return why === 'exhausted' || why === 'cooling';
}

function unavailable(reason: Unavailable, asked: AskedBy, now: number): Refusal {
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
      return suspended(reason.until, now);
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
  const message = `The accounts are rate limited. Please try again in ${seconds}s.`;
  return refusal(429, 'rate_limit_exceeded', message, {
    headers: { 'retry-after': String(Math.min(seconds, 60)) },
  });
}

function suspended(until: number, now: number): Refusal {
  const seconds = Math.max(1, Math.ceil((until - now) / 1000));
  return refusal(
    503,
    'account_unavailable',
    `No account in the pool can serve this at the moment; the first is tried again in ${seconds}s. See: npx respool accounts list.`,
    { headers: { 'retry-after': String(Math.min(seconds, 60)), ...(seconds > 60 ? NO_RETRY : {}) } },
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
function cannotContinue(asked: AskedBy): Refusal {
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
  return WORDS[RECOVERY[failure.class].told](failure, now);
}

type Words = (failure: Failure, now: number) => Refusal;

const WORDS: Readonly<Record<RefusalKind, Words>> = {
  as_upstream: asUpstreamSaid,
  out_of_quota: ({ resetAt, plan }, now) => outOfQuota(resetAt ?? now + ASK_AGAIN_MS, plan, now),
  too_fast: ({ resetAt }, now) => tooFast(resetAt ?? now + 1000, now),
  overloaded: ({ message }) =>
    refusal(503, 'server_is_overloaded', message || 'The model is overloaded upstream.', {
      type: 'service_unavailable_error',
      headers: { 'retry-after': '3' },
    }),
  account_unavailable: accountUnavailable,
  host_refused: ({ message }) =>
    refusal(503, 'account_unavailable', `The provider refuses this host: ${inWords(message)}`, {
      headers: NO_RETRY,
    }),
  unreachable: () => refusal(502, 'upstream_unavailable', 'The upstream could not be reached.'),
  incomplete: ({ via, message }) =>
    refusal(
      502,
      'stream_incomplete',
      via === 'local' ? message : 'The upstream stream ended before the response was complete.',
    ),
  too_large: () => refusal(400, 'payload_too_large', 'The request is larger than the upstream accepts.'),
  cannot_continue: () =>
    refusal(502, 'upstream_unavailable', 'The history of this conversation is not kept here.'),
  internal_error: ({ message }) => refusal(500, 'internal_error', message),
  shutting_down: () => shuttingDown(),
};

export function shuttingDown(): Refusal {
  return refusal(
    503,
    'server_shutting_down',
    'The server is shutting down; the next one will take this turn.',
    { headers: { 'retry-after': '5' } },
  );
}

/** After something was shown every loss has one code, so that clients send the turn again; these keep their own. */
const KEPT_AFTER_OUTPUT: ReadonlySet<RefusalKind> = new Set([
  'out_of_quota',
  'too_fast',
  'shutting_down',
  'internal_error',
]);

/** The end of a stream of which something was shown: it speaks of the one account that was in use. */
export function refusalAfterOutput(failure: Failure, now: number): Refusal {
  const { told } = RECOVERY[failure.class];
  const refused = refusalForFailure(failure, now);
  if (!KEPT_AFTER_OUTPUT.has(told)) return renamed(refused, 'stream_incomplete', refused.error.message);
  if (told !== 'out_of_quota') return refused;
  const message = 'The account that served this turn has reached its usage limit. Send the turn again.';
  return renamed(refused, refused.error.code ?? '', message);
}

function renamed(refused: Refusal, code: string, message: string): Refusal {
  return { ...refused, error: { ...refused.error, code, message } };
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
