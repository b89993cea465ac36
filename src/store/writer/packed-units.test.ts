import fc from 'fast-check';
import { expect, test } from 'vitest';
import { packUnits, unpackUnits } from './packed-units.ts';

const bytes = fc.uint8Array({ maxLength: 40 });
const param = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.integer(),
  fc.constant(null),
  bytes,
  fc.record({ plain: bytes, aad: fc.string() }),
);
const units = fc.array(
  fc.array(fc.record({ sql: fc.nat().map(String), params: fc.array(param) }, { noNullPrototype: true })),
);

test('what is unpacked equals what was packed, also after it was handed over', () => {
  fc.assert(
    fc.property(units, (given) => {
      const packed = packUnits(given, Number);
      const arrived = structuredClone(packed, { transfer: [packed.bytes.buffer] });
      const back = unpackUnits(arrived).map((unit) =>
        unit.map(({ text, params }) => ({ sql: String(text), params })),
      );
      expect(back).toEqual(given);
    }),
  );
});

test('a piece that Node cut from a larger buffer brings nothing else along', () => {
  const large = Buffer.alloc(64 * 1024, 'x');
  const { bytes: sent } = packUnits([[{ sql: '', params: [large.subarray(8, 24)] }]], () => 0);
  expect(sent.buffer.byteLength).toBe(16);
});
