/**
 * Finds where the members of a JSON object lie in its bytes. Nothing is decoded and no value is built, so a
 * body of megabytes can be checked, routed and spliced without a parsed copy of it on the heap.
 * Must not know what the members mean.
 */
import { isUtf8 } from 'node:buffer';
import {
  isDigit,
  MINUS,
  QUOTE,
  readingWords,
  skipLiteral,
  skipNumber,
  skipSpace,
  skipString,
} from './json-tokens.ts';

/** Byte offsets of one value: `start` is its first byte, `end` the byte after its last. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A member of an object; `keyStart` is the opening quote of its key, `elements` those of an array. */
export interface MemberSpan extends Span {
  readonly keyStart: number;
  readonly elements: readonly Span[] | undefined;
}

/** In document order. */
export type Members = ReadonlyMap<string, MemberSpan>;

export interface ScannedObject {
  readonly ok: true;
  readonly members: Members;
}

/** `message` is fit for a client; `at` is the offset of the byte that cannot stand where it does. */
export interface ScanRefusal {
  readonly ok: false;
  readonly message: string;
  readonly at: number;
}

/** JSON.parse has no limit, but what nests deeper than this is an attack on whoever walks it recursively. */
const MAX_DEPTH = 256;
/**
 * A value of two bytes costs whoever parses it fifty: the largest body of nothing but `{}` would fill a heap. A body of
 * that size that says something holds a tenth of this.
 */
const MAX_VALUES = 2_000_000;
/** Of the scan that runs; a scan never waits, so that one counter is enough. */
let values = 0;

/** Of the object itself, which are all kept; the API knows some forty. */
const MAX_MEMBERS = 1000;
/** Of an array that is a member, which are all kept; the longest conversation that fits a model has a tenth of it. */
const MAX_ELEMENTS = 100_000;
/** Of a name, in a message. */
const MAX_SHOWN = 80;

const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/**
 * Checks `bytes` as one JSON object (RFC 8259, UTF-8, at most 256 levels) and reports its members. Also refused:
 * a member named twice, because two parsers could then read two different requests out of one body.
 */
export function scanObject(bytes: Buffer): ScannedObject | ScanRefusal {
  return readingWords(bytes, () => scan(bytes));
}

function scan(bytes: Buffer): ScannedObject | ScanRefusal {
  values = 0;
  if (!isUtf8(bytes)) return { ok: false, message: 'the JSON is not valid UTF-8', at: 0 };
  const start = skipSpace(bytes, 0);
  if (start === bytes.length) return { ok: false, message: 'the JSON is empty', at: start };
  if (bytes[start] !== OPEN_BRACE) {
    return { ok: false, message: 'the JSON is not an object', at: start };
  }
  const members = new Map<string, MemberSpan>();
  const end = readMembers(bytes, start + 1, members);
  if (typeof end !== 'number') return end;
  const rest = skipSpace(bytes, end);
  return rest === bytes.length ? { ok: true, members } : refusalAt(bytes, rest);
}

function readMembers(bytes: Buffer, from: number, into: Map<string, MemberSpan>): number | ScanRefusal {
  let at = skipSpace(bytes, from);
  if (bytes[at] === CLOSE_BRACE) return at + 1;
  for (;;) {
    const end = readMember(bytes, at, into);
    if (typeof end !== 'number') return end;
    at = skipSpace(bytes, end);
    if (bytes[at] === CLOSE_BRACE) return at + 1;
    if (bytes[at] !== COMMA) return refusalAt(bytes, at);
    at = skipSpace(bytes, at + 1);
  }
}

function readMember(bytes: Buffer, at: number, into: Map<string, MemberSpan>): number | ScanRefusal {
  const start = skipKey(bytes, at);
  if (start < 0) return refusalAt(bytes, ~start);
  const key = keyAt(bytes, at);
  if (into.has(key)) {
    return { ok: false, message: `duplicate member ${JSON.stringify(key.slice(0, MAX_SHOWN))}`, at };
  }
  if (into.size >= MAX_MEMBERS) {
    return { ok: false, message: `the JSON object has more than ${MAX_MEMBERS} members`, at };
  }
  const elements: Span[] | undefined = bytes[start] === OPEN_BRACKET ? [] : undefined;
  const end = elements === undefined ? skipValue(bytes, start, 1) : readElements(bytes, start + 1, elements);
  if (end < 0) {
    return elements?.length === MAX_ELEMENTS ? tooManyElements(~end) : refusalAt(bytes, ~end);
  }
  into.set(key, { keyStart: at, start, end, elements });
  return end;
}

/** The array that is a member's value, from the byte after its bracket. */
function readElements(bytes: Buffer, from: number, into: Span[]): number {
  let at = skipSpace(bytes, from);
  if (bytes[at] === CLOSE_BRACKET) return at + 1;
  for (;;) {
    const end = skipValue(bytes, at, 2);
    if (end < 0) return end;
    if (into.length === MAX_ELEMENTS) return ~at;
    into.push({ start: at, end });
    at = skipSpace(bytes, end);
    if (bytes[at] === CLOSE_BRACKET) return at + 1;
    if (bytes[at] !== COMMA) return ~at;
    at = skipSpace(bytes, at + 1);
  }
}

function keyAt(bytes: Buffer, keyStart: number): string {
  const key = bytes.toString('utf8', keyStart + 1, skipString(bytes, keyStart) - 1);
  return key.includes('\\') ? JSON.parse(`"${key}"`) : key;
}

function tooManyElements(at: number): ScanRefusal {
  return { ok: false, message: `an array of the JSON holds more than ${MAX_ELEMENTS} elements`, at };
}

function refusalAt(bytes: Buffer, at: number): ScanRefusal {
  return { ok: false, message: reasonAt(bytes, at), at };
}

function reasonAt(bytes: Buffer, at: number): string {
  if (values > MAX_VALUES) return `the JSON holds more than ${MAX_VALUES} values`;
  const byte = bytes[at];
  if (byte === undefined) return 'the JSON ends too early';
  if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
    return `the JSON is malformed or nested deeper than ${MAX_DEPTH} levels at byte ${at}`;
  }
  return `the JSON is malformed at byte ${at}`;
}

/** `depth` counts the containers around the value. */
function skipValue(bytes: Buffer, at: number, depth: number): number {
  values += 1;
  if (values > MAX_VALUES) return ~at;
  const byte = bytes[at];
  if (byte === QUOTE) return skipString(bytes, at);
  if (byte === OPEN_BRACE) return depth < MAX_DEPTH ? skipObject(bytes, at + 1, depth + 1) : ~at;
  if (byte === OPEN_BRACKET) return depth < MAX_DEPTH ? skipArray(bytes, at + 1, depth + 1) : ~at;
  if (byte === MINUS || isDigit(byte)) return skipNumber(bytes, at);
  return skipLiteral(bytes, at);
}

function skipObject(bytes: Buffer, from: number, depth: number): number {
  let at = skipSpace(bytes, from);
  if (bytes[at] === CLOSE_BRACE) return at + 1;
  for (;;) {
    at = skipKey(bytes, at);
    if (at < 0) return at;
    at = skipValue(bytes, at, depth);
    if (at < 0) return at;
    at = skipSpace(bytes, at);
    if (bytes[at] === CLOSE_BRACE) return at + 1;
    if (bytes[at] !== COMMA) return ~at;
    at = skipSpace(bytes, at + 1);
  }
}

function skipArray(bytes: Buffer, from: number, depth: number): number {
  let at = skipSpace(bytes, from);
  if (bytes[at] === CLOSE_BRACKET) return at + 1;
  for (;;) {
    at = skipValue(bytes, at, depth);
    if (at < 0) return at;
    at = skipSpace(bytes, at);
    if (bytes[at] === CLOSE_BRACKET) return at + 1;
    if (bytes[at] !== COMMA) return ~at;
    at = skipSpace(bytes, at + 1);
  }
}

/** From a key's opening quote to the first byte of its value. */
function skipKey(bytes: Buffer, from: number): number {
  if (bytes[from] !== QUOTE) return ~from;
  let at = skipString(bytes, from);
  if (at < 0) return at;
  at = skipSpace(bytes, at);
  return bytes[at] === COLON ? skipSpace(bytes, at + 1) : ~at;
}
