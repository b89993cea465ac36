import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { TurnClock } from './clock.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const FIRST_MS = 60_000;
const IDLE_MS = 300_000;

function clock() {
  const fired: string[] = [];
  const limits = { firstEventTimeoutMs: FIRST_MS, streamIdleTimeoutMs: IDLE_MS };
  const turn = new TurnClock(limits, {
    onTimeout: (what) => fired.push(what),
    onWaited: () => fired.push('waited'),
  });
  return { turn, fired };
}

test('a turn that is over gets no timer when its reader goes on', () => {
  const { turn } = clock();
  turn.heard();
  turn.pause();
  turn.stop();
  turn.resume();
  expect(vi.getTimerCount()).toBe(0);
});

test('what was read before a pause does not start the clock again', () => {
  const { turn, fired } = clock();
  turn.expectFirstEvent();
  turn.pause();
  turn.heard();
  vi.advanceTimersByTime(10 * IDLE_MS);
  expect(fired).toEqual([]);
  turn.resume();
  vi.advanceTimersByTime(IDLE_MS);
  expect(fired).toEqual(['idle']);
});

test('after a pause the first event is waited for as before, and no longer', () => {
  const { turn, fired } = clock();
  turn.expectFirstEvent();
  for (let pauses = 0; pauses < 5; pauses += 1) {
    vi.advanceTimersByTime(FIRST_MS / 10);
    turn.pause();
    vi.advanceTimersByTime(FIRST_MS);
    turn.resume();
  }
  vi.advanceTimersByTime(FIRST_MS / 2 - 1);
  expect(fired).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(fired).toEqual(['first_event']);
});

test('a request that leaves while its reader is away has its whole time when the reader is back', () => {
  const { turn, fired } = clock();
  turn.pause();
  turn.expectFirstEvent();
  vi.advanceTimersByTime(10 * FIRST_MS);
  turn.resume();
  vi.advanceTimersByTime(FIRST_MS - 1);
  expect(fired).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(fired).toEqual(['first_event']);
});

test('a reader that comes back before anything was sent starts no clock', () => {
  const { turn, fired } = clock();
  turn.pause();
  turn.resume();
  vi.advanceTimersByTime(10 * IDLE_MS);
  expect(fired).toEqual([]);
});

test('every event gives the next one its whole time, also after a pause', () => {
  const { turn, fired } = clock();
  turn.heard();
  for (let events = 0; events < 5; events += 1) {
    vi.advanceTimersByTime(IDLE_MS - 1);
    turn.heard();
  }
  vi.advanceTimersByTime(IDLE_MS - 1);
  turn.pause();
  turn.resume();
  turn.heard();
  vi.advanceTimersByTime(IDLE_MS - 1);
  expect(fired).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(fired).toEqual(['idle']);
});
