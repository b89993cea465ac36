/**
 * Ends what a key has opened when the key is revoked or expires: its sockets, and its turns that still run.
 */
import type { Keys } from '../store/keys.ts';

/** Something that a key has opened; it asks itself whether the key still holds. */
export interface Reviewed {
  reviewKey(): void;
}

/** Longer than a timer can wait. */
const LONGEST_WAIT_MS = 24 * 3_600_000;

export class KeyReview {
  readonly #keys: Keys;
  readonly #open = new Set<Reviewed>();
  #timer: NodeJS.Timeout | undefined;

  constructor(keys: Keys) {
    this.#keys = keys;
    keys.watch(() => this.#review());
    this.#wait();
  }

  /** Until the returned function is called. */
  add(one: Reviewed): () => void {
    this.#open.add(one);
    return () => void this.#open.delete(one);
  }

  #review(): void {
    for (const one of this.#open) one.reviewKey();
    this.#wait();
  }

  /** For the next key that expires. */
  #wait(): void {
    clearTimeout(this.#timer);
    const now = Date.now();
    const ends = this.#keys.list().flatMap(({ expiresAt = 0 }) => (expiresAt > now ? [expiresAt] : []));
    if (ends.length === 0) return;
    const waitMs = Math.min(Math.min(...ends) - now, LONGEST_WAIT_MS);
    this.#timer = setTimeout(() => this.#review(), waitMs).unref();
  }
}
