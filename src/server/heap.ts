/**
 * Keeps V8's heap near what is in use. Sized for programs that compute, it would grow to several times that before it
 * is collected: young objects to 64 MiB and more, old ones to the fourfold of what lives. A proxy's garbage
 * also keeps chunks of bytes outside the heap alive, and the full collections that V8 makes for their sake cost more
 * than many small ones.
 */
import { performance } from 'node:perf_hooks';
import { getHeapSpaceStatistics, getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const MIB = 1024 * 1024;
const YOUNG_BYTES = 16 * MIB;
const LOOK_EVERY_MS = 250;
const QUIET_SHARE = 0.05;
/** Five seconds: after a full collection V8 has to make some of its code anew, so a short breath is not worth one. */
const QUIET_LOOKS = 20;
const WORTH_COLLECTING_BYTES = 16 * MIB;
/** Of what the last collection kept: the more there is to walk, the more has to come of it. */
const WORTH_COLLECTING_SHARE = 0.25;

/** The flags are read anew by every collection. */
export function boundHeap(): void {
  // Young space is small and little in it lives: starting threads for a collection costs more than it shortens the pause.
  setFlagsFromString('--no-parallel-scavenge');
  // Less would be paid for under load: what passes through counts as well, and each full collection walks all that lives.
  setFlagsFromString('--heap-growing-percent=200');
  const boundYoung = youngBound();
  const collectWhenQuiet = quietCollector(heapSample(), fullCollection());
  setInterval(() => {
    boundYoung();
    collectWhenQuiet();
  }, LOOK_EVERY_MS).unref();
}

/** That young space may not grow is all that can be said while V8 runs; after it has shrunk it may grow again. */
function youngBound(): () => void {
  let growth: 'allowed' | 'forbidden' = 'allowed';
  return () => {
    const wanted = youngSpace().space_size >= YOUNG_BYTES ? 'forbidden' : 'allowed';
    if (wanted === growth) return;
    growth = wanted;
    setFlagsFromString(`--semi-space-growth-factor=${growth === 'forbidden' ? 1 : 2}`);
  };
}

export interface HeapSample {
  /** Of the time since the last look, 0 to 1. */
  readonly busyShare: number;
  /** On the heap, young space left out: what lies there is collected all the time. */
  readonly oldBytes: number;
}

/**
 * V8 collects the old when much new has come, so what a crowd of clients leaves behind lies there until the next crowd
 * comes, and adds to it. A pause of some milliseconds costs nothing while nobody asks for anything.
 */
export function quietCollector(look: () => HeapSample, collect: () => void): () => void {
  let kept = look().oldBytes;
  let quietLooks = 0;
  return () => {
    const { busyShare, oldBytes } = look();
    quietLooks = busyShare > QUIET_SHARE ? 0 : quietLooks + 1;
    const worth = Math.max(WORTH_COLLECTING_BYTES, kept * WORTH_COLLECTING_SHARE);
    if (quietLooks < QUIET_LOOKS || oldBytes - kept < worth) return;
    collect();
    kept = look().oldBytes;
  };
}

function heapSample(): () => HeapSample {
  let before = performance.eventLoopUtilization();
  return () => {
    const now = performance.eventLoopUtilization();
    const busyShare = performance.eventLoopUtilization(now, before).utilization;
    before = now;
    return { busyShare, oldBytes: getHeapStatistics().used_heap_size - youngSpace().space_used_size };
  };
}

/** A flag that is set this late changes only what contexts made from then on hold. */
function fullCollection(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}

function youngSpace(): { readonly space_size: number; readonly space_used_size: number } {
  const young = getHeapSpaceStatistics().find((space) => space.space_name === 'new_space');
  return young ?? { space_size: 0, space_used_size: 0 };
}
