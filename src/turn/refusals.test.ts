import { expect, test } from 'vitest';
import type { AccountId } from '../domain/ids.ts';
import { classify } from './classify.ts';
import type { Failure } from './failure.ts';
import { type AskedBy, refusalAfterOutput, refusalFor } from './refusals.ts';
import type { Binding, Reason, Unavailable } from './states.ts';

const NOW = 1_800_000_000_000;
const ASKED: AskedBy = { client: 'generic', door: 'json', previousResponseId: 'resp_1', model: 'gpt-5.5' };
const OWNER: Binding = { kind: 'owner', account: 'a' as AccountId };

const nobody = (
  reason: Unavailable,
  more: { binding?: Binding; last?: Failure; passing?: Failure } = {},
): Reason => ({
  kind: 'unavailable',
  reason,
  binding: more.binding ?? { kind: 'free' },
  last: more.last,
  passing: more.passing,
});
const failed = (failure: Failure, binding: Binding = { kind: 'free' }): Reason => ({
  kind: 'failure',
  failure,
  binding,
});
const failure = (status: number, error: object): Failure =>
  classify({ via: 'http', status, headers: {}, body: { error } }, NOW);
const tell = (reason: Reason, asked: Partial<AskedBy> = {}) =>
  refusalFor(reason, { ...ASKED, ...asked }, NOW);

test('everybody out of quota: the message that Codex shows, with the reset of the first to return', () => {
  const far = tell(nobody({ why: 'exhausted', resetAt: NOW + 900_000, plan: 'plus' }));
  expect(far).toMatchObject({
    status: 429,
    error: {
      type: 'usage_limit_reached',
      code: 'usage_limit_reached',
      plan_type: 'plus',
      resets_at: 1_800_000_900,
      resets_in_seconds: 900,
    },
    headers: { 'retry-after': '60', 'x-should-retry': 'false' },
  });
  const near = tell(nobody({ why: 'exhausted', resetAt: NOW + 20_000, plan: undefined }));
  expect(near.headers).toEqual({ 'retry-after': '20' });
});

test('everybody resting: when to come back', () => {
  expect(tell(nobody({ why: 'cooling', until: NOW + 4000 }))).toMatchObject({
    status: 429,
    error: { code: 'rate_limit_exceeded' },
    headers: { 'retry-after': '4' },
  });
});

test('nobody there, or nobody who returns by himself: what to do', () => {
  expect(tell(nobody({ why: 'no_accounts' }))).toMatchObject({
    status: 503,
    error: { code: 'no_accounts' },
    headers: { 'x-should-retry': 'false' },
  });
  expect(tell(nobody({ why: 'unusable' }))).toMatchObject({
    status: 503,
    error: { code: 'account_unavailable' },
  });
});

test('a conversation that cannot go on: 502, and for Codex the frame that makes it send everything once', () => {
  const lost = nobody({ why: 'exhausted', resetAt: NOW + 1000, plan: undefined }, { binding: OWNER });
  expect(tell(lost)).toMatchObject({ status: 502, error: { code: 'upstream_unavailable' } });
  expect(tell(lost, { door: 'ws' })).toMatchObject({ status: 502 });
  expect(tell(lost, { door: 'ws', client: 'codex' })).toMatchObject({
    status: 400,
    error: { code: 'previous_response_not_found', param: 'previous_response_id' },
  });
  const gone = failed(failure(400, { code: 'previous_response_not_found', message: 'x' }), OWNER);
  expect(tell(gone)).toMatchObject({ status: 502 });
});

test('input that is bound to an account that cannot serve', () => {
  const bound = nobody({ why: 'unusable' }, { binding: { kind: 'files', account: 'a' as AccountId } });
  expect(tell(bound)).toMatchObject({ status: 400, error: { code: 'account_bound_input' } });
});

test.each([
  [503, { code: 'server_is_overloaded' }, 503, 'server_is_overloaded'],
  [500, { message: 'x' }, 502, 'upstream_unavailable'],
  [401, { code: 'token_expired' }, 503, 'account_unavailable'],
  [402, { code: 'deactivated_workspace' }, 503, 'account_unavailable'],
  [403, {}, 503, 'account_unavailable'],
  [413, {}, 400, 'payload_too_large'],
  [429, { code: 'rate_limit_exceeded' }, 429, 'rate_limit_exceeded'],
] as const)('an upstream %i %o is told as %i %s', (status, error, told, code) => {
  expect(tell(failed(failure(status, error)))).toMatchObject({ status: told, error: { code } });
});

test.each([
  [
    400,
    { code: 'context_length_exceeded', message: 'too long', param: 'input', type: 'invalid_request_error' },
  ],
  [404, { code: 'not_found', message: 'no such thing', param: null, type: 'not_found_error' }],
  [422, { code: 'unprocessable', message: 'odd', param: null, type: 'invalid_request_error' }],
])('a request fault %i goes down in upstream’s own words', (status, error) => {
  expect(tell(failed(failure(status, error)))).toMatchObject({ status, error });
});

test('a backend’s short form becomes an error object, and is kept for the paths that know it', () => {
  const seen = classify(
    { via: 'http', status: 400, headers: {}, body: { detail: 'Instructions are required' } },
    NOW,
  );
  expect(tell(failed(seen))).toMatchObject({
    status: 400,
    error: { message: 'Instructions are required', type: 'invalid_request_error' },
    verbatim: { detail: 'Instructions are required' },
  });
});

test('after the last account the turn’s own failure is told, not the state of the pool', () => {
  const planLacks = classify(
    {
      via: 'http',
      status: 400,
      headers: {},
      body: { detail: "The 'x' model is not supported when using Codex with a ChatGPT account." },
    },
    NOW,
  );
  expect(tell(nobody({ why: 'model_not_served' }, { last: planLacks }))).toMatchObject({ status: 400 });
  expect(tell(nobody({ why: 'suspended', until: NOW + 60_000 }, { last: failure(403, {}) }))).toMatchObject({
    status: 503,
  });
  expect(tell(nobody({ why: 'tried_all' }, { last: failure(500, {}) }))).toMatchObject({ status: 502 });
});

test.each([
  ['a 500', failure(500, {}), 502, 'upstream_unavailable'],
  ['an overload', failure(503, { code: 'server_is_overloaded' }), 503, 'server_is_overloaded'],
  ['a lost stream', classify({ via: 'eof' }, NOW), 502, 'stream_incomplete'],
] as const)(
  '%s of one account is told as what it is when all others are out of quota',
  (_, passing, status, code) => {
    const reason = nobody(
      { why: 'exhausted', resetAt: NOW + 4 * 86_400_000, plan: 'plus' },
      { last: passing, passing },
    );
    expect(tell(reason)).toMatchObject({ status, error: { code } });
    expect(tell(reason).headers?.['x-should-retry']).toBeUndefined();
  },
);

test('a plan without the model waits for an account that is only out of quota', () => {
  const last = classify(
    { via: 'http', status: 404, headers: {}, body: { error: { code: 'model_not_found' } } },
    NOW,
  );
  const out = nobody({ why: 'exhausted', resetAt: NOW + 1000, plan: undefined }, { last });
  expect(tell(out)).toMatchObject({ status: 429, error: { code: 'usage_limit_reached' } });
});

test('a compaction waits for the account that can open it', () => {
  const binding: Binding = { kind: 'compaction', account: 'a' as AccountId };
  const resting = nobody({ why: 'exhausted', resetAt: NOW + 900_000, plan: undefined }, { binding });
  expect(tell(resting)).toMatchObject({ status: 429, error: { resets_in_seconds: 900 } });
  expect(tell(nobody({ why: 'unusable' }, { binding }))).toMatchObject({
    status: 429,
    error: { code: 'usage_limit_reached', resets_in_seconds: 60 },
  });
});

test('after output the client hears of the account it was served by, not of the whole pool', () => {
  const quota = refusalAfterOutput(failure(429, { type: 'usage_limit_reached' }), NOW);
  expect(quota.error).toMatchObject({ code: 'usage_limit_reached' });
  expect(quota.error.message).not.toMatch(/every/i);
  expect(refusalAfterOutput(failure(500, {}), NOW).error.code).toBe('stream_incomplete');
});
