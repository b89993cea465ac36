import { expect, test } from 'vitest';
import { AT_EASE, type Judgement, judge, type LoadSample } from './overload.ts';

const calm: LoadSample = { delayMs: 21, heapShare: 0.2 };
const slow: LoadSample = { delayMs: 700, heapShare: 0.2 };
const full: LoadSample = { delayMs: 21, heapShare: 0.9 };
const between: LoadSample = { delayMs: 400, heapShare: 0.8 };

const after = (...samples: readonly LoadSample[]): Judgement => samples.reduce(judge, AT_EASE);

test.each([
  ['a slow event loop', slow],
  ['a full heap', full],
])('%s counts only when it lasts', (_name, sample) => {
  expect(after(sample, sample).state).toBe('bearable');
  expect(after(sample, sample, calm, sample, sample).state).toBe('bearable');
  expect(after(sample, sample, sample).state).toBe('overloaded');
});

test('an overload ends only after calm has lasted, and nothing between the bounds ends it', () => {
  expect(after(slow, slow, slow, between, between, between, between).state).toBe('overloaded');
  expect(after(slow, slow, slow, calm, calm, between, calm, calm).state).toBe('overloaded');
  expect(after(slow, slow, slow, calm, calm, calm).state).toBe('bearable');
});

test('what lies between the bounds is no overload', () => {
  expect(after(between, between, between, between, between).state).toBe('bearable');
});

test('calm time and heap are both needed for an end', () => {
  const calmButFull = { delayMs: 21, heapShare: 0.8 };
  expect(after(full, full, full, calmButFull, calmButFull, calmButFull).state).toBe('overloaded');
});
