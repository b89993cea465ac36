import { expect, test } from 'vitest';
import type { Tenant } from '../domain/ids.ts';
import type { KeyLimits } from '../domain/key.ts';
import { type Admission, KeyRateLimiter } from './key-rate-limiter.ts';

const KEY = 'key_1' as Tenant;
const NOON = Date.UTC(2026, 0, 5, 12);
const keyLimiter = (limits: KeyLimits | undefined, tokens = 0): KeyRateLimiter =>
  new KeyRateLimiter({ limitsOf: () => limits, tokensSince: () => tokens });
const codeOf = (admission: Admission) => (admission.ok ? 'in' : admission.refused.error.code);
const headersOf = (admission: Admission) => (admission.ok ? {} : admission.refused.headers);

test('without limits everybody is let in', () => {
  const free = keyLimiter(undefined);
  for (let n = 0; n < 1000; n += 1) expect(free.enter(KEY, NOON).ok).toBe(true);
});

test('the minute slides, and the refusal says when there is room again', () => {
  const two = keyLimiter({ requestsPerMinute: 2 });
  expect([0, 10_000, 20_000].map((ms) => codeOf(two.enter(KEY, NOON + ms)))).toEqual([
    'in',
    'in',
    'rate_limit_exceeded',
  ]);
  expect(headersOf(two.enter(KEY, NOON + 20_000))).toEqual({ 'retry-after': '40' });
  expect(codeOf(two.enter(KEY, NOON + 60_000))).toBe('in');
  expect(codeOf(two.enter(KEY, NOON + 60_001))).toBe('rate_limit_exceeded');
});

test('a turn gives its place back once', () => {
  const one = keyLimiter({ concurrentTurns: 1 });
  const first = one.enter(KEY, NOON);
  expect(codeOf(one.enter(KEY, NOON))).toBe('rate_limit_exceeded');
  if (first.ok) {
    first.leave();
    first.leave();
  }
  expect(one.used(KEY, NOON).concurrentTurns).toBe(0);
  expect(codeOf(one.enter(KEY, NOON))).toBe('in');
});

test('the tokens of a day count from what was kept, until midnight in UTC', () => {
  const hundred = keyLimiter({ tokensPerDay: 100 }, 90);
  expect(codeOf(hundred.enter(KEY, NOON))).toBe('in');
  hundred.spent(KEY, 10, NOON);
  const refused = hundred.enter(KEY, NOON);
  expect(codeOf(refused)).toBe('insufficient_quota');
  expect(headersOf(refused)).toEqual({ 'x-should-retry': 'false' });
  expect(codeOf(hundred.enter(KEY, Date.UTC(2026, 0, 6)))).toBe('in');
});

test('tenants do not share what they use', () => {
  const one = keyLimiter({ requestsPerMinute: 1 });
  one.enter(KEY, NOON);
  expect(codeOf(one.enter('key_2' as Tenant, NOON))).toBe('in');
});
