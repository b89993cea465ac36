/**
 * What a mark does to an account: for how long it is out, as a whole or for one model. Pure; the pool applies it.
 */
import type { AccountChanges, AccountRow, ModelBlock } from '../store/account-row.ts';
import type { Failure } from '../turn/failure.ts';
import type { Mark } from '../turn/recovery.ts';
import { statusOf } from './account.ts';

const MODEL_BLOCK_MS = 6 * 3_600_000;
const EXHAUSTED_MS = 5 * 60_000;
const SHORTEST_COOLING_MS = 1000;
const LONGEST_COOLING_MS = 60_000;
const SUSPENDED_MS = 60_000;
const LONGEST_SUSPENSION_MS = 24 * 3_600_000;
/** A shut workspace is often open again at once, seldom within the hour, and then not for a day. */
const SUSPENSION_STEPS = [1, 6, 144];

export type Block =
  | { readonly on: 'nothing' }
  | { readonly on: 'model'; readonly block: ModelBlock }
  | { readonly on: 'account'; readonly changes: AccountChanges };

const NOTHING: Block = { on: 'nothing' };

export function blockFor(
  row: AccountRow,
  mark: Mark,
  about: { failure: Failure; model: string },
  now: number,
): Block {
  const { failure, model } = about;
  if (mark === 'none') return NOTHING;
  if (mark === 'model_not_in_plan') {
    return { on: 'model', block: { model, untilAt: now + MODEL_BLOCK_MS, reason: 'plan' } };
  }
  // The allowance of one family of models is used up; the account goes on serving the others.
  if (mark === 'exhausted' && failure.bucket !== undefined) {
    const untilAt = failure.resetAt ?? now + EXHAUSTED_MS;
    return { on: 'model', block: { model, untilAt, reason: 'quota' } };
  }
  const current = statusOf({ ...row, paused: false }, now);
  // A short rest never shortens a long one, and fifty turns that meet the same wall mark it once.
  if (current !== 'ready' && (mark === 'cooling' || current === mark)) return NOTHING;
  return {
    on: 'account',
    changes: {
      status: mark,
      statusReason: failure.code,
      statusSince: now,
      availableAt: blockedUntil(row, mark, failure.resetAt, now),
      strikes: mark === 'exhausted' ? row.strikes : row.strikes + 1,
    },
  };
}

function blockedUntil(row: AccountRow, mark: Mark, resetAt: number | undefined, now: number) {
  switch (mark) {
    case 'exhausted':
      return resetAt ?? now + EXHAUSTED_MS;
    case 'cooling': {
      const growing = Math.min(SHORTEST_COOLING_MS * 2 ** row.strikes, LONGEST_COOLING_MS);
      return Math.max(resetAt ?? 0, now + growing);
    }
    case 'suspended': {
      const first = Math.max((resetAt ?? 0) - now, SUSPENDED_MS);
      const step = SUSPENSION_STEPS[Math.min(row.strikes, SUSPENSION_STEPS.length - 1)] ?? 1;
      return now + Math.min(first * step, LONGEST_SUSPENSION_MS);
    }
    default:
      return undefined;
  }
}

/** Nothing holds the account back any more. */
export const FREED: AccountChanges = {
  status: 'ready',
  statusReason: undefined,
  statusSince: undefined,
  availableAt: undefined,
};
