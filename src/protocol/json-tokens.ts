/**
 * The smallest parts of JSON (RFC 8259), skipped in place. Each function answers with the offset after what it skipped,
 * or with `~offset` (always negative) of the byte that does not fit: an object per value would cost more than the scan
 * itself. Reading past the end gives `undefined`, which fits nowhere.
 */

export const QUOTE = 0x22;
const BACKSLASH = 0x5c;
export const MINUS = 0x2d;
const PLUS = 0x2b;
const DOT = 0x2e;
const ZERO = 0x30;

const LITERALS: ReadonlyMap<number, Buffer> = new Map(
  ['true', 'false', 'null'].map((word) => [word.charCodeAt(0), Buffer.from(word)]),
);
const ONE_LETTER_ESCAPES: ReadonlySet<number> = new Set(Buffer.from('"\\/bfnrt'));
const UNICODE_ESCAPE = 0x75;

const NO_WORDS = new DataView<ArrayBufferLike>(new ArrayBuffer(0));
/** The bytes that are read, four at a time; a scan never waits, so that one is enough. */
let words = NO_WORDS;

/** `work` may skip strings of `bytes`, and of nothing else. */
export function readingWords<T>(bytes: Buffer, work: () => T): T {
  words = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  try {
    return work();
  } finally {
    words = NO_WORDS;
  }
}

/** From the opening quote to the byte after the closing one. */
export function skipString(bytes: Buffer, from: number): number {
  let at = from + 1;
  for (;;) {
    at = skipPlain(at, bytes.length - 4);
    while (isPlain(bytes[at])) at++;
    if (bytes[at] === QUOTE) return at + 1;
    if (bytes[at] !== BACKSLASH) return ~at;
    at = skipEscape(bytes, at);
    if (at < 0) return at;
  }
}

/**
 * Past whole words of four bytes in which neither a quote nor a backslash nor a control character stands. Nearly all
 * bytes of a body pass through this loop, and one by one they would take four times as long. A byte below `n` is the
 * only one whose highest bit is clear, and set after `n` was taken away; a byte equal to `n` is zero, so below 1,
 * once `n` is taken out of it.
 */
function skipPlain(from: number, last: number): number {
  let at = from;
  while (at <= last) {
    const word = words.getInt32(at, true);
    const below =
      (word - 0x2020_2020) | ((word ^ 0x2222_2222) - 0x0101_0101) | ((word ^ 0x5c5c_5c5c) - 0x0101_0101);
    if ((below & ~word & 0x8080_8080) !== 0) return at;
    at += 4;
  }
  return at;
}

function skipEscape(bytes: Buffer, from: number): number {
  const letter = bytes[from + 1] ?? 0;
  if (ONE_LETTER_ESCAPES.has(letter)) return from + 2;
  if (letter !== UNICODE_ESCAPE) return ~Math.min(from + 1, bytes.length);
  for (let at = from + 2; at < from + 6; at++) {
    if (!isHexDigit(bytes[at])) return ~at;
  }
  return from + 6;
}

export function skipNumber(bytes: Buffer, from: number): number {
  let at = bytes[from] === MINUS ? from + 1 : from;
  at = bytes[at] === ZERO ? at + 1 : skipDigits(bytes, at);
  if (at >= 0 && bytes[at] === DOT) at = skipDigits(bytes, at + 1);
  if (at >= 0 && isExponent(bytes[at])) {
    const sign = bytes[at + 1];
    at = skipDigits(bytes, sign === PLUS || sign === MINUS ? at + 2 : at + 1);
  }
  return at;
}

/** At least one digit. */
function skipDigits(bytes: Buffer, from: number): number {
  let at = from;
  while (isDigit(bytes[at])) at++;
  return at === from ? ~at : at;
}

export function skipLiteral(bytes: Buffer, from: number): number {
  const word = LITERALS.get(bytes[from] ?? 0);
  if (word === undefined) return ~from;
  for (let i = 1; i < word.length; i++) {
    if (bytes[from + i] !== word[i]) return ~(from + i);
  }
  return from + word.length;
}

export function skipSpace(bytes: Buffer, from: number): number {
  let at = from;
  while (isSpace(bytes[at])) at++;
  return at;
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

export function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= 0x39;
}

function isExponent(byte: number | undefined): boolean {
  return byte === 0x65 || byte === 0x45;
}

function isHexDigit(byte: number | undefined): boolean {
  if (byte === undefined) return false;
  const lower = byte | 0x20;
  return isDigit(byte) || (lower >= 0x61 && lower <= 0x66);
}

/** May stand in a string as it is. */
function isPlain(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x20 && byte !== QUOTE && byte !== BACKSLASH;
}
