import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteBudget } from './memory-budget.ts';

test('what one share holds is missing for all others until it is freed', () => {
  const budget = new ByteBudget(100);
  const [first, second] = [budget.share(), budget.share()];
  expect(first.take(60)).toBe(true);
  expect(second.take(50)).toBe(false);
  expect(second.take(40)).toBe(true);
  first.free();
  expect(second.take(60)).toBe(true);
});

test('a share that grew can shrink, and freeing twice gives nothing away', () => {
  const budget = new ByteBudget(100);
  const share = budget.share();
  share.take(80);
  share.take(-30);
  expect(budget.held).toBe(50);
  share.free();
  share.free();
  expect(budget.held).toBe(0);
});

test('whatever is taken and freed in whatever order, the budget holds its limit and ends empty', () => {
  const step = fc.tuple(fc.nat(4), fc.option(fc.nat(60)));
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const budget = new ByteBudget(100);
      const shares = Array.from({ length: 5 }, () => budget.share());
      for (const [index, bytes] of steps) {
        if (bytes === null) shares[index]?.free();
        else shares[index]?.take(bytes);
        expect(budget.held).toBeLessThanOrEqual(100);
      }
      for (const share of shares) share.free();
      expect(budget.held).toBe(0);
    }),
  );
});
