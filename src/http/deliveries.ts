/**
 * How many answers and sockets clients still read from: a server that stops waits for them, because the end of a turn
 * is not the end of its answer. Knows nothing of what they carry.
 */
export class Deliveries {
  #open = 0;
  #emptied: (() => void) | undefined;

  /** The returned function ends it; a second call does nothing. */
  begin(): () => void {
    this.#open += 1;
    let state: 'open' | 'ended' = 'open';
    return () => {
      if (state === 'ended') return;
      state = 'ended';
      this.#open -= 1;
      if (this.#open === 0) this.#emptied?.();
    };
  }

  /** Resolves when nothing is open any more, and after `limitMs` in any case. */
  async settled(limitMs: number): Promise<void> {
    if (this.#open === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#emptied = resolve;
    const timer = setTimeout(resolve, limitMs);
    await promise;
    clearTimeout(timer);
  }
}
