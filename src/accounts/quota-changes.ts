/**
 * What a reading of an account's usage changes: its windows, its plan, and whether it is out or free again. Pure;
 * readings come from frames, headers and the usage call.
 */
import type { OwnCode } from '../admin-api/codes.ts';
import type { AccountChanges, AccountRow } from '../domain/account.ts';
import { RECOVERY } from '../turn/recovery.ts';
import { statusOf } from './account.ts';
import { READY } from './cooldown.ts';
import { isMain, type QuotaReading } from './quota.ts';

/** A reading in a turn's answer says nothing newer than the moment the turn was asked. */
export function changesBy(
  row: AccountRow,
  reading: QuotaReading,
  at: { readonly askedAt: number; readonly now: number },
): AccountChanges {
  const plan = reading.plan === undefined || reading.plan === row.plan ? {} : { plan: reading.plan };
  return { ...plan, ...standingBy(row, reading, at) };
}

function standingBy(
  row: AccountRow,
  reading: QuotaReading,
  { askedAt, now }: { readonly askedAt: number; readonly now: number },
): AccountChanges {
  const status = statusOf({ ...row, paused: false }, now);
  const main = reading.windows.filter(isMain);
  const full = main.filter((window) => window.usedPercent >= 100);
  if (status === 'ready' && reading.limit === 'reached') {
    const resets = full.map((window) => window.resetsAt ?? 0);
    const until = Math.max(...resets, 0);
    return {
      status: 'exhausted',
      statusReason: 'usage_limit_reached' satisfies OwnCode,
      statusSince: now,
      availableAt: until > now ? until : now + RECOVERY.quota.cooldownMs,
    };
  }
  const older = askedAt < (row.statusSince ?? 0);
  const spare = main.length > 0 && full.length === 0 && reading.limit !== 'reached';
  return status === 'exhausted' && spare && !older ? READY : {};
}
