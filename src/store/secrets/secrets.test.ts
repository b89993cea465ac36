import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { StoreError } from '../store-error.ts';
import { openBody, sealBody } from '../transcripts/body-codec.ts';
import { packBody, unpackBody } from '../transcripts/node.ts';
import { parseSecretKey, secretsFrom } from './secrets.ts';

const secrets = secretsFrom(Buffer.alloc(32, 7));
const bytes = () => fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));

test('what is sealed opens again under the same identity', () => {
  fc.assert(
    fc.property(bytes(), fc.string(), (plain, aad) => {
      expect(secrets.open(secrets.seal(plain, aad), aad)).toEqual(plain);
    }),
  );
});

test('a sealed value does not open under another identity, another key, or with any bit changed', () => {
  const sealed = secrets.seal(Buffer.from('token'), 'account:a');
  expect(() => secrets.open(sealed, 'account:b')).toThrow(StoreError);
  expect(() => secretsFrom(randomBytes(32)).open(sealed, 'account:a')).toThrow(StoreError);
  for (let bit = 0; bit < sealed.length * 8; bit += 1) {
    const changed = Buffer.from(sealed);
    changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    expect(() => secrets.open(changed, 'account:a')).toThrow(StoreError);
  }
  expect(() => secrets.open(sealed.subarray(0, 20), 'account:a')).toThrow(StoreError);
});

test('the same value is never sealed to the same bytes twice', () => {
  expect(secrets.seal(Buffer.from('x'), 'a')).not.toEqual(secrets.seal(Buffer.from('x'), 'a'));
});

test('a mac depends on its purpose, its parts and where one part ends', () => {
  const macs = [
    secrets.mac('p', 'ab', 'c'),
    secrets.mac('p', 'a', 'bc'),
    secrets.mac('p', 'abc'),
    secrets.mac('q', 'ab', 'c'),
    secretsFrom(Buffer.alloc(32, 8)).mac('p', 'ab', 'c'),
  ];
  expect(new Set(macs.map((mac) => mac.toString('hex'))).size).toBe(macs.length);
  expect(secrets.mac('p', Buffer.from('ab'), 'c')).toEqual(macs[0]);
});

test('a secret key has to be 32 bytes in base64', () => {
  expect(parseSecretKey(Buffer.alloc(32, 1).toString('base64'), 'it')).toEqual(Buffer.alloc(32, 1));
  for (const bad of ['', 'short', Buffer.alloc(31).toString('base64'), `${'a'.repeat(42)}!`]) {
    expect(() => parseSecretKey(bad, 'RESPOOL_SECRET_KEY')).toThrow(/RESPOOL_SECRET_KEY.*32 bytes/);
  }
});

test('a turn comes back from its packed, compressed and sealed form item by item', () => {
  const parts = fc.record({
    input: fc.array(bytes(), { maxLength: 5 }),
    output: fc.array(bytes(), { maxLength: 5 }),
    response: bytes(),
    itemIds: fc.array(fc.string(), { maxLength: 5 }),
  });
  fc.assert(
    fc.property(parts, (node) => {
      const plain = packBody(node);
      const sealed = sealBody(secrets, { plain, aad: 'turn' });
      expect(unpackBody(openBody(secrets, sealed, 'turn', plain.length))).toEqual(node);
    }),
  );
});

test.each([[0], [2047], [2048], [500_000]])(
  'a body of %i bytes opens as what it was, and takes no more room than it must',
  (size) => {
    const plain = packBody({
      input: [Buffer.alloc(size, 'words ')],
      output: [],
      response: Buffer.from('{}'),
      itemIds: [],
    });
    const sealed = sealBody(secrets, { plain, aad: 'turn' });
    expect(openBody(secrets, sealed, 'turn', plain.length).equals(plain)).toBe(true);
    expect(sealed.length).toBeLessThan(Math.min(plain.length, 2048) + 100);
  },
);

test('a packed turn that was cut anywhere is refused', () => {
  const plain = packBody({
    input: [Buffer.from('{}')],
    output: [Buffer.from('[1]')],
    response: Buffer.from('{}'),
    itemIds: ['i'],
  });
  for (let length = 0; length < plain.length; length += 1) {
    expect(() => unpackBody(plain.subarray(0, length))).toThrow(StoreError);
  }
});
