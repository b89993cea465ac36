import { expect, test } from 'vitest';
import { makeFrame } from '../protocol/frame.ts';
import { HeldFrames } from './held-frames.ts';

const types = (gate: HeldFrames, ...sent: string[]): string[][] =>
  sent.map((type) => gate.offer(makeFrame({ type })).map((frame) => frame.type));

test('handshakes and vendor frames wait for the first output, then everything flows', () => {
  expect(
    types(
      new HeldFrames(),
      'codex.rate_limits',
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.output_text.delta',
    ),
  ).toEqual([
    [],
    [],
    [],
    ['codex.rate_limits', 'response.created', 'response.in_progress', 'response.output_item.added'],
    ['response.output_text.delta'],
  ]);
});

test('what a failed attempt had sent is forgotten', () => {
  const gate = new HeldFrames();
  types(gate, 'response.created');
  gate.forget();
  expect(types(gate, 'response.created', 'response.output_item.added')).toEqual([
    [],
    ['response.created', 'response.output_item.added'],
  ]);
});

test('an end without output releases what was held', () => {
  const gate = new HeldFrames();
  types(gate, 'response.created');
  expect(gate.release().map((frame) => frame.type)).toEqual(['response.created']);
});

test('a stream of nothing but handshakes does not fill memory', () => {
  const gate = new HeldFrames();
  const released = Array.from({ length: 200 }, () => gate.offer(makeFrame({ type: 'codex.noise' })).length);
  expect(Math.max(...released)).toBeLessThanOrEqual(64);
  expect(released.reduce((sum, count) => sum + count, 0)).toBe(200);
});
