/**
 * Loaded into the server in front of its own code (`node --import`): answers on the channel between the processes
 * what cannot be seen from outside. It touches nothing while nobody asks.
 */
import { queryObjects } from 'node:v8';
import { isMainThread } from 'node:worker_threads';

export interface Diagnosis {
  /** As it stands, and after a collection. */
  readonly rssBytes: number;
  readonly settledRssBytes: number;
  readonly heapBytes: number;
  readonly outsideHeapBytes: number;
  /** Timer objects that anything still holds, whether or not they keep the process alive. */
  readonly timers: number;
  /** What keeps the event loop alive, by kind. */
  readonly active: Readonly<Record<string, number>>;
}

const Timer = setTimeout(() => {}, 0).constructor;

function diagnose(): Diagnosis {
  const { rss } = process.memoryUsage();
  globalThis.gc?.();
  const timers = Number(queryObjects(Timer, { format: 'count' }));
  const { rss: settled, heapUsed, external } = process.memoryUsage();
  const active: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) active[kind] = (active[kind] ?? 0) + 1;
  return {
    rssBytes: rss,
    settledRssBytes: settled,
    heapBytes: heapUsed,
    outsideHeapBytes: external,
    timers,
    active,
  };
}

if (isMainThread) {
  process.on('message', () => process.send?.(diagnose()));
  process.channel?.unref();
}
