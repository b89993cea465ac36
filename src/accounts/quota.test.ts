import { expect, test } from 'vitest';
import { makeFrame } from '../protocol/frame.ts';
import {
  isMain,
  poolWindows,
  quotaFromFrame,
  quotaFromHeaders,
  quotaFromUsage,
  rateLimitsFrame,
  standing,
  usageBody,
} from './quota.ts';

const NOW = 1_800_000_000_000;
const RESET_S = NOW / 1000 + 600;

test('windows are named by their length, whichever slot they come in', () => {
  const free = quotaFromHeaders(
    {
      'x-codex-primary-used-percent': '12.5',
      'x-codex-primary-window-minutes': '10080',
      'x-codex-primary-reset-at': String(RESET_S),
      'x-codex-plan-type': 'free',
    },
    NOW,
  );
  expect(free).toMatchObject({
    plan: 'free',
    windows: [{ name: 'weekly', usedPercent: 12.5, resetsAt: RESET_S * 1000 }],
  });
});

test('the frame, the usage call and the headers say the same', () => {
  const primary = { used_percent: 41, window_minutes: 300, reset_at: RESET_S };
  const frame = quotaFromFrame(
    makeFrame({ type: 'codex.rate_limits', plan_type: 'plus', rate_limits: { primary, secondary: null } }),
    NOW,
  );
  const usage = quotaFromUsage(
    {
      plan_type: 'plus',
      rate_limit: {
        primary_window: { used_percent: 41, limit_window_seconds: 18_000, reset_at: RESET_S },
        secondary_window: null,
      },
    },
    NOW,
  );
  const headers = quotaFromHeaders(
    {
      'x-codex-plan-type': 'plus',
      'x-codex-primary-used-percent': '41',
      'x-codex-primary-window-minutes': '300',
      'x-codex-primary-reset-after-seconds': '600',
    },
    NOW,
  );
  expect(frame?.windows).toEqual([
    { name: '5h', usedPercent: 41, windowMinutes: 300, resetsAt: RESET_S * 1000, seenAt: NOW },
  ]);
  expect(usage).toEqual(frame);
  expect(headers).toEqual(frame);
});

test('another bucket is kept apart from the main one', () => {
  const spark = { primary: { used_percent: 100, window_minutes: 300 } };
  const own = quotaFromFrame(
    makeFrame({ type: 'codex.rate_limits', metered_limit_name: 'spark', rate_limits: spark }),
    NOW,
  );
  const beside = quotaFromUsage(
    { additional_rate_limits: [{ limit_name: 'spark', rate_limit: spark }] },
    NOW,
  );
  for (const reading of [own, beside]) {
    expect(reading?.windows.map((window) => [window.name, isMain(window)])).toEqual([['spark:5h', false]]);
    expect(reading?.limit).toBe('unsaid');
  }
  expect(
    quotaFromHeaders(
      {
        'x-codex-active-limit': 'spark',
        'x-codex-primary-used-percent': '100',
        'x-codex-primary-window-minutes': '300',
      },
      NOW,
    ),
  ).toBeUndefined();
});

test('a window is empty again once its reset has passed', () => {
  const window = { name: '5h', usedPercent: 100, windowMinutes: 300, resetsAt: NOW - 1, seenAt: NOW - 1000 };
  expect(standing(window, NOW).usedPercent).toBe(0);
  expect(standing({ ...window, resetsAt: NOW + 1 }, NOW).usedPercent).toBe(100);
});

test('the pool looks like one account: what is left over all, and the first reset', () => {
  const window = (usedPercent: number, resetsAt: number) => ({
    name: '5h',
    usedPercent,
    windowMinutes: 300,
    resetsAt,
    seenAt: NOW,
  });
  const pool = poolWindows([[window(100, NOW + 5000)], [window(0, NOW + 9000)], []], NOW);
  expect(pool).toMatchObject([{ name: '5h', usedPercent: 100 / 3, resetsAt: NOW + 5000 }]);
  const body = usageBody(pool, { accountId: 'x', plan: 'plus' }, NOW);
  expect(body).toMatchObject({
    account_id: 'x',
    plan_type: 'plus',
    rate_limit: {
      allowed: true,
      limit_reached: false,
      primary_window: { used_percent: 33, limit_window_seconds: 18_000, reset_after_seconds: 5 },
      secondary_window: null,
    },
  });
  const frame = JSON.parse(rateLimitsFrame(pool, 'plus', NOW).data.toString());
  expect(frame).toMatchObject({
    type: 'codex.rate_limits',
    rate_limits: { allowed: true, primary: { window_minutes: 300 }, secondary: null },
  });
});
