/**
 * Keys and sealing: the server's secret key, what is derived from it, and AES-256-GCM for everything that
 * rests on disk. Imported by the writing thread too, so it must not know drizzle or SQLite.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hkdfSync,
  randomBytes,
} from 'node:crypto';
import { join } from 'node:path';
import { explain } from '../database/explain.ts';
import { StoreError } from '../store-error.ts';
import { createPrivateFile, readPrivateFile } from './private-file.ts';

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const VERSION = 1;
const HEADER_BYTES = 1 + NONCE_BYTES;

/** Authenticated encryption; `aad` is the identity of the row, so that a value moved to another row will not open. */
export interface Sealer {
  seal(plain: Uint8Array, aad: string): Buffer;
  /** Throws `StoreError` when key, associated data or bytes do not fit together. */
  open(sealed: Uint8Array, aad: string): Buffer;
}

export interface Secrets extends Sealer {
  /** The derived sealing key (32 bytes), for the writing thread only. */
  readonly sealingKey: Buffer;
  /** HMAC-SHA-256 (32 bytes) of the parts, each with its length, under a key of this server. */
  mac(purpose: string, ...parts: readonly (string | Uint8Array)[]): Buffer;
}

/** Layout: version byte, 12 bytes nonce, ciphertext, 16 bytes tag. */
export function sealerOf(bytes: Uint8Array): Sealer {
  // Raw bytes would be imported anew for every value, which costs more than sealing a small one.
  const key = createSecretKey(bytes);
  return {
    seal(plain, aad) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(aad));
      const body = cipher.update(plain);
      cipher.final();
      return Buffer.concat([Buffer.of(VERSION), nonce, body, cipher.getAuthTag()]);
    },
    open(sealed, aad) {
      if (sealed.length < HEADER_BYTES + TAG_BYTES || sealed[0] !== VERSION) {
        throw new StoreError('A sealed value has an unknown form; it was not written by this version.');
      }
      const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(1, HEADER_BYTES))
        .setAAD(Buffer.from(aad))
        .setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
      const plain = decipher.update(sealed.subarray(HEADER_BYTES, sealed.length - TAG_BYTES));
      try {
        decipher.final();
      } catch (cause) {
        throw new StoreError('A sealed value does not open with this secret key.', { cause });
      }
      return plain;
    },
  };
}

/** Everything derived from the secret key: no derived key says anything about another. */
export function secretsFrom(secretKey: Uint8Array): Secrets {
  const derive = (use: string): Buffer => Buffer.from(hkdfSync('sha256', secretKey, '', use, KEY_BYTES));
  const sealingKey = derive('respool/seal/1');
  const macKey = createSecretKey(derive('respool/mac/1'));
  return {
    ...sealerOf(sealingKey),
    sealingKey,
    mac(purpose, ...parts) {
      const named = [purpose, ...parts].flatMap((part) => {
        const bytes = typeof part === 'string' ? Buffer.from(part) : part;
        const length = Buffer.allocUnsafe(4);
        length.writeUInt32LE(bytes.length);
        return [length, bytes];
      });
      // One update: each costs more than the few bytes that are in it.
      return createHmac('sha256', macKey).update(Buffer.concat(named)).digest();
    },
  };
}

/** Decodes a 32-byte base64 key; `source` names the place in the error sentence. */
export function parseSecretKey(text: string, source: string): Buffer {
  const key = Buffer.from(text.trim(), 'base64');
  if (key.length !== KEY_BYTES || !/^[A-Za-z0-9+/_-]+=*$/.test(text.trim())) {
    throw new StoreError(
      `${source} is not a secret key: it has to be 32 bytes in base64, for example from \`openssl rand -base64 32\`.`,
    );
  }
  return key;
}

/**
 * The secret key: the given value, else `secret.key` in the data directory, else a new one. A new key is
 * only made for a database that has nothing sealed yet: beside an old one it would lock every account out.
 */
export function loadSecretKey(
  dataDir: string,
  given: string | undefined,
  database: 'fresh' | 'sealed',
): Buffer {
  if (given !== undefined) return parseSecretKey(given, 'RESPOOL_SECRET_KEY');
  const path = join(dataDir, 'secret.key');
  const found = readPrivateFile(path);
  if (found !== undefined) return parseSecretKey(found, path);
  if (database === 'sealed') {
    throw new StoreError(
      `${path} is missing, but the database beside it was encrypted with it: put the file back or set RESPOOL_SECRET_KEY.`,
    );
  }
  const key = randomBytes(KEY_BYTES);
  createPrivateFile(path, key.toString('base64'));
  return key;
}

/** The admin token: the given value, else the file `admin-token`, else a new one (43 characters, kept there). */
export function loadAdminToken(dataDir: string, given?: string): string {
  if (given !== undefined) return given;
  const path = join(dataDir, 'admin-token');
  try {
    const found = readPrivateFile(path);
    if (found !== undefined && found !== '') return found;
    const token = randomBytes(KEY_BYTES).toString('base64url');
    createPrivateFile(path, token);
    return token;
  } catch (error) {
    throw explain(error, path);
  }
}
