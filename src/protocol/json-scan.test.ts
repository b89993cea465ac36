import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type MemberSpan, scanObject } from './json-scan.ts';

const scan = (text: string) => scanObject(Buffer.from(text));

const membersOf = (text: string): ReadonlyMap<string, MemberSpan> => {
  const scanned = scan(text);
  if (!scanned.ok) throw new Error(scanned.message);
  return scanned.members;
};

const cut = (bytes: Buffer, span: { start: number; end: number }): unknown =>
  JSON.parse(bytes.toString('utf8', span.start, span.end));

const isObjectText = (text: string): boolean => {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch (cause) {
    if (cause instanceof SyntaxError) return false;
    throw cause;
  }
};

const spacing = fc.constantFrom(undefined, 1, '\t', '\r\n ');
const jsonObject = fc
  .tuple(fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ stringUnit: 'binary' })), spacing)
  .map(([value, space]) => ({ value, text: JSON.stringify(value, null, space) }));

test('every object that JSON.stringify writes is accepted, with spans that parse to its members', () => {
  fc.assert(
    fc.property(jsonObject, ({ text }) => {
      const bytes = Buffer.from(text);
      const expected = Object.entries<unknown>(JSON.parse(text));
      const found = [...membersOf(text)].map(([name, span]) => [name, cut(bytes, span)]);
      expect(Object.fromEntries(found)).toEqual(Object.fromEntries(expected));
      expect(found.length).toBe(expected.length);
    }),
  );
});

const edit = fc.record({
  kind: fc.constantFrom('flip', 'insert', 'delete'),
  at: fc.nat(),
  byte: fc.constantFrom(...Buffer.from('{}[]",:\\ \n\t\u0001u0+-.eEtfn19a\u00e9')),
});

const mutate = (bytes: Buffer, { kind, at, byte }: { kind: string; at: number; byte: number }): Buffer => {
  const offset = at % (bytes.length + 1);
  const after = bytes.subarray(kind === 'insert' ? offset : offset + 1);
  return Buffer.concat([
    bytes.subarray(0, offset),
    kind === 'delete' ? Buffer.alloc(0) : Buffer.of(byte),
    after,
  ]);
};

test('damaged texts are refused exactly when JSON.parse refuses them', () => {
  fc.assert(
    fc.property(jsonObject, fc.array(edit, { minLength: 1, maxLength: 3 }), ({ text }, edits) => {
      const bytes = edits.reduce(mutate, Buffer.from(text));
      const decoded = bytes.toString('utf8');
      fc.pre(Buffer.from(decoded).equals(bytes));
      const scanned = scanObject(bytes);
      if (!scanned.ok && scanned.message.startsWith('duplicate')) return;
      expect({ bytes: decoded, ok: scanned.ok }).toEqual({ bytes: decoded, ok: isObjectText(decoded) });
    }),
    { numRuns: 1000 },
  );
});

test.each([
  '{"a":01}',
  '{"a":-}',
  '{"a":1.}',
  '{"a":.5}',
  '{"a":1e}',
  '{"a":+1}',
  '{"a":NaN}',
  '{"a":tru}',
  '{"a":truex}',
  '{"a":"\\x"}',
  '{"a":"\\u12g4"}',
  '{"a":"\\u12',
  '{"a":"\n"}',
  '{"a":"\u001f"}',
  '{"a":"',
  '{"a":1,}',
  '{"a":[1,]}',
  '{"a":[1 2]}',
  '{,}',
  '{a:1}',
  "{'a':1}",
  '{"a" 1}',
  '{"a":}',
  '{"a":1',
  '{"a":1}}',
  '{"a":1} x',
  '\uFEFF{"a":1}',
])('%j is refused', (text) => {
  expect(scan(text).ok).toBe(false);
});

test.each(['{"a":-0.0e+10}', '{"a":1E-2}', ' \t\r\n{ } ', '{"a":"\\u00e9\\ud800\\/"}', '{"":{"":[[],{}]}}'])(
  '%j is accepted',
  (text) => {
    expect(scan(text).ok).toBe(true);
  },
);

test('a member named twice is refused by name, however its key is written', () => {
  expect(scan('{"model":1,"x":2,"model":3}')).toEqual({
    ok: false,
    message: 'duplicate member "model"',
    at: 17,
  });
  expect(scan('{"model":1,"mod\\u0065l":3}')).toMatchObject({ message: 'duplicate member "model"' });
});

test('names inside members may repeat, and a key may be called like a property of Object', () => {
  expect(membersOf('{"a":{"x":1},"b":{"x":1},"__proto__":3}').size).toBe(3);
});

test('other top-level values, nothing at all and broken UTF-8 are each refused in their own words', () => {
  expect(scan('[1]')).toMatchObject({ message: 'the JSON is not an object', at: 0 });
  expect(scan('  ')).toMatchObject({ message: 'the JSON is empty' });
  expect(scan('{"a":')).toMatchObject({ message: 'the JSON ends too early', at: 5 });
  expect(scanObject(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]))).toMatchObject({
    message: 'the JSON is not valid UTF-8',
  });
});

test('256 levels are read and one more is refused', () => {
  const nested = (levels: number): string => `{"a":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`;
  expect(scan(nested(256)).ok).toBe(true);
  expect(scan(nested(257))).toMatchObject({ ok: false, message: expect.stringContaining('256 levels') });
});

test('the elements of an array parse to its values', () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue()), spacing, (values, space) => {
      const text = JSON.stringify({ before: '[', input: values, after: 1 }, null, space);
      const bytes = Buffer.from(text);
      const span = membersOf(text).get('input');
      const found = span?.elements?.map((element) => cut(bytes, element));
      expect(found).toEqual(JSON.parse(text).input);
    }),
  );
});

test('what is no array has no elements, and an array has a bound', () => {
  expect(membersOf('{"a":{"b":[1]},"c":"[1]"}').get('a')?.elements).toBeUndefined();
  expect(membersOf('{"a":{"b":[1]},"c":"[1]"}').get('c')?.elements).toBeUndefined();
  const ones = (count: number): string => `{"a":[${'1,'.repeat(count - 1)}1]}`;
  expect(membersOf(ones(100_000)).get('a')?.elements?.length).toBe(100_000);
  expect(scan(ones(100_001))).toMatchObject({
    message: 'an array of the JSON holds more than 100000 elements',
  });
});

test('every character is judged as JSON.parse judges it, wherever in a long string it stands', () => {
  const characters = [...Array(0x180).keys(), 0x2028, 0xd7ff, 0xffff].map((code) =>
    String.fromCharCode(code),
  );
  for (const character of characters) {
    for (let before = 0; before < 9; before += 1) {
      for (const after of [0, 1, 5]) {
        const text = `{"a":"${'x'.repeat(before)}${character}${'y'.repeat(after)}","b":1}`;
        expect(scan(text).ok, JSON.stringify(text)).toBe(isObjectText(text));
      }
    }
  }
});
