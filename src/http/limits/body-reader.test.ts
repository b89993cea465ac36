import { PassThrough } from 'node:stream';
import { expect, test, vi } from 'vitest';
import { readBody } from './body-reader.ts';
import { MemoryBudget } from './memory-budget.ts';

const PACE = { silenceMs: 30_000, patienceMs: 60_000, bytesPerSecond: 1000 };

function reading(limits: { mostBytes?: number; budget?: MemoryBudget } = {}) {
  const { mostBytes = 1000, budget = new MemoryBudget(1_000_000) } = limits;
  const stream = new PassThrough();
  return { stream, budget, read: readBody(stream, { mostBytes, reservation: budget.reserve(), pace: PACE }) };
}

test('a body that comes in pieces is one body, and its bytes are held until its reservation is freed', async () => {
  const { stream, budget, read } = reading();
  stream.write('{"a"');
  stream.end(':1}');
  expect(await read).toEqual({ ok: true, bytes: Buffer.from('{"a":1}') });
  expect(budget.held).toBe(7);
});

test.each([
  ['larger than allowed', { mostBytes: 3 }, 400, 'payload_too_large'],
  ['more than the server can hold', { budget: new MemoryBudget(3) }, 503, 'server_is_overloaded'],
])('a body that is %s is refused at once, and nothing of it is kept', async (_name, limits, status, code) => {
  const { stream, budget, read } = reading(limits);
  stream.write('four');
  expect(await read).toMatchObject({ ok: false, refused: { status, error: { code } } });
  expect(budget.held).toBe(0);
  stream.write(Buffer.alloc(200_000));
  await vi.waitFor(() => expect(stream.readableLength).toBe(0));
});

test('a body that stops in the middle is refused when its connection goes', async () => {
  const { stream, read } = reading();
  stream.write('{"a"');
  stream.destroy();
  expect(await read).toMatchObject({ ok: false, refused: { status: 400 } });
});

test('silence ends a body, and every byte begins it anew', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] });
  const settled = vi.fn();
  const { stream, read } = reading();
  read.then(settled);
  stream.emit('data', Buffer.from('a'));
  await vi.advanceTimersByTimeAsync(29_000);
  stream.emit('data', Buffer.from('b'));
  await vi.advanceTimersByTimeAsync(29_000);
  expect(settled).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1000);
  vi.useRealTimers();
  expect(await read).toMatchObject({ ok: false, refused: { status: 408, error: { code: 'body_timeout' } } });
});

test.each([
  ['a byte a second', 1, 408],
  ['two thousand bytes a second', 2000, undefined],
])('%s is judged after a minute', async (_name, bytesPerSecond, status) => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] });
  const { stream, read } = reading({ mostBytes: 1_000_000 });
  for (let second = 0; second < 61; second += 1) {
    stream.emit('data', Buffer.alloc(bytesPerSecond));
    await vi.advanceTimersByTimeAsync(1000);
  }
  vi.useRealTimers();
  stream.end();
  expect(await read).toMatchObject(status === undefined ? { ok: true } : { ok: false, refused: { status } });
});
