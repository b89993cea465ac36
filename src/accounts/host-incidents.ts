/**
 * Whether a refusal concerns an account or this host: the same one on a second account within a minute is the host's
 * trouble (a firewall, a login service that refuses everybody), and no account is to pay for it.
 */
import type { AccountId } from '../domain/ids.ts';

const SAME_WITHIN_MS = 60_000;

interface Seen {
  readonly accounts: Set<AccountId>;
  lastAt: number;
}

export class HostIncidents {
  readonly #seen = new Map<string, Seen>();

  /** An account was served: this host is not refused, and what was refused so far concerns its account. */
  served(): void {
    this.#seen.clear();
  }

  /**
   * Notes the refusal. `host`: another account was refused in the same words; `accounts` are all that were, and what
   * is held against them for it is to be lifted.
   */
  refused(
    id: AccountId,
    words: string,
    now: number,
  ): { readonly whose: 'account' | 'host'; readonly accounts: readonly AccountId[] } {
    for (const [key, { lastAt }] of this.#seen) if (now - lastAt > SAME_WITHIN_MS) this.#seen.delete(key);
    const seen = this.#seen.get(words) ?? { accounts: new Set<AccountId>(), lastAt: now };
    this.#seen.set(words, seen);
    seen.accounts.add(id);
    seen.lastAt = now;
    return { whose: seen.accounts.size > 1 ? 'host' : 'account', accounts: [...seen.accounts] };
  }
}
