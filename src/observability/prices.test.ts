import { expect, test } from 'vitest';
import { costOf } from './prices.ts';

const tokens = { inputTokens: 2_000_000, cachedTokens: 1_000_000, outputTokens: 100_000 };

test('cached input is cheaper than fresh input', () => {
  expect(costOf('gpt-5.5', tokens)).toBeCloseTo(5 + 0.5 + 3);
});

test('a dated snapshot costs what its model costs', () => {
  expect(costOf('gpt-4.1-2025-04-14', tokens)).toBe(costOf('gpt-4.1', tokens));
});

test.each(['some-model', '', 'toString'])(
  'the model "%s" has no price, which is not a price of zero',
  (model) => {
    expect(costOf(model, tokens)).toBeUndefined();
  },
);
