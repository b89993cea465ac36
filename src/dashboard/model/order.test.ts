import { expect, test } from 'vitest';
import type { AccountWire } from '../../admin-api/account.ts';
import { inServingOrder, verdictOf } from './order.ts';

const account = (id: string, more: Partial<AccountWire> = {}) =>
  ({
    id,
    status: 'ready',
    priority: 0,
    max_used_percent: 100,
    windows: [],
    available_at: null,
    last_given: 0,
    urgency: 0,
    ...more,
  }) as unknown as AccountWire;

const order = (...accounts: readonly AccountWire[]) => inServingOrder(accounts).map((one) => one.id);
const window = (used: number, resets: number | null) => ({
  name: '5h',
  used_percent: used,
  window_minutes: 300,
  resets_at: resets,
});

test('ready accounts come first, by priority, then by who has waited longest', () => {
  expect(
    order(
      account('spent', { status: 'exhausted', available_at: 50 }),
      account('recent', { last_given: 20 }),
      account('waiting', { last_given: 10 }),
      account('first', { priority: 5, last_given: 30 }),
    ),
  ).toEqual(['first', 'waiting', 'recent', 'spent']);
});

test('an account that would lose more comes before one that has waited longer, a close one does not', () => {
  expect(
    order(
      account('calm', { urgency: 1, last_given: 1 }),
      account('urgent', { urgency: 5, last_given: 9 }),
      account('close', { urgency: 4.5, last_given: 2 }),
    ),
  ).toEqual(['close', 'urgent', 'calm']);
});

test('an account above its ceiling comes after all that take new conversations', () => {
  const full = account('full', { priority: 9, max_used_percent: 80, windows: [window(85, null)] });
  expect(order(full, account('open'))).toEqual(['open', 'full']);
});

test('blocked accounts come in the order of their return, paused ones last', () => {
  expect(
    order(
      account('paused', { status: 'paused' }),
      account('login', { status: 'needs_login' }),
      account('later', { status: 'exhausted', available_at: 90 }),
      account('sooner', { status: 'exhausted', available_at: 40 }),
      account('cooling', { status: 'cooling', available_at: 99 }),
    ),
  ).toEqual(['cooling', 'sooner', 'later', 'login', 'paused']);
});

test('the verdict names the next return before the next reset, and nothing that is past', () => {
  const spent = account('a', { status: 'exhausted', available_at: 60, windows: [window(100, 20)] });
  const ready = account('b', { windows: [window(10, 5)] });
  expect(verdictOf([spent, ready], 10_000)).toMatchObject({
    tone: 'warn',
    ready: 1,
    total: 2,
    next: { what: 'back', at: 60 },
  });
  expect(verdictOf([ready], 1000)).toMatchObject({ tone: 'good', next: { what: 'reset', at: 5 } });
  expect(verdictOf([ready], 10_000).next).toBeUndefined();
});

test('a paused account is no reason to worry, none that is ready is one', () => {
  expect(verdictOf([account('a'), account('b', { status: 'paused' })], 0).tone).toBe('good');
  expect(verdictOf([account('a', { status: 'needs_login' })], 0).tone).toBe('bad');
});
