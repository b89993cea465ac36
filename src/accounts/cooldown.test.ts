import { describe, expect, test } from 'vitest';
import { accountRow as row } from '../../test/support/account-row.ts';
import type { AccountRow } from '../domain/account.ts';
import type { Failure } from '../turn/failure.ts';
import type { Mark } from '../turn/recovery.ts';
import { blockFor, READY } from './cooldown.ts';
import type { QuotaReading } from './quota.ts';
import { changesBy } from './quota-changes.ts';

const NOW = 1_800_000_000_000;
const MINUTE = 60_000;

const failure = (more: Partial<Failure> = {}): Failure => ({
  class: 'quota',
  via: 'http',
  code: 'usage_limit_reached',
  message: '',
  ...more,
});
const tooFast = failure({ class: 'rate_limit_transient', code: 'rate_limit_exceeded' });
const block = (of: AccountRow, mark: Mark, seen: Failure) =>
  blockFor(of, mark, { failure: seen, model: 'm' }, NOW);
const until = (of: AccountRow, mark: Mark, seen: Failure): number | undefined => {
  const made = block(of, mark, seen);
  return made.on === 'account' ? (made.changes.availableAt ?? 0) - NOW : undefined;
};

describe('a block lasts', () => {
  test.each<[string, AccountRow, Mark, Failure, number | undefined]>([
    ['until the reset that upstream names', row(), 'exhausted', failure({ resetAt: NOW + 7 }), 7],
    ['five minutes where it names none', row(), 'exhausted', failure(), 5 * MINUTE],
    ['a second at first when it was too fast', row(), 'cooling', tooFast, 1000],
    ['twice as long each time', row({ strikes: 3 }), 'cooling', tooFast, 8000],
    ['a minute at most', row({ strikes: 30 }), 'cooling', tooFast, MINUTE],
    [
      'ten minutes for a shut workspace',
      row(),
      'suspended',
      failure({ resetAt: NOW + 10 * MINUTE }),
      10 * MINUTE,
    ],
    [
      'an hour the second time',
      row({ strikes: 1 }),
      'suspended',
      failure({ resetAt: NOW + 10 * MINUTE }),
      60 * MINUTE,
    ],
    [
      'a day the third',
      row({ strikes: 2 }),
      'suspended',
      failure({ resetAt: NOW + 10 * MINUTE }),
      1440 * MINUTE,
    ],
    [
      'as it did, when the account is out already',
      row({ status: 'exhausted', availableAt: NOW + 1 }),
      'cooling',
      failure(),
      undefined,
    ],
  ])('%s', (_, of, mark, seen, expected) => {
    expect(until(of, mark, seen)).toBe(expected);
  });
});

test('a model that the plan lacks, or whose own allowance is used up, is the only one that is blocked', () => {
  expect(block(row(), 'model_not_in_plan', failure())).toMatchObject({
    block: { model: 'm', reason: 'plan' },
  });
  const spark = failure({ bucket: 'codex_spark', resetAt: NOW + 5 });
  expect(block(row(), 'exhausted', spark)).toEqual({
    on: 'model',
    block: { model: 'm', untilAt: NOW + 5, reason: 'quota' },
  });
});

const reading = (percent: number, limit: QuotaReading['limit'] = 'unsaid'): QuotaReading => ({
  windows: [{ name: '5h', usedPercent: percent, resetsAt: NOW + MINUTE, seenAt: NOW }],
  plan: undefined,
  limit,
});
const OUT = row({ status: 'exhausted', statusSince: NOW - MINUTE, availableAt: NOW + 60 * MINUTE });
const asked = { askedAt: NOW, now: NOW };

test('a reading below the limit frees an account, unless it is older than the block', () => {
  expect(changesBy(OUT, reading(99), asked)).toEqual(READY);
  expect(changesBy(OUT, reading(99), { askedAt: NOW - 2 * MINUTE, now: NOW })).toEqual({});
  expect(changesBy(OUT, reading(100), asked)).toEqual({});
  expect(changesBy(OUT, reading(50, 'reached'), asked)).toEqual({});
  expect(changesBy(row({ status: 'needs_login' }), reading(1), asked)).toEqual({});
});

test('a reading that says the limit is reached takes an account out until its reset', () => {
  expect(changesBy(row(), reading(100, 'reached'), asked)).toMatchObject({
    status: 'exhausted',
    availableAt: NOW + MINUTE,
  });
  expect(changesBy(row(), reading(100), asked)).toEqual({});
});
