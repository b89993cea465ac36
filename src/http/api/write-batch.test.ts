import { PassThrough, type Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { textHead } from './text-frame.ts';
import { joinNeighbours, WriteBatch, writeTogether } from './write-batch.ts';

const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function batch() {
  const said: string[] = [];
  const made = new WriteBatch((pieces, bytes) => said.push(`${Buffer.concat(pieces)} ${bytes}`));
  return { said, made };
}

test('what is added within one turn of the loop is delivered once', async () => {
  const { said, made } = batch();
  for (const word of ['a', 'bc', 'd']) made.add(Buffer.from(word));
  expect(said).toEqual([]);
  await tick();
  made.add(Buffer.from('e'));
  await tick();
  expect(said).toEqual(['abcd 4', 'e 1']);
});

test('what was released is not delivered again', async () => {
  const { said, made } = batch();
  made.add(Buffer.from('a'));
  made.release();
  made.release();
  await tick();
  expect(said).toEqual(['a 1']);
});

test.each([
  ['few bytes', [10, 20]],
  ['many bytes', [20_000, 30_000, 5]],
])('%s arrive whole, and that they left is said once', async (_name, sizes) => {
  const stream: Writable & { read(): Buffer } = new PassThrough({ highWaterMark: 1_000_000 });
  const pieces = sizes.map((size, index) => Buffer.alloc(size, index));
  let flushed = 0;
  writeTogether(stream, pieces, () => {
    flushed += 1;
  });
  await tick();
  expect(stream.read().equals(Buffer.concat(pieces))).toBe(true);
  expect(flushed).toBe(1);
});

test('neighbours in one chunk become one piece without a copy', () => {
  const chunk = Buffer.from('abcdef');
  const joined = joinNeighbours([chunk.subarray(0, 2), chunk.subarray(2, 5), Buffer.from('x')]);
  expect(joined.map(String)).toEqual(['abcde', 'x']);
  expect(joined[0]?.buffer).toBe(chunk.buffer);
  expect(joinNeighbours([chunk.subarray(0, 1), chunk.subarray(2, 3)])).toHaveLength(2);
});

test.each([
  [0, '8100'],
  [125, '817d'],
  [126, '817e007e'],
  [65_535, '817effff'],
  [65_536, '817f0000000000010000'],
])('a text of %i bytes has the head %s', (bytes, head) => {
  expect(textHead(bytes).toString('hex')).toBe(head);
});
