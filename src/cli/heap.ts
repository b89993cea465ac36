/**
 * Keeps V8's heap near what is in use. Sized for programs that compute, it would grow to several times that before it
 * is collected: young objects to 64 MiB and more, old ones to the fourfold of what lives. A proxy's garbage
 * also keeps chunks of bytes outside the heap alive, and the full collections that V8 makes for their sake cost more
 * than many small ones.
 */
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

const YOUNG_BYTES = 16 * 1024 * 1024;
const LOOK_EVERY_MS = 1000;

/** The flags are read anew by every collection. */
export function boundHeap(): void {
  // Young space is small and little in it lives: starting threads for a collection costs more than it shortens the pause.
  setFlagsFromString('--no-parallel-scavenge');
  // Less would be paid for under load: what passes through counts as well, and each full collection walks all that lives.
  setFlagsFromString('--heap-growing-percent=200');
  let growth: 'allowed' | 'forbidden' = 'allowed';
  // That young space may not grow is all that can be said while V8 runs; after it has shrunk it may grow again.
  setInterval(() => {
    const young = getHeapSpaceStatistics().find((space) => space.space_name === 'new_space');
    const wanted = (young?.space_size ?? 0) >= YOUNG_BYTES ? 'forbidden' : 'allowed';
    if (wanted === growth) return;
    growth = wanted;
    setFlagsFromString(`--semi-space-growth-factor=${growth === 'forbidden' ? 1 : 2}`);
  }, LOOK_EVERY_MS).unref();
}
