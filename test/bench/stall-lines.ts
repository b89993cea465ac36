/**
 * How long the one event loop keeps everybody waiting while large bodies come in between paced streams. Asked from
 * outside, by a process that does nothing else: what it sees includes its own way there and back, so the figure is an
 * upper bound, the same for the floor and for any peer. What a server measures about itself would be neither.
 */
import type { Job } from './jobs.ts';
import type { Line } from './line.ts';
import { quantile } from './proc.ts';
import type { Target } from './server.ts';
import type { Stage } from './stage.ts';
import { Load } from './stage.ts';
import { modelOf } from './wire.ts';

const FOR_MS = 3000;
const PROBE_EVERY_MS = 2;
const BODIES_AT_ONCE = 4;
const BODIES_A_SECOND = 20;
const BODY_BYTES = 1_000_000;
const STREAMS = 64;
const PACE_MS = 10;

function jobsFor({ base, key }: Target, forMs: number): readonly Job[] {
  const deltas = Math.ceil((forMs * 1.1) / PACE_MS);
  const everyMs = (1000 * BODIES_AT_ONCE) / BODIES_A_SECOND;
  const common = { do: 'http', base, key } as const;
  return [
    {
      ...common,
      answer: 'sse',
      clients: STREAMS,
      turnsEach: 1,
      model: modelOf({ deltas, bytes: 400, paceMs: PACE_MS, textBytes: 1000 }),
    },
    {
      ...common,
      answer: 'json',
      clients: BODIES_AT_ONCE,
      turnsEach: Math.ceil(forMs / everyMs),
      everyMs,
      bodyBytes: BODY_BYTES,
      model: modelOf({ deltas: 5, bytes: 400, paceMs: 0, textBytes: 100 }),
    },
  ];
}

async function delaysAt(stage: Stage, prober: Load, to: Target, forMs: number): Promise<readonly number[]> {
  const load = Promise.all(jobsFor(to, forMs).map((job) => stage.run(job)));
  const { delaysMs } = await prober.run({ do: 'probe', base: to.base, everyMs: PROBE_EVERY_MS, forMs });
  await load;
  return delaysMs;
}

const stalls: Line = {
  name: 'event loop delay',
  only: 'respool',
  measure: async (stage, rounds) => {
    await stage.respool?.speak('http');
    const prober = new Load();
    const seen = { floor: [] as number[], tested: [] as number[] };
    for (const to of [stage.floor, stage.tested]) await delaysAt(stage, prober, to, FOR_MS / 3);
    for (let round = 0; round < rounds; round += 1) {
      seen.floor.push(...(await delaysAt(stage, prober, stage.floor, FOR_MS)));
      seen.tested.push(...(await delaysAt(stage, prober, stage.tested, FOR_MS)));
    }
    await prober.stop();
    const of = 'figure' as const;
    const measure = `event loop delay, paced and ${BODIES_A_SECOND} × 1 MB/s`;
    const row = (name: string, share: number) =>
      ({
        measure: `${measure}: ${name}`,
        unit: 'ms',
        floor: quantile(seen.floor, share),
        tested: quantile(seen.tested, share),
        of,
      }) as const;
    return [row('p50', 0.5), row('p99', 0.99), { ...row('p99.9', 0.999), must: 25, aim: 10, clock: 'wall' }];
  },
};

export const STALL_LINES: readonly Line[] = [stalls];
