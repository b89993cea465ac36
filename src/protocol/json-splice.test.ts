import fc from 'fast-check';
import { expect, test } from 'vitest';
import { scanObject } from './json-scan.ts';
import { type Edits, joinArray, rewriteObject } from './json-splice.ts';

const rewrite = (text: string, edits: Edits): string => {
  const bytes = Buffer.from(text);
  const scan = scanObject(bytes);
  if (!scan.ok) throw new Error(scan.message);
  return rewriteObject(bytes, scan.members, edits).toString('utf8');
};

const name = fc.constantFrom('a', 'b', 'c', 'd', 'input', 'é"\\');

test('the result parses to the same object that editing the parsed one gives', () => {
  fc.assert(
    fc.property(
      fc.dictionary(name, fc.jsonValue()),
      fc.array(name),
      fc.dictionary(name, fc.jsonValue()),
      fc.constantFrom(undefined, 1, '\t', '\r\n '),
      (object, drop, set, space) => {
        const text = JSON.stringify(object, null, space);
        const expected: Record<string, unknown> = JSON.parse(text);
        for (const dropped of drop) delete expected[dropped];
        const pieces = Object.entries(set).map(([key, value]) => {
          const json = JSON.stringify(value);
          expected[key] = JSON.parse(json);
          return [key, [Buffer.from(json.slice(0, 1)), Buffer.from(json.slice(1))]];
        });
        expect(JSON.parse(rewrite(text, { drop, set: Object.fromEntries(pieces) }))).toEqual(expected);
      },
    ),
  );
});

test('bytes that are not named keep their spacing, spelling and place', () => {
  const text = '{ "b" : 1.0 ,\n  "a":"\\u0041", "c": [ ] }\n';
  expect(rewrite(text, { set: { a: Buffer.from('2') } })).toBe('{ "b" : 1.0 ,\n  "a":2, "c": [ ] }\n');
  expect(rewrite(text, { drop: ['b'] })).toBe('{\n  "a":"\\u0041", "c": [ ] }\n');
  expect(rewrite(text, { drop: ['c'] })).toBe('{ "b" : 1.0 ,\n  "a":"\\u0041"}\n');
});

test('members that are not there yet come last', () => {
  expect(rewrite('{"a":1}', { set: { z: Buffer.from('2'), x: Buffer.from('3') } })).toBe(
    '{"a":1,"z":2,"x":3}',
  );
});

test('an object can be emptied and an empty one filled', () => {
  expect(rewrite('{"a":1,"b":2}', { drop: ['a', 'b'] })).toBe('{}');
  expect(rewrite('{}', { set: { a: Buffer.from('1') } })).toBe('{"a":1}');
});

test('an edit that changes nothing copies nothing', () => {
  const bytes = Buffer.from('{"a":1}');
  const scan = scanObject(bytes);
  expect(scan.ok && rewriteObject(bytes, scan.members, { drop: ['absent'] })).toBe(bytes);
});

test('elements are joined into an array', () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue()), (values) => {
      const joined = joinArray(values.map((value) => Buffer.from(JSON.stringify(value))));
      expect(joined.toString('utf8')).toBe(JSON.stringify(values));
    }),
  );
});
