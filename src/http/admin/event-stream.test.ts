import { expect, test } from 'vitest';
import { EventStream } from './event-stream.ts';

function reader() {
  const written: string[] = [];
  const answer = {
    destroyed: false,
    writableEnded: false,
    writableLength: 0,
    writeHead: () => answer,
    write: (text: string) => written.push(text) > 0,
    end: () => {
      answer.writableEnded = true;
      return answer;
    },
    destroy: () => {
      answer.destroyed = true;
      return answer;
    },
  };
  return { answer, written, stream: new EventStream(answer as never, 'req_1') };
}

const event = { id: 'p-1', name: 'turn', data: '{}' };

test('an event has its id, its name and its data, and one that is not repeated has no id', () => {
  const { written, stream } = reader();
  stream.write(event);
  stream.write({ ...event, id: undefined });
  expect(written.slice(1)).toEqual(['id: p-1\nevent: turn\ndata: {}\n\n', 'event: turn\ndata: {}\n\n']);
});

test('a reader that is more than a mebibyte behind is cut off and written to no more', () => {
  const { answer, written, stream } = reader();
  answer.writableLength = 1024 * 1024;
  stream.write(event);
  expect([answer.destroyed, written.length]).toEqual([false, 2]);
  answer.writableLength += 1;
  stream.write(event);
  stream.write(event);
  expect([answer.destroyed, written.length]).toEqual([true, 2]);
});

test('nothing is written to a stream that has ended', () => {
  const { written, stream } = reader();
  stream.end();
  stream.comment();
  expect(written.length).toBe(1);
});
