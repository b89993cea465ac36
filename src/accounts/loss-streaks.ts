/**
 * Losses in a row: an account whose every connection ends without an answer takes no new sessions for a short, growing
 * time. One loss says nothing about an account; three without an answer between them do.
 */
import type { AccountId } from '../domain/ids.ts';

const LOSSES_TO_REST = 3;
const FIRST_REST_MS = 5000;
const MAX_REST_MS = 5 * 60_000;

interface Streak {
  losses: number;
  rests: number;
  untilAt: number;
}

export class LossStreaks {
  readonly #streaks = new Map<AccountId, Streak>();

  /** Gives how long the account rests from now on; undefined while it goes on as before. */
  lost(id: AccountId, now: number): number | undefined {
    const streak = this.#streaks.get(id) ?? { losses: 0, rests: 0, untilAt: 0 };
    this.#streaks.set(id, streak);
    streak.losses += 1;
    // What was lost while it rests was sent before, or for want of another account.
    if (streak.losses < LOSSES_TO_REST || this.isResting(id, now)) return undefined;
    const restMs = Math.min(FIRST_REST_MS * 2 ** streak.rests, MAX_REST_MS);
    streak.rests += 1;
    streak.untilAt = now + restMs;
    return restMs;
  }

  answered(id: AccountId): void {
    this.#streaks.delete(id);
  }

  isResting(id: AccountId, now: number): boolean {
    const untilAt = this.#streaks.get(id)?.untilAt ?? 0;
    return untilAt > now && untilAt <= now + MAX_REST_MS;
  }
}
