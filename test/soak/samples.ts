/** What the server held in memory as the turns went by, and how fast that grows. */
import type { Diagnosis } from './diagnosis.ts';

const MIB = 1024 * 1024;
const PER_TURNS = 10_000;

export interface Sample extends Diagnosis {
  readonly turn: number;
  readonly descriptors: number;
}

export type Figure = (sample: Sample) => number;

export const FIGURES = {
  'RSS after a collection': (sample) => sample.settledRssBytes,
  'RSS as it stands': (sample) => sample.rssBytes,
  'heap in use': (sample) => sample.heapBytes,
  'outside the heap': (sample) => sample.outsideHeapBytes,
} as const satisfies Record<string, Figure>;

/** MiB by which the figure grows in 10,000 turns: the line with the least squares through all samples. */
export function slope(samples: readonly Sample[], figure: Figure): number {
  const mean = (of: Figure): number => samples.reduce((sum, one) => sum + of(one), 0) / samples.length;
  const turn = mean((one) => one.turn);
  const size = mean(figure);
  const together = mean((one) => (one.turn - turn) * (figure(one) - size));
  return ((together / mean((one) => (one.turn - turn) ** 2)) * PER_TURNS) / MIB;
}

export function inWords({ turn, descriptors, timers, ...memory }: Sample): string {
  const [settled, plain, heap, outside] = [
    memory.settledRssBytes,
    memory.rssBytes,
    memory.heapBytes,
    memory.outsideHeapBytes,
  ].map((bytes) => (bytes / MIB).toFixed(1));
  const held = `${descriptors} descriptors, ${timers} timers`;
  return `${turn} turns: RSS ${settled} MiB (${plain} before a collection), heap ${heap}, outside ${outside}; ${held}`;
}
