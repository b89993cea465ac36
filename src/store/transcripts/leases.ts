/**
 * Which remembered turns are in use, and by how many. Where memory is all there is, it also keeps them: nothing else
 * would bring them back.
 */
import type { StoredNode } from './rows.ts';

interface Lease {
  holders: number;
  /** Undefined where the disk keeps it. */
  entry: StoredNode | undefined;
}

export class TranscriptLeases {
  readonly #leases = new Map<string, Lease>();

  get size(): number {
    return this.#leases.size;
  }

  has(key: string): boolean {
    return this.#leases.has(key);
  }

  /** A turn that has left the cache meanwhile. */
  kept(key: string): StoredNode | undefined {
    return this.#leases.get(key)?.entry;
  }

  change(key: string, entry: StoredNode): void {
    const lease = this.#leases.get(key);
    if (lease?.entry !== undefined) lease.entry = entry;
  }

  take(entries: ReadonlyMap<string, StoredNode | undefined>, onRelease: () => void): Disposable {
    for (const [key, entry] of entries) {
      const known = this.#leases.get(key);
      this.#leases.set(key, { holders: (known?.holders ?? 0) + 1, entry: known?.entry ?? entry });
    }
    let state: 'held' | 'released' = 'held';
    return {
      [Symbol.dispose]: () => {
        if (state === 'released') return;
        state = 'released';
        for (const key of entries.keys()) this.#release(key);
        onRelease();
      },
    };
  }

  #release(key: string): void {
    const lease = this.#leases.get(key);
    if (lease === undefined) return;
    lease.holders -= 1;
    if (lease.holders === 0) this.#leases.delete(key);
  }
}
