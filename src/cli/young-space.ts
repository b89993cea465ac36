/**
 * Keeps V8's space for young objects as small as a proxy needs it. By itself it grows to 64 MiB and more under load, and
 * the chunks of bytes that its garbage refers to are freed as late: the process is larger by far, and the full
 * collections that V8 then makes for their sake cost more than many small ones.
 */
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

const ENOUGH_BYTES = 16 * 1024 * 1024;
const LOOK_EVERY_MS = 1000;

/** Growing is all that can be forbidden while V8 runs, and after it has shrunk it may grow again. */
export function boundYoungSpace(): void {
  let growth: 'allowed' | 'forbidden' = 'allowed';
  setInterval(() => {
    const young = getHeapSpaceStatistics().find((space) => space.space_name === 'new_space');
    const wanted = (young?.space_size ?? 0) >= ENOUGH_BYTES ? 'forbidden' : 'allowed';
    if (wanted === growth) return;
    growth = wanted;
    setFlagsFromString(`--semi-space-growth-factor=${growth === 'forbidden' ? 1 : 2}`);
  }, LOOK_EVERY_MS).unref();
}
