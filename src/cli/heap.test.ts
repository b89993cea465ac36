import { expect, test } from 'vitest';
import { type HeapGlance, quietCollector } from './heap.ts';

const MIB = 1024 * 1024;

/** Looks at each of these in turn, and says at which of them it collected; a collection leaves half. */
function collectedAt(startMib: number, glances: readonly (readonly [busyShare: number, usedMib: number])[]) {
  let seen: HeapGlance = { busyShare: 1, usedBytes: startMib * MIB };
  const collected: number[] = [];
  const look = quietCollector(
    () => seen,
    () => {
      collected.push(seen.usedBytes / MIB);
      seen = { ...seen, usedBytes: seen.usedBytes / 2 };
    },
  );
  for (const [busyShare, usedMib] of glances) {
    seen = { busyShare, usedBytes: usedMib * MIB };
    look();
  }
  return collected;
}

test('what a crowd has left is collected once it is quiet, and not again until more has come', () => {
  expect(
    collectedAt(20, [
      [0.9, 100],
      [0.01, 100],
      [0.01, 60],
      [0.01, 67],
    ]),
  ).toEqual([100, 67]);
});

test('little is left where it is, and of much it takes more', () => {
  expect(collectedAt(20, [[0, 35]])).toEqual([]);
  expect(collectedAt(400, [[0, 490]])).toEqual([]);
  expect(collectedAt(400, [[0, 510]])).toEqual([510]);
});
