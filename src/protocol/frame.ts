/**
 * One event of a Responses stream: its type for the turn machine, its bytes for the client, untouched.
 * Knows the event families of the wire, not what is to be done about them.
 */

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
  ['error', 'error'],
]);

export function kindOf(type: string): FrameKind {
  const fixed = FIXED.get(type);
  if (fixed !== undefined) return fixed;
  return type.startsWith('codex.') || type.startsWith('responsesapi.') ? 'vendor' : 'output';
}

const TYPE_PREFIX = Buffer.from('{"type":"');
const QUOTE = 0x22;
const LONGEST_TYPE = 80;

/**
 * The frame in one WebSocket message. The type is read from the prefix that real upstreams write; any other
 * member order costs one parse. `undefined`: not a JSON object with a string `type`.
 */
export function frameOf(data: Buffer): Frame | undefined {
  if (
    data.length > TYPE_PREFIX.length &&
    data.compare(TYPE_PREFIX, 0, TYPE_PREFIX.length, 0, TYPE_PREFIX.length) === 0
  ) {
    const end = data.indexOf(QUOTE, TYPE_PREFIX.length);
    if (end > 0 && end - TYPE_PREFIX.length <= LONGEST_TYPE) {
      return { type: data.toString('latin1', TYPE_PREFIX.length, end), data };
    }
  }
  const parsed = parseObject(data);
  return typeof parsed?.['type'] === 'string' ? { type: parsed['type'], data } : undefined;
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
