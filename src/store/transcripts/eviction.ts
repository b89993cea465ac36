/**
 * Makes room on the disk: conversations go as a whole, least recently used first, and no more of them than needed.
 * None that is in use goes, even where the bound is passed for it: a turn would be stored behind a history that is
 * gone. Those that were used a moment ago are the last to go, because they are the last in that order.
 */

import type { Writer } from '../writer/writer.ts';
import { keyOf } from './node.ts';
import type { TranscriptRows, Tree } from './rows.ts';

/** Conversations removed per transaction: enough to get ahead, few enough not to hold up a turn's commit. */
const BATCH = 32;
const UNUSED_MS = 2 * 24 * 3600 * 1000;

export interface EvictionOptions {
  readonly rows: TranscriptRows;
  readonly writer: Writer;
  readonly now: () => number;
  readonly maxBytes: number;
  /** Turns that are in use, or were so lately that the disk does not know of it yet. */
  readonly inUse: { size(): number; has(key: string): boolean };
  /** From now on nobody may find these turns. */
  readonly onLeaving: (keys: readonly string[]) => void;
}

export class TranscriptEviction {
  readonly #options: EvictionOptions;
  /**
   * Turns that are being removed. Who goes is decided here, in one step with what is in use: a turn that begins after
   * that finds nothing, instead of a history that is removed under its feet.
   */
  readonly #leaving = new Set<string>();

  #state: 'open' | 'stopped' = 'open';

  constructor(options: EvictionOptions) {
    this.#options = options;
  }

  isLeaving(key: string): boolean {
    return this.#leaving.has(key);
  }

  /** Nothing is read after this. */
  stop(): void {
    this.#state = 'stopped';
  }

  async run(): Promise<void> {
    while (this.#state === 'open') {
      const chosen = this.#choose();
      if (chosen.length === 0) return;
      const keys = chosen.flatMap((one) => one.keys);
      for (const key of keys) this.#leaving.add(key);
      this.#options.onLeaving(keys);
      const result = await this.#options.writer.write(
        this.#options.rows.remove(chosen.map(({ tree }) => tree)),
      );
      for (const key of keys) this.#leaving.delete(key);
      if (result.kind === 'dropped') return;
    }
  }

  #choose(): readonly { readonly tree: Tree; readonly keys: readonly string[] }[] {
    const { rows, now, maxBytes, inUse } = this.#options;
    const unusedSince = now() - UNUSED_MS;
    let excessBytes = rows.totalBytes() - maxBytes;
    const chosen: { readonly tree: Tree; readonly keys: readonly string[] }[] = [];
    // What is in use keeps at most one conversation each: among so many there are enough that may go.
    for (const tree of rows.leastRecentlyUsed(BATCH + inUse.size())) {
      if (chosen.length === BATCH || (excessBytes <= 0 && tree.lastUsedAt >= unusedSince)) break;
      const keys = rows.responsesOf(tree).map((id) => keyOf(tree.tenant, id));
      if (keys.some((key) => inUse.has(key))) continue;
      chosen.push({ tree, keys });
      excessBytes -= tree.bytes;
    }
    return chosen;
  }
}
