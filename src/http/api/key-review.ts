/**
 * Ends what a key has opened when the key is revoked or expires: its sockets, and its turns that still run.
 */
import type { Keys } from '../../store/keys.ts';

/** Something that a key has opened; it asks itself whether the key still holds. */
export interface Reviewed {
  reviewKey(): void;
}

/** Longer than a timer can wait. */
const MAX_WAIT_MS = 24 * 3_600_000;

export class KeyReview {
  readonly #keys: Keys;
  readonly #open = new Set<Reviewed>();
  #timer: NodeJS.Timeout | undefined;

  constructor(keys: Keys) {
    this.#keys = keys;
    keys.watch(() => this.#review());
    this.#wait(Date.now());
  }

  /** Until the returned function is called. */
  add(one: Reviewed): () => void {
    this.#open.add(one);
    return () => void this.#open.delete(one);
  }

  #review(): void {
    // Taken first: a key that was still valid when it was asked has its end after this.
    const at = Date.now();
    for (const one of this.#open) one.reviewKey();
    this.#wait(at);
  }

  /** For the next key that expires after `at`. */
  #wait(at: number): void {
    clearTimeout(this.#timer);
    const ends = this.#keys.list().flatMap(({ expiresAt = 0 }) => (expiresAt > at ? [expiresAt] : []));
    if (ends.length === 0) return;
    const waitMs = Math.min(Math.max(0, Math.min(...ends) - Date.now()), MAX_WAIT_MS);
    this.#timer = setTimeout(() => this.#review(), waitMs).unref();
  }
}
