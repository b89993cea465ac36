/**
 * Which account would serve next, as the server decides for a new conversation, and the sentence that sums the pool
 * up. Pure.
 */
import type { AccountWire } from '../../admin-api/account.ts';

const LAST = Number.POSITIVE_INFINITY;

/** Accounts this close to the most urgent one of their priority share with it, as on the server. */
const AS_URGENT = 0.8;

const leastOf = (most: number): number => Math.min(most, most * AS_URGENT);

/** Ready ones by priority, by what they would lose, and by who has waited longest; then by when each is back; then those that need somebody. */
export function inServingOrder(accounts: readonly AccountWire[]): readonly AccountWire[] {
  const most = (priority: number): number =>
    Math.max(
      ...accounts.filter((one) => rankOf(one) === 0 && one.priority === priority).map((one) => one.urgency),
    );
  const isUrgent = (one: AccountWire): number => Number(one.urgency >= leastOf(most(one.priority)));
  return accounts.toSorted((a, b) => {
    const [first, second] = [rankOf(a), rankOf(b)];
    if (first !== second) return first - second;
    if (first > 1) return (a.available_at ?? LAST) - (b.available_at ?? LAST);
    return b.priority - a.priority || isUrgent(b) - isUrgent(a) || a.last_given - b.last_given;
  });
}

function rankOf(account: AccountWire): number {
  switch (account.status) {
    case 'ready':
      return isOverCeiling(account) ? 1 : 0;
    case 'cooling':
      return 2;
    case 'exhausted':
      return 3;
    case 'suspended':
      return 4;
    case 'needs_login':
      return 5;
    case 'paused':
      return 6;
  }
}

/** It keeps the sessions it has and takes no new ones. */
export function isOverCeiling({ windows, max_used_percent: ceiling }: AccountWire): boolean {
  return windows.some((window) => window.used_percent > ceiling);
}

export interface Verdict {
  readonly tone: 'good' | 'warn' | 'bad';
  readonly ready: number;
  readonly total: number;
  /** The next moment at which a blocked account is back; else at which a window of any is empty again. */
  readonly next: { readonly what: 'back' | 'reset'; readonly at: number } | undefined;
}

export function verdictOf(accounts: readonly AccountWire[], now: number): Verdict {
  const used = accounts.filter((account) => account.status !== 'paused');
  const ready = used.filter((account) => account.status === 'ready').length;
  const tone = ready === 0 ? 'bad' : ready < used.length ? 'warn' : 'good';
  const coming = (times: readonly (number | null)[]): number | undefined => {
    const future = times.filter((at) => at !== null).filter((at) => at > now / 1000);
    return future.length === 0 ? undefined : Math.min(...future);
  };
  const back = coming(used.map((account) => account.available_at));
  const reset = coming(used.flatMap((account) => account.windows.map((window) => window.resets_at)));
  const next =
    back !== undefined
      ? ({ what: 'back', at: back } as const)
      : reset !== undefined
        ? ({ what: 'reset', at: reset } as const)
        : undefined;
  return { tone, ready, total: accounts.length, next };
}
