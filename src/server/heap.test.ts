import { expect, test } from 'vitest';
import { type HeapSample, quietCollector } from './heap.ts';

const MIB = 1024 * 1024;

/** Looks at each of these so many times (20: five seconds), and says at which of them it collected; a collection leaves half. */
function collectedAt(
  startMib: number,
  glances: readonly (readonly [busyShare: number, oldMib: number, times?: number])[],
) {
  let seen: HeapSample = { busyShare: 1, oldBytes: startMib * MIB };
  const collected: number[] = [];
  const look = quietCollector(
    () => seen,
    () => {
      collected.push(seen.oldBytes / MIB);
      seen = { ...seen, oldBytes: seen.oldBytes / 2 };
    },
  );
  for (const [busyShare, oldMib, times = 20] of glances) {
    for (let time = 0; time < times; time += 1) {
      seen = { busyShare, oldBytes: oldMib * MIB };
      look();
    }
  }
  return collected;
}

test('what a crowd has left is collected once it is quiet, and not again until more has come', () => {
  expect(
    collectedAt(20, [
      [0.9, 100],
      [0.01, 100],
      [0.01, 60],
      [0.01, 67, 1],
    ]),
  ).toEqual([100, 67]);
});

test('a short breath is no quiet', () => {
  expect(
    collectedAt(20, [
      [0.01, 100, 19],
      [0.9, 100, 1],
      [0.01, 100, 19],
    ]),
  ).toEqual([]);
});

test('little is left where it is, and of much it takes more', () => {
  expect(collectedAt(20, [[0, 35]])).toEqual([]);
  expect(collectedAt(400, [[0, 490]])).toEqual([]);
  expect(collectedAt(400, [[0, 510]])).toEqual([510]);
});
