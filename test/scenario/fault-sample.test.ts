/** A sample of the fault matrix, the same in every run; `npm run suite -- matrix` plays all of it. */
import { expect, test } from 'vitest';
import { allCells, nameOf, playCell } from '../matrix/cells.ts';

const SAMPLE = 40;

/** Every n-th cell, with a step that shares no factor with the number of doors and transports. */
const cells = allCells();
const step = Math.floor(cells.length / SAMPLE) | 1;
const sample = cells.filter((_, index) => index % step === 0).map((cell) => [nameOf(cell), cell] as const);

test('the matrix is as large as it claims to be', () => {
  expect(cells.length).toBeGreaterThanOrEqual(500);
  expect(new Set(cells.map(nameOf)).size).toBe(cells.length);
});

test.each(sample)('%s', async (_name, cell) => {
  await expect(playCell(cell)).resolves.toBeUndefined();
});
