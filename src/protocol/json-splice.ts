/**
 * Changes members of a JSON object in its bytes. Whatever is not named keeps its bytes, its spacing and its
 * place, so that what upstream receives differs from what the client wrote only where that was meant.
 * Must not know what the members mean.
 */
import type { MemberSpan, Members } from './json-scan.ts';

/** Valid JSON text, whole or in pieces that follow one another. */
export type JsonBytes = Buffer | readonly Buffer[];

/** `set` replaces a member where it stands, or appends it; a name in both lists is set. */
export interface Edits {
  readonly drop?: readonly string[];
  readonly set?: Readonly<Record<string, JsonBytes>>;
}

const COMMA_BYTE = 0x2c;
const CLOSE_BRACE_BYTE = 0x7d;
const COMMA = Buffer.from(',');
const CLOSE_BRACE = Buffer.from('}');
const OPEN_BRACKET = Buffer.from('[');
const CLOSE_BRACKET = Buffer.from(']');

/**
 * `bytes` with the edits made; `members` are those that `scanObject(bytes)` found. All pieces are joined in one copy; an
 * edit that changes nothing gives back `bytes` itself.
 */
export function rewriteObject(bytes: Buffer, members: Members, edits: Edits): Buffer {
  const set = new Map(Object.entries(edits.set ?? {}));
  const drop = new Set((edits.drop ?? []).filter((name) => members.has(name) && !set.has(name)));
  if (set.size === 0 && drop.size === 0) return bytes;

  const close = bytes.lastIndexOf(CLOSE_BRACE_BYTE);
  const parts: Buffer[] = [];
  let from = bytes.indexOf('{') + 1;
  parts.push(bytes.subarray(0, from));
  const separate = separator(parts);
  for (const [name, span] of members) {
    const segment = { from, to: segmentEnd(bytes, span, close) };
    from = segment.to + 1;
    if (drop.has(name)) continue;
    separate();
    parts.push(...segmentParts(bytes, segment, { span, value: set.get(name) }));
  }
  for (const [name, value] of set) {
    if (members.has(name)) continue;
    separate();
    parts.push(Buffer.from(`${JSON.stringify(name)}:`), ...pieces(value));
  }
  parts.push(CLOSE_BRACE, bytes.subarray(close + 1));
  return Buffer.concat(parts);
}

/** The JSON array of these elements, each of them JSON text already. */
export function joinArray(items: readonly Buffer[]): Buffer {
  const parts: Buffer[] = [OPEN_BRACKET];
  const separate = separator(parts);
  for (const item of items) {
    separate();
    parts.push(item);
  }
  parts.push(CLOSE_BRACKET);
  return Buffer.concat(parts);
}

/** Adds a comma at every call but the first. */
function separator(parts: Buffer[]): () => void {
  let first = true;
  return () => {
    if (!first) parts.push(COMMA);
    first = false;
  };
}

/** A member's segment reaches, with the spaces around it, to its comma or to the closing brace. */
function segmentEnd(bytes: Buffer, span: MemberSpan, close: number): number {
  const comma = bytes.indexOf(COMMA_BYTE, span.end);
  return comma < 0 || comma > close ? close : comma;
}

function segmentParts(
  bytes: Buffer,
  segment: { readonly from: number; readonly to: number },
  member: { readonly span: MemberSpan; readonly value: JsonBytes | undefined },
): readonly Buffer[] {
  if (member.value === undefined) return [bytes.subarray(segment.from, segment.to)];
  return [
    bytes.subarray(segment.from, member.span.start),
    ...pieces(member.value),
    bytes.subarray(member.span.end, segment.to),
  ];
}

function pieces(value: JsonBytes): readonly Buffer[] {
  return Buffer.isBuffer(value) ? [value] : value;
}
