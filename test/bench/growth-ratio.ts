/** A cost at a small and at a large size, and how the two may relate. */
import { median } from './proc.ts';
import type { Stage } from './stage.ts';

export interface Growth {
  readonly name: string;
  readonly most: number;
  /** Default: a handful. Few where one takes seconds. */
  readonly rounds?: number;
  /** What precedes the first round, for instance what makes a cold server warm. */
  prepare?(stage: Stage): Promise<void>;
  /** One round: both sizes, as close together as can be. */
  measure(stage: Stage): Promise<{ readonly small: number; readonly large: number }>;
}

const ROUNDS = 5;
const AGAIN = 2;

/** Rounds at the first try, and at the second, which decides. */
export function roundsOf({ rounds = ROUNDS }: Growth): readonly [number, number] {
  return [rounds, rounds * AGAIN];
}

export async function growthOf(stage: Stage, growth: Growth, rounds: number): Promise<number> {
  await growth.prepare?.(stage);
  const ratios: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const { small, large } = await growth.measure(stage);
    ratios.push(large / small);
  }
  return median(ratios);
}
