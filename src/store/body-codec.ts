/**
 * How a transcript body rests on disk: zstd, then sealed. Used by the writing thread (seal) and by the main
 * thread (open), so it must not know drizzle or SQLite.
 */
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { Sealer } from './secrets.ts';
import type { PlainBody } from './write-unit.ts';

export function sealBody(sealer: Sealer, body: PlainBody): Buffer {
  const packed = zstdCompressSync(body.plain, {
    // The size lets zstd take a window no larger than the body: small turns stay cheap in memory.
    pledgedSrcSize: body.plain.length,
    params: { [constants.ZSTD_c_compressionLevel]: 3 },
  });
  return sealer.seal(packed, body.aad);
}

/** Throws when the bytes are not what was sealed under `aad`, or unpack to more than `maxBytes`. */
export function openBody(sealer: Sealer, sealed: Uint8Array, aad: string, maxBytes: number): Buffer {
  return zstdDecompressSync(sealer.open(sealed, aad), { maxOutputLength: Math.max(maxBytes, 1) });
}
