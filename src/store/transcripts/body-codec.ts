/**
 * How a transcript body rests on disk: zstd where that pays, then sealed. Used by the writing thread (seal) and by the main
 * thread (open), so it must not know drizzle or SQLite.
 */
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { Sealer } from '../secrets/secrets.ts';
import type { PlainBody } from '../writer/write-unit.ts';

/** Under this size a compressor's own start costs more than it saves. */
const SMALL_BYTES = 2048;
/** The first bytes of every zstd frame (RFC 8878, 3.1.1); a body begins with two counts, which are never so large. */
const ZSTD_MAGIC = 0xfd2fb528;

export function sealBody(sealer: Sealer, body: PlainBody): Buffer {
  if (body.plain.length < SMALL_BYTES) return sealer.seal(body.plain, body.aad);
  const packed = zstdCompressSync(body.plain, {
    // The size lets zstd take a window no larger than the body: small turns stay cheap in memory.
    pledgedSrcSize: body.plain.length,
    params: { [constants.ZSTD_c_compressionLevel]: 3 },
  });
  return sealer.seal(packed, body.aad);
}

/** Throws when the bytes are not what was sealed under `aad`, or unpack to more than `maxBytes`. */
export function openBody(sealer: Sealer, sealed: Uint8Array, aad: string, maxBytes: number): Buffer {
  const opened = sealer.open(sealed, aad);
  if (opened.length < 4 || opened.readUInt32LE(0) !== ZSTD_MAGIC) return opened;
  return zstdDecompressSync(opened, { maxOutputLength: Math.max(maxBytes, 1) });
}
