/**
 * Which access tokens upstream has refused. A refused token is never shown again before it was refreshed, and one that
 * is refused right after its refresh is not refreshed once more: the refresh is not what it lacks.
 */
import type { AccountId } from '../ids.ts';
import type { AccountRow } from '../store/account-row.ts';
import { bearerOf } from './account.ts';

const JUST_REFRESHED_MS = 5 * 60_000;

export class TokenUse {
  readonly #rejected = new Map<AccountId, string>();
  readonly #refreshedAt = new Map<AccountId, number>();

  /** `replaced`: the account has another token by now. */
  rejected(row: AccountRow, bearer: string, now: number): 'replaced' | 'just_refreshed' | 'refreshable' {
    if (bearerOf(row) !== bearer) return 'replaced';
    this.#rejected.set(row.id, bearer);
    const lately = now - (this.#refreshedAt.get(row.id) ?? 0) < JUST_REFRESHED_MS;
    return lately ? 'just_refreshed' : 'refreshable';
  }

  refreshed(id: AccountId, now: number): void {
    this.#refreshedAt.set(id, now);
    this.#rejected.delete(id);
  }

  /** A key has nothing to refresh: it is tried again as it is. */
  isRejected(row: AccountRow): boolean {
    return row.kind === 'chatgpt' && this.#rejected.get(row.id) === bearerOf(row);
  }
}
