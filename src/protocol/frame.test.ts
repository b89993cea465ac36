import { expect, test } from 'vitest';
import { frameOf } from './frame.ts';

test('each of many types is read as itself, whichever were read before', () => {
  // More than the table of known types has places, so that most share one.
  const types = Array.from({ length: 2000 }, (_, n) => `response.kind_${n % 1000}.delta`);
  const read = types.map((type) => frameOf(Buffer.from(`{"type":"${type}","n":1}`))?.type);
  expect(read).toEqual(types);
});

test.each([79, 80, 81, 200])('a type of %i letters is read', (length) => {
  const type = 'x'.repeat(length);
  expect(frameOf(Buffer.from(`{"type":"${type}"}`))?.type).toBe(type);
});

test.each(['{"type":"', '{"type":"response', '{"type":""', '{"type":"a'])('%s is no frame', (cut) => {
  expect(frameOf(Buffer.from(cut))).toBeUndefined();
});
