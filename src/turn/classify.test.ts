import { describe, expect, test } from 'vitest';
import type { ErrorClass } from '../admin-api/request.ts';
import * as says from '../simulator/errors.ts';
import { classify } from './classify.ts';
import { RECOVERY } from './recovery.ts';
import type { UpstreamError } from './upstream-error.ts';

const NOW = Date.UTC(2026, 10, 21);

type Answer = {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
};

const http = ({ status, body, headers = {} }: Answer): UpstreamError => ({
  via: 'http',
  status,
  body,
  headers,
});
const answer = (
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): UpstreamError => http({ status, body, headers });
const error = (status: number, code: string, more: object = {}): UpstreamError =>
  answer(status, { error: { code, message: 'x', ...more } });
const close = (code: number, reason = ''): UpstreamError => ({ via: 'close', code, reason });

const ROWS: readonly (readonly [string, UpstreamError, ErrorClass])[] = [
  ['an aged socket', http(says.connectionLimit()), 'connection_limit'],
  ['an unknown anchor', http(says.previousResponseNotFound('resp_1')), 'not_found_continuity'],
  [
    'an unknown anchor, in words only',
    answer(400, {
      error: {
        type: 'invalid_request_error',
        param: 'previous_response_id',
        message: "Previous response with id 'r' not found.",
      },
    }),
    'not_found_continuity',
  ],
  [
    'an unknown anchor, without a param',
    answer(400, { error: { message: 'Invalid `previous_response_id`.' } }),
    'not_found_continuity',
  ],
  [
    'a transport that takes no anchor',
    answer(400, { detail: 'Unsupported parameter: previous_response_id' }),
    'not_found_continuity',
  ],
  ['too long a context', http(says.contextLength()), 'context_overflow'],
  [
    'too long a context, in words',
    answer(400, {
      error: { type: 'invalid_request_error', message: 'This exceeds the maximum context length.' },
    }),
    'context_overflow',
  ],
  ['content sealed elsewhere', http(says.invalidEncryptedContent()), 'encrypted_content_foreign'],
  [
    'content sealed elsewhere, in words',
    answer(400, { error: { message: 'The encrypted content gAAA could not be verified.' } }),
    'encrypted_content_foreign',
  ],
  ['a policy', http(says.cyberPolicy()), 'policy'],
  ['a prompt that is not allowed', error(400, 'invalid_prompt'), 'policy'],
  ['an unsupported field', http(says.unsupportedParameter('top_p')), 'unsupported_param'],
  ['a model that the plan lacks', http(says.planLacksModel('gpt-x')), 'plan_unsupported'],
  ['a model that is not found', http(says.modelNotFound('gpt-x')), 'plan_unsupported'],
  ['a frame that is too big', close(1009), 'message_too_big'],
  ['a body that is too big', answer(413, ''), 'message_too_big'],
  ['a lane limit', error(400, 'websocket_stream_limit_reached'), 'invalid_request'],
  [
    'any other 400',
    answer(400, { error: { type: 'invalid_request_error', message: 'no' } }),
    'invalid_request',
  ],
  ['a 404', http(says.notFound()), 'invalid_request'],
  ['a 422', answer(422, ''), 'invalid_request'],

  ['a spent plan', http(says.usageLimitReached(NOW + 1000)), 'quota'],
  ['a spent plan inside a 403', answer(403, { error: { type: 'usage_limit_reached' } }), 'quota'],
  ['a spent plan inside a 400', answer(400, { error: { type: 'usage_limit_reached' } }), 'quota'],
  ...[
    'insufficient_quota',
    'quota_exceeded',
    'credit_balance_exhausted',
    'organization_spend_limit_exceeded',
    'project_spend_limit_exceeded',
    'organization_usage_limit_exceeded',
    'billing_hard_limit_reached',
    'subscription_sharing_usage_limit_exceeded',
    'usage_limit_exceeded',
  ].map((code) => [`spent: ${code}`, error(429, code), 'quota'] as const),
  ['a plan without Codex', http(says.usageNotIncluded()), 'quota'],
  [
    'depleted credits of a workspace',
    answer(403, {}, { 'x-codex-rate-limit-reached-type': 'workspace_owner_credits_depleted' }),
    'quota',
  ],
  ['a spend cap, in words', answer(403, { detail: 'You have hit your spend cap.' }), 'quota'],
  ['going too fast', http(says.rateLimited(2)), 'rate_limit_transient'],
  ['ramping up too fast', error(429, 'slow_down'), 'rate_limit_transient'],
  ['an empty 429', answer(429, ''), 'rate_limit_transient'],
  ['an empty 429 of a full window', answer(429, '', { 'x-codex-primary-used-percent': '100' }), 'quota'],

  ['a deactivated account', http(says.accountDeactivated()), 'auth_permanent'],
  [
    'a deactivated account, in words',
    answer(403, { error: { message: 'Your OpenAI account has been deactivated.' } }),
    'auth_permanent',
  ],
  ['a deactivated workspace', http(says.deactivatedWorkspace()), 'account_forbidden'],
  ['any other 402', answer(402, {}), 'quota'],
  ['a revoked token', http(says.tokenRevoked()), 'auth_expired'],
  ['an invalidated token', http(says.tokenInvalidated()), 'auth_expired'],
  ['an expired token', http(says.tokenExpired()), 'auth_expired'],
  ['a plain 401', http(says.unauthorized()), 'auth_expired'],
  ['a wrong key', http(says.invalidApiKey()), 'auth_expired'],
  ['a challenge of the edge', http(says.cloudflareChallenge()), 'edge_forbidden'],
  ['a foreign workspace', http(says.invalidWorkspace()), 'account_forbidden'],
  [
    'a named authorization error',
    answer(403, '', { 'x-openai-authorization-error': 'x' }),
    'account_forbidden',
  ],
  ['a region', http(says.regionNotSupported()), 'edge_forbidden'],
  ['an unexplained 403', answer(403, {}), 'account_forbidden'],

  ['an overload', http(says.overloaded()), 'overloaded'],
  [
    'an overload, in words',
    answer(503, { error: { message: 'Selected model is at capacity.' } }),
    'overloaded',
  ],
  ['slowing down', error(503, 'slow_down'), 'overloaded'],
  ...[500, 502, 503, 504, 520, 524, 529, 408].map(
    (status) => [`a ${status}`, answer(status, ''), 'upstream_unavailable'] as const,
  ),
  ...[1000, 1001, 1005, 1006, 1008, 1011, 1012, 1013].map(
    (code) => [`a close with ${code}`, close(code), 'upstream_unavailable'] as const,
  ),
  ['a close for a bad login', close(1008, 'auth failed'), 'account_forbidden'],
  ...['ECONNREFUSED', 'ENOTFOUND', 'ECONNRESET', 'UND_ERR_CONNECT_TIMEOUT', 'CERT_HAS_EXPIRED'].map(
    (code) =>
      [`a socket error ${code}`, { via: 'socket', code, message: '' }, 'upstream_unavailable'] as const,
  ),
  ['no first event', { via: 'timeout', what: 'first_event' }, 'stream_incomplete'],
  ['silence in the stream', { via: 'timeout', what: 'idle' }, 'stream_incomplete'],
  ['an end without a terminal event', { via: 'eof' }, 'stream_incomplete'],
  ['garbage', { via: 'garbage' }, 'stream_incomplete'],
];

test.each(ROWS)('%s', (_name, signal, expected) => {
  expect(RECOVERY[classify(signal, NOW).class].shownAs).toBe(expected);
});

const SHAPES: Readonly<
  Record<string, (status: number, body: Readonly<Record<string, unknown>>) => UpstreamError>
> = {
  'a refused upgrade': (status, body) => ({ via: 'upgrade', status, body: { error: body }, headers: {} }),
  'a frame with status': (status, body) => ({
    via: 'frame',
    event: { type: 'error', status, error: body },
  }),
  'a frame with status_code': (status, body) => ({
    via: 'frame',
    event: { type: 'error', status_code: status, error: body },
  }),
  'a frame with body.error': (status, body) => ({
    via: 'frame',
    event: { type: 'error', status, body: { error: body } },
  }),
  'response.failed': (_status, body) => ({
    via: 'frame',
    event: { type: 'response.failed', response: { id: 'r', error: body } },
  }),
  'a flat error event': (_status, body) => ({ via: 'frame', event: { ...body, type: 'error' } }),
};

describe.each(Object.entries(SHAPES))('as %s', (_name, shape) => {
  test.each([
    [429, 'usage_limit_reached', 'quota'],
    [429, 'rate_limit_exceeded', 'rate_limit_transient'],
    [400, 'previous_response_not_found', 'not_found_continuity'],
    [400, 'context_length_exceeded', 'context_overflow'],
    [400, 'invalid_encrypted_content', 'encrypted_content_foreign'],
    [503, 'server_is_overloaded', 'overloaded'],
    [400, 'websocket_connection_limit_reached', 'connection_limit'],
    [401, 'invalid_api_key', 'auth_expired'],
    [500, 'server_error', 'upstream_unavailable'],
  ] as const)('%i %s', (status, code, expected) => {
    expect(RECOVERY[classify(shape(status, { code, message: 'x' }), NOW).class].shownAs).toBe(expected);
  });
});

describe('when the account is back', () => {
  const reset = (body: object, headers: Readonly<Record<string, string>> = {}) =>
    classify(answer(429, { error: { type: 'usage_limit_reached', ...body } }, headers), NOW).resetAt;
  const inSeconds = (seconds: number): number => NOW + seconds * 1000;

  test.each([
    ['a time in seconds', { resets_at: inSeconds(60) / 1000 }, {}, 60],
    ['a time in milliseconds', { resets_at: inSeconds(60) }, {}, 60],
    ['a number of seconds', { resets_in_seconds: 90 }, {}, 90],
    ['retry-after-ms', {}, { 'retry-after-ms': '1500' }, 1.5],
    ['retry-after in seconds', {}, { 'retry-after': '7' }, 7],
    ['retry-after as a date', {}, { 'retry-after': new Date(inSeconds(30)).toUTCString() }, 30],
    ['words in seconds', { message: 'Please try again in 1.9s.' }, {}, 1.9],
    ['words in milliseconds', { message: 'Please try again in 20ms.' }, {}, 0.02],
    ['words in minutes', { message: 'try again in 3 minutes' }, {}, 180],
    [
      'the window that is full',
      {},
      { 'x-codex-primary-used-percent': '100', 'x-codex-primary-reset-at': String(inSeconds(500) / 1000) },
      500,
    ],
  ] as const)('%s', (_name, body, headers, seconds) => {
    expect(reset(body, headers)).toBe(inSeconds(seconds));
  });

  test.each([
    ['in the past', { resets_at: inSeconds(-5) / 1000 }],
    ['absurdly far away', { resets_at: inSeconds(400 * 86_400) / 1000 }],
    ['no number', { resets_at: 'soon' }],
    ['missing', {}],
  ])('a time that is %s blocks for five minutes, not for ever', (_name, body) => {
    expect(reset(body)).toBe(inSeconds(300));
  });
});

test('an error that names its code only in a header is understood', () => {
  const packed = Buffer.from(JSON.stringify({ error: { code: 'invalid_workspace_selected' } })).toString(
    'base64',
  );
  expect(classify(answer(403, '', { 'x-error-json': packed }), NOW)).toMatchObject({
    class: 'account_forbidden',
    code: 'invalid_workspace_selected',
  });
  expect(classify(answer(403, '', { 'x-error-json': '%%%' }), NOW).class).toBe('forbidden_unexplained');
});

test('slow_down inside a stream, where there is no status, speaks of the service', () => {
  const failed = { type: 'response.failed', response: { error: { code: 'slow_down', message: 'x' } } };
  expect(classify({ via: 'frame', event: failed }, NOW).class).toBe('overloaded');
});

const upgrade = (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}) =>
  classify({ via: 'upgrade', status, body, headers }, NOW).class;

test.each([
  [400, 'Bad Request'],
  [403, ''],
  [403, '<html>Forbidden</html>'],
  [404, { detail: 'Not Found' }],
  [405, { detail: 'Method Not Allowed' }],
  [426, ''],
  [200, 'hello'],
  [302, ''],
  [500, 'Internal Server Error'],
  [501, ''],
  [503, '<html>busy</html>'],
])('a handshake answered with %i %j says nothing about the account', (status, body) => {
  expect(upgrade(status, body)).toBe('upgrade_refused');
});

test.each([
  [429, { error: { type: 'usage_limit_reached' } }, 'quota'],
  [403, { error: { type: 'usage_limit_reached' } }, 'quota'],
  [401, { detail: 'Unauthorized' }, 'auth_expired'],
  [402, { detail: { code: 'deactivated_workspace' } }, 'account_forbidden'],
  [403, { detail: { code: 'invalid_workspace_selected' } }, 'account_forbidden'],
  [403, { error: { code: 'something_else', message: 'no' } }, 'forbidden_unexplained'],
  [503, { error: { code: 'server_is_overloaded' } }, 'overloaded'],
])('a handshake answered with %i %j speaks of the account or the service', (status, body, expected) => {
  expect(upgrade(status, body)).toBe(expected);
});
