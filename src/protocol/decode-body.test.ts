import { randomBytes } from 'node:crypto';
import * as zlib from 'node:zlib';
import { expect, test } from 'vitest';
import { decodeBody } from './decode-body.ts';

const MIB = 1024 * 1024;
const LIMIT = 64 * MIB;

const codings: readonly (readonly [string, (bytes: Buffer) => Buffer])[] = [
  ['gzip', zlib.gzipSync],
  ['x-gzip', zlib.gzipSync],
  ['deflate', zlib.deflateSync],
  ['deflate', zlib.deflateRawSync],
  ['br', (bytes) => zlib.brotliCompressSync(bytes, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 1 } })],
  ['zstd', zlib.zstdCompressSync],
];

const bodies: readonly (readonly [string, Buffer])[] = [
  ['small', Buffer.from('{"model":"m"}')],
  ['empty', Buffer.alloc(0)],
  ['large', randomBytes(MIB)],
  ['well compressed', Buffer.alloc(8 * MIB, 0x20)],
];

const cases = codings.flatMap(([name, encode]) =>
  bodies.map(([size, body]) => ({ name, encode, size, body })),
);

test.each(cases)('a $size $name body is decoded', async ({ name, encode, body }) => {
  const decoded = await decodeBody(encode(body), name, LIMIT);
  expect(decoded.ok && decoded.bytes.equals(body)).toBe(true);
});

test.each(codings)('a %s body that holds more than the limit is 413', async (name, encode) => {
  expect(await decodeBody(encode(Buffer.alloc(1001)), name, 1000)).toMatchObject({ ok: false, status: 413 });
  expect(await decodeBody(encode(Buffer.alloc(9 * MIB)), name, 8 * MIB)).toMatchObject({ status: 413 });
  expect(await decodeBody(encode(Buffer.alloc(1000)), name, 1000)).toMatchObject({ ok: true });
});

test.each(codings)('a cut or garbled %s body is 400', async (name, encode) => {
  const whole = encode(randomBytes(1000));
  expect(await decodeBody(whole.subarray(0, 500), name, LIMIT)).toMatchObject({ ok: false, status: 400 });
  expect(await decodeBody(Buffer.from('{"model":"m"}'), name, LIMIT)).toMatchObject({
    ok: false,
    status: 400,
  });
});

test.each([undefined, '', 'identity', ' Identity '])('%j leaves the bytes alone', async (encoding) => {
  const body = Buffer.from('{}');
  expect(await decodeBody(body, encoding, LIMIT)).toEqual({ ok: true, bytes: body });
  expect(await decodeBody(body, encoding, 1)).toMatchObject({ ok: false, status: 413 });
});

test('several codings are undone from the last to the first', async () => {
  const body = Buffer.from('{"model":"m"}');
  const decoded = await decodeBody(zlib.zstdCompressSync(zlib.gzipSync(body)), 'GZip, zstd', LIMIT);
  expect(decoded).toEqual({ ok: true, bytes: body });
});

test('an unknown coding and a pile of codings are 415', async () => {
  const refused = await decodeBody(Buffer.from('x'), 'compress', LIMIT);
  expect(refused).toMatchObject({ ok: false, status: 415, message: expect.stringContaining('"compress"') });
  expect(await decodeBody(Buffer.from('x'), 'br, br, br, br', LIMIT)).toMatchObject({ status: 415 });
});

test('more large bodies than are decoded at once all get their turn, damaged ones among them', async () => {
  const large = Buffer.alloc(8 * MIB, 0x20);
  const whole = zlib.gzipSync(large);
  const bodies = Array.from({ length: 12 }, (_, index) =>
    index % 3 === 0 ? Buffer.concat([whole.subarray(0, -9), Buffer.alloc(9)]) : whole,
  );
  const decoded = await Promise.all(bodies.map((body) => decodeBody(body, 'gzip', LIMIT)));
  expect(decoded.map((one) => one.ok)).toEqual(bodies.map((_, index) => index % 3 !== 0));
});
