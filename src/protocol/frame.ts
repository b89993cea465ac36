/**
 * One event of a Responses stream: its type for the turn machine, its bytes for the client, untouched.
 * Knows the event families of the wire, not what is to be done about them.
 */

import { isUtf8 } from 'node:buffer';

/** `data` is the JSON text of one event, exactly as upstream wrote it. */
export interface Frame {
  readonly type: string;
  readonly data: Buffer;
  /** The event with its framing, where it came as exactly what `encodeSse` would write. */
  readonly event?: Buffer;
}

/**
 * - `handshake` says only that upstream has begun; a client may never learn of it, so a refusal can still be repaired
 * - `vendor` is for Codex clients only and carries no output
 * - `terminal` ends the stream; `error` ends it too, without a response object
 * - `output` is everything else: once one is released, the turn cannot be repeated unseen
 */
export type FrameKind = 'handshake' | 'vendor' | 'output' | 'terminal' | 'error';

const FIXED: ReadonlyMap<string, FrameKind> = new Map([
  ['response.created', 'handshake'],
  ['response.in_progress', 'handshake'],
  ['response.queued', 'handshake'],
  ['response.metadata', 'vendor'],
  ['response.completed', 'terminal'],
  ['response.incomplete', 'terminal'],
  ['response.failed', 'terminal'],
  ['response.cancelled', 'terminal'],
  ['error', 'error'],
]);

export function kindOf(type: string): FrameKind {
  const fixed = FIXED.get(type);
  if (fixed !== undefined) return fixed;
  return type.startsWith('codex.') || type.startsWith('responsesapi.') ? 'vendor' : 'output';
}

export const TYPE_PREFIX = Buffer.from('{"type":"');
const QUOTE = 0x22;
const CLOSE_BRACE = 0x7d;
const MAX_TYPE = 80;
const PLAIN = /^[\w.-]+$/;

/**
 * The frame in one WebSocket message. The type is read from the prefix that real upstreams write; any other
 * member order costs one parse. `undefined`: not a JSON object with a string `type`.
 */
export function frameOf(data: Buffer): Frame | undefined {
  if (startsWith(data, TYPE_PREFIX, 0) && data.at(-1) === CLOSE_BRACE) {
    const type = typeAt(data, TYPE_PREFIX.length, QUOTE);
    if (type !== undefined) return { type, data };
  }
  const parsed = parseObject(data);
  return typeof parsed?.['type'] === 'string' ? { type: parsed['type'], data } : undefined;
}

/** The same text where it is text, else with U+FFFD in the place of what is none: a WebSocket client would close. */
export function readable(data: Buffer): Buffer {
  return isUtf8(data) ? data : Buffer.from(data.toString('utf8'));
}

interface KnownType {
  readonly bytes: Buffer;
  readonly type: string;
}

/** Types read before, by a hash of their bytes: a stream has a dozen of them, and a string need not be made again. */
const known: (KnownType | undefined)[] = new Array(256).fill(undefined);

/** The type that begins at `from` and ends before the byte `end`; undefined when it is not plain enough to be one. */
export function typeAt(source: Buffer, from: number, end: number): string | undefined {
  const last = Math.min(source.length, from + MAX_TYPE + 1);
  let at = from;
  let hash = 0;
  for (let byte = source[at]; byte !== end; byte = source[at]) {
    at += 1;
    if (byte === undefined || at >= last) return undefined;
    hash = (hash * 31 + byte) | 0;
  }
  const before = known[hash & 255];
  if (before?.bytes.length === at - from && startsWith(source, before.bytes, from)) return before.type;
  const type = source.toString('latin1', from, at);
  if (!PLAIN.test(type)) return undefined;
  known[hash & 255] = { bytes: Buffer.from(type, 'latin1'), type };
  return type;
}

export function startsWith(source: Buffer, beginning: Buffer, from: number): boolean {
  if (source.length - from < beginning.length) return false;
  for (let at = 0; at < beginning.length; at += 1) if (source[from + at] !== beginning[at]) return false;
  return true;
}

/** The JSON object in these bytes, or `undefined` when they hold anything else. */
export function parseObject(data: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(data.toString('utf8'));
    return isRecord(value) ? value : undefined;
  } catch (cause) {
    if (cause instanceof SyntaxError) return undefined;
    throw cause;
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A frame of our own making. */
export function makeFrame(event: { readonly type: string } & Record<string, unknown>): Frame {
  return { type: event.type, data: Buffer.from(JSON.stringify(event)) };
}
