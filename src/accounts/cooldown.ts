/**
 * What a mark does to an account: for how long it is out, as a whole or for one model. Pure; the pool applies it.
 */
import type { AccountChanges, AccountRow, ModelBlock } from '../domain/account.ts';
import type { Failure } from '../turn/failure.ts';
import { type Mark, RECOVERY } from '../turn/recovery.ts';
import { statusOf } from './account.ts';

const MAX_GROWN_COOLING_MS = 60_000;
/** "Too fast" is a matter of seconds or minutes: what says more is not believed for longer than this. */
const MAX_COOLING_MS = 24 * 3_600_000;
const MAX_SUSPENSION_MS = 24 * 3_600_000;
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
  const untilAt = failure.resetAt ?? now + RECOVERY[failure.class].cooldownMs;
  if (mark === 'model_not_in_plan') return { on: 'model', block: { model, untilAt, reason: 'plan' } };
  // The quota of one family of models is used up; the account goes on serving the others.
  if (mark === 'exhausted' && failure.bucket !== undefined) {
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
      availableAt: blockedUntil(row, mark, untilAt, now),
      strikes: mark === 'exhausted' ? row.strikes : row.strikes + 1,
    },
  };
}

function blockedUntil(row: AccountRow, mark: Mark, untilAt: number, now: number): number | undefined {
  switch (mark) {
    case 'exhausted':
      return untilAt;
    case 'cooling': {
      const growing = Math.min(
        RECOVERY.rate_limit_transient.cooldownMs * 2 ** row.strikes,
        MAX_GROWN_COOLING_MS,
      );
      return Math.min(Math.max(untilAt, now + growing), now + MAX_COOLING_MS);
    }
    case 'suspended': {
      const first = Math.max(untilAt - now, RECOVERY.forbidden_unexplained.cooldownMs);
      const step = SUSPENSION_STEPS[Math.min(row.strikes, SUSPENSION_STEPS.length - 1)] ?? 1;
      return now + Math.min(first * step, MAX_SUSPENSION_MS);
    }
    default:
      return undefined;
  }
}

/** Nothing holds the account back any more. */
export const READY: AccountChanges = {
  status: 'ready',
  statusReason: undefined,
  statusSince: undefined,
  availableAt: undefined,
};
