import { isUtf8 } from 'node:buffer';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeSse, SSE_COMMENT, SseScanner } from './sse.ts';

interface Seen {
  readonly type: string;
  readonly data: string;
}

const read = (chunks: readonly Buffer[]): readonly Seen[] => {
  const scanner = new SseScanner();
  return chunks.flatMap((chunk) =>
    scanner.push(chunk).map(({ type, data }) => ({ type, data: data.toString('utf8') })),
  );
};

const readText = (text: string): readonly Seen[] => read([Buffer.from(text)]);

const cutInto = (bytes: Buffer, sizes: readonly number[]): Buffer[] => {
  const chunks: Buffer[] = [];
  let from = 0;
  for (let i = 0; from < bytes.length; i++) {
    const to = from + (sizes[i % sizes.length] ?? 1);
    chunks.push(bytes.subarray(from, to));
    from = to;
  }
  return chunks;
};

const type = fc.constantFrom('response.created', 'response.output_text.delta', 'error');
const lineEnd = fc.constantFrom('\n', '\r\n', '\r');
const event = fc
  .record({ type, delta: fc.string({ unit: 'grapheme' }), named: fc.boolean(), noise: fc.boolean(), lineEnd })
  .map(({ type: eventType, delta, named, noise, lineEnd: end }) => {
    const data = JSON.stringify({ type: eventType, delta });
    const lines = [
      ...(noise ? [': a comment', 'id: 7', 'retry'] : []),
      ...(named ? [`event: ${eventType}`] : []),
      `data: ${data}`,
    ];
    return { seen: { type: eventType, data }, wire: lines.map((line) => line + end).join('') + end };
  });

test('a stream gives the same events however it is cut', () => {
  fc.assert(
    fc.property(
      fc.array(event),
      fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1 }).filter((sizes) => sizes.some((n) => n > 0)),
      (events, sizes) => {
        const wire = Buffer.from(events.map(({ wire: text }) => text).join(''));
        const expected = events.map(({ seen }) => seen);
        expect(read([wire])).toEqual(expected);
        expect(read(cutInto(wire, sizes))).toEqual(expected);
        expect(read(cutInto(wire, [1]))).toEqual(expected);
      },
    ),
  );
});

test('an event that came in the usual form can go on as it came, and no other', () => {
  const eventsIn = (text: string) =>
    new SseScanner().push(Buffer.from(text)).map(({ event: bytes }) => bytes?.toString());
  const usual = 'event: error\ndata: {"type":"error","a":1}\n\n';
  expect(eventsIn(usual + usual)).toEqual([usual, usual]);
  const others = [
    'event: error\r\ndata: {"a":1}\r\n\r\n',
    'event:error\ndata: {}\n\n',
    'data: {"type":"a"}\n\n',
    'event: error\ndata: {"a":1}\n\n',
    'event: error\ndata: {"type":"other"}\n\n',
  ];
  const broken = ['event: error\ndata: {"a":\ndata: 1}\n\n'];
  // The line ends in front of the brace.
  expect(eventsIn('event: error\ndata: {\r}\n\n')).toEqual([]);
  expect(eventsIn([...others, ...broken, usual].join(''))).toEqual(
    [...others, ...broken, usual].map((text) => (text === usual ? usual : undefined)),
  );
});

test('an encoded event reads back as what was encoded', () => {
  fc.assert(
    fc.property(type, fc.jsonValue(), fc.constantFrom(0, 2), (eventType, value, indent) => {
      const data = Buffer.from(JSON.stringify({ type: eventType, value }, null, indent));
      const [seen, ...more] = read([encodeSse(eventType, data)]);
      expect(more).toEqual([]);
      expect(seen?.type).toBe(eventType);
      expect(JSON.parse(seen?.data ?? '')).toEqual(JSON.parse(data.toString('utf8')));
    }),
  );
});

test('an event is written with its name, its data on one line and a blank line', () => {
  expect(encodeSse('error', Buffer.from('{"a":1}')).toString()).toBe('event: error\ndata: {"a":1}\n\n');
  expect(encodeSse('error', Buffer.from('{\r\n"a":1}')).toString()).toBe('event: error\ndata: {  "a":1}\n\n');
});

test('data on several lines is one payload', () => {
  expect(readText('event: x\ndata: {"a":\ndata:1}\ndata\n\n')).toEqual([{ type: 'x', data: '{"a":\n1}\n' }]);
});

test('a line end cut in two is one line end, and a line end after a whole one is its own', () => {
  const payload = [{ type: 'x', data: '{"a":\n1}' }];
  const wire = Buffer.from('event: x\r\ndata: {"a":\r\ndata: 1}\r\n\r\n');
  expect(read([wire])).toEqual(payload);
  expect(read(cutInto(wire, [1]))).toEqual(payload);
  expect(read([Buffer.from('event: x\ndata: {"a":\ndata: 1}\r\n'), Buffer.from('\n')])).toEqual(payload);
});

test('the type of an unnamed event is its own member, not one further inside', () => {
  expect(readText('data: {"item":{"type":"message"},"type":"response.done"}\n\n')).toEqual([
    { type: 'response.done', data: '{"item":{"type":"message"},"type":"response.done"}' },
  ]);
});

test('an unnamed error object is an error, an end marker nothing, and any other object a message', () => {
  expect(readText('data: {"error":{"message":"no"}}\n\ndata: [DONE]\n\ndata: {"a":1}\n\n')).toEqual([
    { type: 'error', data: '{"error":{"message":"no"}}' },
    { type: 'message', data: '{"a":1}' },
  ]);
});

test.each(['not json{', '{"type":"x"', 'null', '[1,2]', '"x"', '{broken}'])(
  'data that is no object (%s) reaches nobody, named or not',
  (data) => {
    expect(readText(`data: ${data}\n\nevent: x\ndata: ${data}\n\n`)).toEqual([]);
  },
);

test('the type in the data is the type of the event, whatever its name says', () => {
  expect(readText('event: other\ndata: {"type":"response.completed"}\n\n')).toEqual([
    { type: 'response.completed', data: '{"type":"response.completed"}' },
  ]);
});

test('bytes that are no text are replaced, so that the event can be shown on a WebSocket', () => {
  const bytes = Buffer.concat([
    Buffer.from('event: x\ndata: {"type":"x","a":"'),
    Buffer.from([0xff, 0xc3]),
    Buffer.from('"}\n\n'),
  ]);
  const [seen] = new SseScanner().push(bytes);
  expect(seen?.data.toString('utf8')).toBe('{"type":"x","a":"\ufffd\ufffd"}');
  expect(isUtf8(seen?.data ?? Buffer.from([0xff]))).toBe(true);
});

test('comments, fields of other names and events without data give nothing', () => {
  expect(read([SSE_COMMENT])).toEqual([]);
  expect(readText('event: lost\n\ndatabase: 1\nevents: x\ndata: {"type":"kept"}\n\n')).toEqual([
    { type: 'kept', data: '{"type":"kept"}' },
  ]);
});

test('the end of a stream tells whether an event was left open', () => {
  const ended = (text: string) => {
    const scanner = new SseScanner();
    scanner.push(Buffer.from(text));
    return scanner.end();
  };
  expect(ended('data: 1\n\n: bye\n')).toBe('complete');
  expect(ended('data: 1\n\ndata: 2\n')).toBe('unfinished');
  expect(ended('event: x\n')).toBe('unfinished');
  expect(ended('dat')).toBe('unfinished');
});

test('an event of 10 MB in small chunks arrives whole', () => {
  const data = Buffer.from(JSON.stringify({ type: 'response.completed', text: 'x'.repeat(10_000_000) }));
  const scanner = new SseScanner();
  const frames = cutInto(encodeSse('response.completed', data), [1000]).flatMap((chunk) =>
    scanner.push(chunk),
  );
  expect(frames.length).toBe(1);
  expect(frames[0]?.data.equals(data)).toBe(true);
});

test.each([
  ['one line', Buffer.alloc(1024 * 1024, 0x78)],
  ['many lines', Buffer.from(`data: ${'x'.repeat(1024 * 1024)}\n`)],
])('an event of %s above 64 MiB ends the reading and keeps what came before', (_, chunk) => {
  const scanner = new SseScanner();
  const before = scanner.push(Buffer.from('data: {"type":"a"}\n\ndata: '));
  let pushed = 0;
  while (scanner.error === undefined && pushed < 70) {
    scanner.push(chunk);
    pushed++;
  }
  expect(before.map((frame) => frame.type)).toEqual(['a']);
  expect(scanner.error).toBe('event_too_large');
  expect(pushed).toBeGreaterThanOrEqual(64);
  expect(scanner.push(Buffer.from('\n\ndata: {"type":"b"}\n\n'))).toEqual([]);
});
