import { expect, test } from 'vitest';
import { accountRow } from '../../test/support/account-row.ts';
import type { AccountRow } from '../domain/account.ts';
import { freshnessOf } from './credentials.ts';
import { isLoginCheckDue, isRenewalDue, isUsageDue } from './maintenance.ts';

const NOW = 1_800_000_000_000;
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

const row = (more: Partial<AccountRow> = {}): AccountRow =>
  accountRow({
    credentials: { kind: 'chatgpt', accessToken: 'x', refreshToken: 'rt', accessExpiresAt: NOW + 9 * DAY },
    lastUsedAt: NOW - MINUTE,
    ...more,
  });
const endsIn = (ms: number, lifeMs?: number): AccountRow =>
  row({
    credentials: {
      kind: 'chatgpt',
      accessToken: 'x',
      refreshToken: 'rt',
      accessExpiresAt: NOW + ms,
      ...(lifeMs === undefined ? {} : { accessIssuedAt: NOW + ms - lifeMs }),
    },
  });

test.each([
  ['far from its end', endsIn(9 * DAY), 'fresh'],
  ['a day before its end, give or take six hours', endsIn(17 * 60 * MINUTE), 'ageing'],
  ['minutes before its end', endsIn(4 * MINUTE), 'stale'],
  ['after its end', endsIn(-1), 'expired'],
  ['a token of one hour in its first half', endsIn(31 * MINUTE, 60 * MINUTE), 'fresh'],
  ['a token of one hour in its second half', endsIn(29 * MINUTE, 60 * MINUTE), 'ageing'],
  ['a token of eight minutes with three left', endsIn(3 * MINUTE, 8 * MINUTE), 'ageing'],
  ['an API key, always', row({ kind: 'api_key', credentials: { kind: 'api_key', apiKey: 'sk' } }), 'fresh'],
])('a login is judged: %s', (_, account, freshness) => {
  expect(freshnessOf(account, NOW)).toBe(freshness);
});

test('a login that ages is renewed, unless that was begun, is impossible or is no use', () => {
  const ageing = endsIn(MINUTE);
  expect(isRenewalDue(ageing, NOW)).toBe(true);
  expect(isRenewalDue(row(), NOW)).toBe(false);
  expect(isRenewalDue({ ...ageing, renewingSince: NOW - DAY }, NOW)).toBe(false);
  expect(isRenewalDue({ ...ageing, status: 'needs_login' }, NOW)).toBe(false);
  expect(
    isRenewalDue(
      { ...ageing, credentials: { kind: 'chatgpt', accessToken: 'x', accessExpiresAt: NOW } },
      NOW,
    ),
  ).toBe(false);
});

test('usage is asked for only of accounts in use or blocked of which nothing was heard lately', () => {
  const at = { now: NOW, spread: 0.5 };
  const heard = (agoMs: number) => [{ name: '5h', usedPercent: 1, seenAt: NOW - agoMs }];
  expect(isUsageDue(row({ windows: heard(6 * MINUTE) }), undefined, at)).toBe(true);
  expect(isUsageDue(row({ windows: heard(4 * MINUTE) }), undefined, at)).toBe(false);
  expect(isUsageDue(row({ lastUsedAt: NOW - DAY }), undefined, at)).toBe(false);
  expect(isUsageDue(row({ kind: 'api_key' }), undefined, at)).toBe(false);
  expect(isUsageDue(row({ paused: true }), undefined, at)).toBe(false);
  const blocked = row({ status: 'exhausted', availableAt: NOW + DAY, lastUsedAt: 0, windows: heard(0) });
  expect(isUsageDue(blocked, undefined, at)).toBe(true);
  expect(isUsageDue(blocked, { at: NOW - 6 * MINUTE, refusals: 0 }, at)).toBe(true);
  expect(isUsageDue(blocked, { at: NOW - 6 * MINUTE, refusals: 1 }, at)).toBe(false);
});

test('a refused login is asked again every ten minutes, as long as its token lasts', () => {
  const refused = row({ status: 'needs_login', statusSince: NOW - 11 * MINUTE });
  expect(isLoginCheckDue(refused, undefined, NOW)).toBe(true);
  expect(isLoginCheckDue(refused, NOW - 9 * MINUTE, NOW)).toBe(false);
  expect(isLoginCheckDue({ ...refused, statusSince: NOW - MINUTE }, undefined, NOW)).toBe(false);
  expect(isLoginCheckDue({ ...refused, paused: true }, undefined, NOW)).toBe(false);
  expect(isLoginCheckDue(row(), undefined, NOW)).toBe(false);
  const ended = endsIn(-1);
  expect(isLoginCheckDue({ ...refused, credentials: ended.credentials }, undefined, NOW)).toBe(false);
});
