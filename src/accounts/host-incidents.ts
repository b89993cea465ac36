/**
 * Whether a refusal concerns an account or this host: the same one on a second account within a minute is the host's
 * trouble (a firewall, a login service that refuses everybody), and no account is to pay for it. An account that is
 * refused again after another one was served is refused for reasons of its own.
 */
import type { AccountId } from '../domain/ids.ts';

const SAME_WITHIN_MS = 60_000;

interface Seen {
  /** When each was refused last, counted in refusals and answers: several come within a millisecond. */
  readonly accounts: Map<AccountId, number>;
  lastAt: number;
}

export interface Verdict {
  /** `host`: another account was refused in the same words. */
  readonly whose: 'account' | 'host';
  /** All that were; what is held against them for it is to be lifted. */
  readonly accounts: readonly AccountId[];
}

export class HostIncidents {
  readonly #seen = new Map<string, Seen>();
  #count = 0;
  #served: { readonly by: AccountId; readonly count: number } | undefined;

  served(id: AccountId): void {
    this.#count += 1;
    this.#served = { by: id, count: this.#count };
  }

  /** Notes the refusal. */
  refused(id: AccountId, words: string, now: number): Verdict {
    this.#count += 1;
    for (const [key, { lastAt }] of this.#seen) if (now - lastAt > SAME_WITHIN_MS) this.#seen.delete(key);
    const seen = this.#seen.get(words) ?? { accounts: new Map<AccountId, number>(), lastAt: now };
    this.#seen.set(words, seen);
    seen.lastAt = now;
    const before = seen.accounts.get(id);
    seen.accounts.set(id, this.#count);
    if (before !== undefined && this.#otherServedSince(id, before))
      return { whose: 'account', accounts: [id] };
    return { whose: seen.accounts.size > 1 ? 'host' : 'account', accounts: [...seen.accounts.keys()] };
  }

  #otherServedSince(id: AccountId, count: number): boolean {
    return this.#served !== undefined && this.#served.by !== id && this.#served.count > count;
  }
}
