import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MemoryBudget } from './memory-budget.ts';

test('what one reservation holds is missing for all others until it is freed', () => {
  const budget = new MemoryBudget(100);
  const [first, second] = [budget.reserve(), budget.reserve()];
  expect(first.take(60)).toBe(true);
  expect(second.take(50)).toBe(false);
  expect(second.take(40)).toBe(true);
  first.free();
  expect(second.take(60)).toBe(true);
});

test('a reservation that grew can shrink, and freeing twice gives nothing away', () => {
  const budget = new MemoryBudget(100);
  const reservation = budget.reserve();
  reservation.take(80);
  reservation.take(-30);
  expect(budget.held).toBe(50);
  reservation.free();
  reservation.free();
  expect(budget.held).toBe(0);
});

test('whatever is taken and freed in whatever order, the budget holds its limit and ends empty', () => {
  const step = fc.tuple(fc.nat(4), fc.option(fc.nat(60)));
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const budget = new MemoryBudget(100);
      const reservations = Array.from({ length: 5 }, () => budget.reserve());
      for (const [index, bytes] of steps) {
        if (bytes === null) reservations[index]?.free();
        else reservations[index]?.take(bytes);
        expect(budget.held).toBeLessThanOrEqual(100);
      }
      for (const reservation of reservations) reservation.free();
      expect(budget.held).toBe(0);
    }),
  );
});
