/**
 * From anything an upstream can do wrong to one `Failure`. The rows are read from top to bottom and the first
 * that fits decides; what belongs to the request stands before what belongs to the account, so that a client's
 * mistake never costs an account its place, and bodies are read before statuses, because the same 403 can mean a
 * spent quota, a foreign workspace or a firewall.
 */
import type { Failure, FailureClass } from './failure.ts';
import { RECOVERY } from './recovery.ts';
import { normalise, type Seen, type UpstreamError } from './upstream-error.ts';

interface Row {
  readonly fits: (seen: Seen) => boolean;
  readonly class: FailureClass;
}

const oneOf =
  (...keys: readonly string[]) =>
  (seen: Seen): boolean =>
    keys.includes(seen.code) || keys.includes(seen.type);
const says =
  (pattern: RegExp) =>
  (seen: Seen): boolean =>
    pattern.test(seen.text);
const status =
  (...codes: readonly number[]) =>
  (seen: Seen): boolean =>
    seen.status !== undefined && codes.includes(seen.status);
const closed =
  (...codes: readonly number[]) =>
  (seen: Seen): boolean =>
    seen.via === 'close' && codes.some((code) => seen.code === `close_${code}`);
const any =
  (...rows: readonly Row['fits'][]) =>
  (seen: Seen): boolean =>
    rows.some((fits) => fits(seen));
const all =
  (...rows: readonly Row['fits'][]) =>
  (seen: Seen): boolean =>
    rows.every((fits) => fits(seen));

const plainInvalid = (seen: Seen): boolean => seen.type === '' || seen.type === 'invalid_request_error';

const previousResponseMissing = any(
  oneOf('previous_response_not_found'),
  all(
    (seen) => seen.param === 'previous_response_id',
    (seen) => seen.key === 'invalid_request_error' || seen.type === 'invalid_request_error',
    says(/previous response .*not found|invalid .?previous_response_id/),
  ),
  all((seen) => seen.param === '', says(/^invalid [`'"]?previous_response_id[`'"]?$/)),
  says(/unsupported parameter: previous_response_id/),
);

const REQUEST_ROWS: readonly Row[] = [
  { fits: oneOf('websocket_connection_limit_reached'), class: 'connection_limit' },
  { fits: previousResponseMissing, class: 'not_found_continuity' },
  { fits: oneOf('context_length_exceeded', 'context_too_large'), class: 'context_overflow' },
  {
    fits: all(plainInvalid, says(/context length|context window|maximum context|too many tokens/)),
    class: 'context_overflow',
  },
  { fits: oneOf('invalid_encrypted_content'), class: 'encrypted_content_foreign' },
  {
    fits: says(/invalid_encrypted_content|encrypted .*content .*could not be (verified|decrypted|decoded)/),
    class: 'encrypted_content_foreign',
  },
  {
    fits: oneOf(
      'cyber_policy',
      'bio_policy',
      'misalignment_policy_violation',
      'content_policy_violation',
      'image_content_policy_violation',
      'invalid_prompt',
      'data_residency_mismatch',
      'access_program_not_enabled',
    ),
    class: 'policy',
  },
  {
    fits: any(oneOf('unsupported_parameter'), says(/^unsupported parameter: .+/)),
    class: 'unsupported_param',
  },
  { fits: says(/model is not supported when using codex with a chatgpt account/), class: 'plan_unsupported' },
  {
    fits: any(oneOf('model_not_found'), says(/does not exist or you do not have access/)),
    class: 'plan_unsupported',
  },
  { fits: any(closed(1009), status(413)), class: 'message_too_big' },
];

const QUOTA_KEYS = [
  'insufficient_quota',
  'quota_exceeded',
  'credit_balance_exhausted',
  'organization_spend_limit_exceeded',
  'project_spend_limit_exceeded',
  'organization_usage_limit_exceeded',
  'billing_hard_limit_reached',
  'subscription_sharing_usage_limit_exceeded',
  'usage_limit_exceeded',
];

const usedUp = (seen: Seen): boolean =>
  ['primary', 'secondary'].some((slot) => Number(seen.headers[`x-codex-${slot}-used-percent`] ?? 0) >= 100);
/** The owner's limits hold for every seat of the workspace, a member's for that member. */
const workspaceDepleted = (seen: Seen): boolean =>
  /^workspace_owner_/.test(seen.headers['x-codex-rate-limit-reached-type'] ?? '');
const depleted = (seen: Seen): boolean =>
  /_(credits_depleted|usage_limit_reached)$/.test(seen.headers['x-codex-rate-limit-reached-type'] ?? '');

const QUOTA_ROWS: readonly Row[] = [
  { fits: all(depleted, workspaceDepleted), class: 'workspace_spent' },
  { fits: oneOf('usage_limit_reached'), class: 'quota' },
  { fits: oneOf(...QUOTA_KEYS), class: 'budget_spent' },
  { fits: oneOf('usage_not_included'), class: 'plan_lacks_codex' },
  { fits: any(depleted, says(/hit your spend cap/)), class: 'credits_spent' },
  {
    fits: all(
      oneOf('rate_limit_exceeded', 'rate_limit_error', 'slow_down'),
      (seen) => [undefined, 403, 429].includes(seen.status),
      (seen) => seen.key !== 'slow_down' || seen.status === 429,
    ),
    class: 'rate_limit_transient',
  },
  { fits: all(status(429), usedUp), class: 'quota' },
  { fits: status(429), class: 'rate_limit_transient' },
];

/** Inside a stream there is no status: the code has to say it. */
const AUTH_CODES = [
  'invalid_api_key',
  'invalid_authentication',
  'unauthorized',
  'authentication_error',
  'token_expired',
  'token_invalidated',
  'token_revoked',
  'app_session_terminated',
  'account_session_expired',
];
const authless = (seen: Seen): boolean => AUTH_CODES.includes(seen.code) || AUTH_CODES.includes(seen.type);

const fromTheEdge = (seen: Seen): boolean =>
  seen.headers['cf-mitigated'] !== undefined ||
  (seen.headers['content-type'] ?? '').includes('text/html') ||
  /<html|cloudflare|cf-ray|challenge/.test(seen.text);

/** An error in the provider's own form; servers without WebSockets answer a handshake with less than that. */
const namesItself = (seen: Seen): boolean => seen.code !== '' || seen.type !== '';
const handshake = (seen: Seen): boolean => seen.via === 'upgrade';
const unnamed = (seen: Seen): boolean => !namesItself(seen);

const ACCOUNT_ROWS: readonly Row[] = [
  {
    fits: any(
      oneOf('account_deactivated', 'account_suspended', 'account_deleted'),
      says(/account has been deactivated/),
    ),
    class: 'account_ended',
  },
  {
    fits: any(oneOf('deactivated_workspace'), all(status(402), oneOf('workspace_deactivated'))),
    class: 'account_forbidden',
  },
  { fits: status(402), class: 'credits_spent' },
  { fits: status(401), class: 'auth_expired' },
  { fits: all((seen) => seen.status === undefined, authless), class: 'auth_expired' },
  {
    fits: any(
      oneOf('unsupported_country_region_territory'),
      says(/country, region, or territory not supported/),
    ),
    class: 'edge_forbidden',
  },
  {
    fits: any(
      oneOf('invalid_workspace_selected', 'workspace_access_denied'),
      all(status(403), oneOf('permission_denied', 'forbidden')),
      all(status(403), (seen) => seen.headers['x-openai-authorization-error'] !== undefined),
    ),
    class: 'account_forbidden',
  },
  { fits: all(handshake, status(403), unnamed), class: 'upgrade_refused' },
  { fits: all(status(403), fromTheEdge), class: 'edge_forbidden' },
  { fits: status(403), class: 'forbidden_unexplained' },
];

const SERVICE_ROWS: readonly Row[] = [
  {
    fits: any(
      oneOf(
        'server_is_overloaded',
        'overloaded_error',
        'service_unavailable_error',
        'policy_capacity_unavailable',
        'slow_down',
      ),
      says(/model is at capacity/),
    ),
    class: 'overloaded',
  },
  { fits: handshake, class: 'upgrade_refused' },
  {
    fits: any(status(408, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529), oneOf('server_error')),
    class: 'upstream_unavailable',
  },
  { fits: all(closed(1008), says(/auth|token|login|policy.*account/)), class: 'forbidden_unexplained' },
  { fits: (seen) => seen.via === 'close' || seen.via === 'socket', class: 'connection_lost' },
  { fits: (seen) => seen.code === 'connect_timeout', class: 'connection_lost' },
  { fits: (seen) => seen.code === 'unary_timeout', class: 'unary_timeout' },
  {
    fits: (seen) => seen.via === 'timeout' || seen.via === 'eof' || seen.via === 'garbage',
    class: 'stream_incomplete',
  },
];

const LAST_ROWS: readonly Row[] = [
  {
    fits: (seen) => seen.status !== undefined && seen.status >= 400 && seen.status < 500,
    class: 'invalid_request',
  },
  {
    fits: oneOf(
      'invalid_request_error',
      'not_found_error',
      'websocket_stream_limit_reached',
      'invalid_stream_id',
    ),
    class: 'invalid_request',
  },
  { fits: () => true, class: 'upstream_unavailable' },
];

const ROWS: readonly Row[] = [...REQUEST_ROWS, ...QUOTA_ROWS, ...ACCOUNT_ROWS, ...SERVICE_ROWS, ...LAST_ROWS];

/** `now` is epoch ms; every relative reset in the error is counted from it. */
export function classify(error: UpstreamError, now: number): Failure {
  const seen = normalise(error, now);
  // LAST_ROWS ends in a row that fits everything.
  const { class: found } = ROWS.find((row) => row.fits(seen)) as Row;
  const { cooldownMs, mark } = RECOVERY[found];
  const resetAt = seen.resetAt ?? (cooldownMs > 0 ? now + cooldownMs : undefined);
  const param = found === 'unsupported_param' ? refusedParam(seen) : seen.param;
  return {
    class: found,
    via: seen.via,
    code: seen.key || (seen.status === undefined ? found : `http_${seen.status}`),
    message: seen.message,
    ...(seen.status === undefined ? {} : { status: seen.status }),
    ...(param === '' ? {} : { param }),
    ...(seen.plan === undefined ? {} : { plan: seen.plan }),
    ...(resetAt === undefined ? {} : { resetAt }),
    ...(mark === 'exhausted' ? bucketOf(seen) : {}),
    ...bodyOf(seen),
  };
}

/** Both names have been seen for the main allowance. */
const MAIN_BUCKETS = ['codex', 'premium'];

function bucketOf({ headers }: Seen): Pick<Failure, 'bucket'> {
  const bucket = headers['x-codex-active-limit']?.toLowerCase();
  return bucket === undefined || MAIN_BUCKETS.includes(bucket) ? {} : { bucket };
}

function bodyOf(seen: Seen): Pick<Failure, 'body'> {
  if (seen.via === 'http' || seen.via === 'upgrade') {
    return typeof seen.body === 'object' && seen.body !== null
      ? { body: seen.body as Record<string, unknown> }
      : {};
  }
  return seen.via === 'frame' ? { body: { error: seen.error } } : {};
}

function refusedParam(seen: Seen): string {
  return /^unsupported parameter: ['"`]?([\w.[\]-]+)/i.exec(seen.message)?.[1] ?? seen.param;
}
