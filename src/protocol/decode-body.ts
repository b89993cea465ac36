/**
 * Undoes the `content-encoding` of a request body. Every step is bounded, so that a few kilobytes of hostile
 * input can neither fill the memory nor hold the event loop. Must not know what the body says.
 */
import { promisify } from 'node:util';
import * as zlib from 'node:zlib';

/** `message` is fit for a client: 400 damaged, 413 too large once decoded, 415 a coding that is not known. */
export type DecodedBody =
  | { readonly ok: true; readonly bytes: Buffer }
  | { readonly ok: false; readonly status: 400 | 413 | 415; readonly message: string };

interface Bound {
  readonly maxOutputLength: number;
}

interface Coding {
  readonly sync: (bytes: Buffer, bound: Bound) => Buffer;
  readonly async: (bytes: Buffer, bound: Bound) => Promise<Buffer>;
}

/** Below both, decoding at once is cheaper than the way to the thread pool and back, and no stall is felt. */
const SYNC_INPUT_BYTES = 256 * 1024;
const SYNC_OUTPUT_BYTES = 4 * 1024 * 1024;

/** Nobody stacks more; each one is another chance to blow up. */
const MAX_CODINGS = 3;

/** As many as the thread pool can work on. Each may fill its whole bound before it is found out. */
const MAX_LARGE_AT_ONCE = 4;
let largeRunning = 0;
const largeWaiting: (() => void)[] = [];

const GZIP: Coding = { sync: zlib.gunzipSync, async: promisify<Buffer, Bound, Buffer>(zlib.gunzip) };
const INFLATE: Coding = { sync: zlib.inflateSync, async: promisify<Buffer, Bound, Buffer>(zlib.inflate) };
const INFLATE_RAW: Coding = {
  sync: zlib.inflateRawSync,
  async: promisify<Buffer, Bound, Buffer>(zlib.inflateRaw),
};
const BROTLI: Coding = {
  sync: zlib.brotliDecompressSync,
  async: promisify<Buffer, Bound, Buffer>(zlib.brotliDecompress),
};
const ZSTD: Coding = {
  sync: zlib.zstdDecompressSync,
  async: promisify<Buffer, Bound, Buffer>(zlib.zstdDecompress),
};

const CODINGS: ReadonlyMap<string, (bytes: Buffer) => Coding> = new Map([
  ['gzip', () => GZIP],
  ['x-gzip', () => GZIP],
  ['deflate', (bytes: Buffer) => (hasZlibHeader(bytes) ? INFLATE : INFLATE_RAW)],
  ['br', () => BROTLI],
  ['zstd', () => ZSTD],
]);

/**
 * `encoding` is the value of `content-encoding`; several codings are undone from the last to the first.
 * `limitBytes` bounds the result of every step.
 */
export async function decodeBody(
  bytes: Buffer,
  encoding: string | undefined,
  limitBytes: number,
): Promise<DecodedBody> {
  const names = codingNames(encoding);
  if (names.length > MAX_CODINGS) return unsupported(names.join(', '));
  let decoded = bytes;
  for (const name of names.toReversed()) {
    const coding = CODINGS.get(name)?.(decoded);
    if (coding === undefined) return unsupported(name);
    const step = await undo(coding, decoded, limitBytes);
    if (!step.ok) return step;
    decoded = step.bytes;
  }
  return decoded.length > limitBytes ? tooLarge(limitBytes) : { ok: true, bytes: decoded };
}

function codingNames(encoding: string | undefined): readonly string[] {
  return (encoding ?? '')
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '' && name !== 'identity');
}

async function undo(coding: Coding, bytes: Buffer, limitBytes: number): Promise<DecodedBody> {
  try {
    const small = bytes.length <= SYNC_INPUT_BYTES ? undoSmall(coding, bytes, limitBytes) : undefined;
    return { ok: true, bytes: small ?? (await undoLarge(coding, bytes, limitBytes)) };
  } catch (cause) {
    if (codeOf(cause) === 'ERR_BUFFER_TOO_LARGE') return tooLarge(limitBytes);
    if (isDamage(cause)) {
      return { ok: false, status: 400, message: 'the body does not match its content-encoding' };
    }
    throw cause;
  }
}

/** `undefined` when little input turns out to hold much: that is decoded off the event loop after all. */
function undoSmall(coding: Coding, bytes: Buffer, limitBytes: number): Buffer | undefined {
  try {
    return coding.sync(bytes, { maxOutputLength: Math.min(limitBytes, SYNC_OUTPUT_BYTES) });
  } catch (cause) {
    if (codeOf(cause) === 'ERR_BUFFER_TOO_LARGE' && limitBytes > SYNC_OUTPUT_BYTES) return undefined;
    throw cause;
  }
}

async function undoLarge(coding: Coding, bytes: Buffer, limitBytes: number): Promise<Buffer> {
  if (largeRunning >= MAX_LARGE_AT_ONCE) await new Promise<void>((resolve) => largeWaiting.push(resolve));
  else largeRunning += 1;
  try {
    return await coding.async(bytes, { maxOutputLength: limitBytes });
  } finally {
    // The place goes to who waited longest; only without one it becomes free.
    const next = largeWaiting.shift();
    if (next === undefined) largeRunning -= 1;
    else next();
  }
}

/** The codes of zlib (`Z_…`), brotli (`ERR_…`, `ERR__…`) and zstd (`ZSTD_…`) all mean that the input is at fault. */
function isDamage(cause: unknown): boolean {
  const code = codeOf(cause);
  return code !== undefined && /^(?:Z_|ERR_|ZSTD_)/.test(code);
}

function codeOf(cause: unknown): string | undefined {
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined;
}

/** Clients disagree on what `deflate` is; the two header bytes of zlib are a multiple of 31 and name method 8. */
function hasZlibHeader(bytes: Buffer): boolean {
  if (bytes.length < 2) return false;
  return ((bytes[0] ?? 0) & 0x0f) === 8 && bytes.readUInt16BE(0) % 31 === 0;
}

function unsupported(coding: string): DecodedBody {
  const message = `content-encoding ${JSON.stringify(coding)} is not supported; use gzip, deflate, br or zstd`;
  return { ok: false, status: 415, message };
}

function tooLarge(limitBytes: number): DecodedBody {
  return { ok: false, status: 413, message: `the body is larger than ${limitBytes} bytes once decoded` };
}
