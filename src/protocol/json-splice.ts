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
  const open = bytes.indexOf('{') + 1;
  const pieces = new Pieces(bytes, open);
  let from = open;
  for (const [name, span] of members) {
    const to = segmentEnd(bytes, span, close);
    if (!drop.has(name)) pieces.member({ from, to, span }, set.get(name));
    from = to + 1;
  }
  for (const [name, value] of set) if (!members.has(name)) pieces.append(name, value);
  return pieces.end(close);
}

interface Segment {
  readonly from: number;
  readonly to: number;
  readonly span: MemberSpan;
}

/** What is kept of an object, in as few pieces as its edits allow: most members stand beside others that are kept. */
class Pieces {
  readonly #bytes: Buffer;
  readonly #done: Buffer[] = [];
  /** What is kept and not in `#done` yet. */
  #from = 0;
  #to: number;
  #members: 'none' | 'some' = 'none';

  constructor(bytes: Buffer, open: number) {
    this.#bytes = bytes;
    this.#to = open;
  }

  member({ from, to, span }: Segment, value: JsonBytes | undefined): void {
    const isNext = this.#members === 'none' ? from === this.#to : from === this.#to + 1;
    if (!isNext) {
      this.#close();
      if (this.#members === 'some') this.#done.push(COMMA);
      this.#from = from;
    }
    this.#to = to;
    this.#members = 'some';
    if (value === undefined) return;
    this.#to = span.start;
    this.#close();
    this.#push(value);
    this.#from = span.end;
    this.#to = to;
  }

  append(name: string, value: JsonBytes): void {
    this.#close();
    const comma = this.#members === 'some' ? ',' : '';
    this.#done.push(Buffer.from(`${comma}${JSON.stringify(name)}:`));
    this.#push(value);
    this.#members = 'some';
  }

  end(close: number): Buffer {
    if (this.#to !== close) {
      this.#close();
      this.#from = close;
    }
    this.#to = this.#bytes.length;
    this.#close();
    return Buffer.concat(this.#done);
  }

  #push(value: JsonBytes): void {
    if (Buffer.isBuffer(value)) this.#done.push(value);
    else this.#done.push(...value);
  }

  #close(): void {
    if (this.#to > this.#from) this.#done.push(this.#bytes.subarray(this.#from, this.#to));
    this.#from = this.#to;
  }
}

/** The JSON array of these elements, each of them JSON text already. */
export function joinArray(items: readonly Buffer[]): Buffer {
  const parts: Buffer[] = [OPEN_BRACKET];
  for (const [index, item] of items.entries()) {
    if (index > 0) parts.push(COMMA);
    parts.push(item);
  }
  parts.push(CLOSE_BRACKET);
  return Buffer.concat(parts);
}

/** A member's segment reaches, with the spaces around it, to its comma or to the closing brace. */
function segmentEnd(bytes: Buffer, span: MemberSpan, close: number): number {
  const comma = bytes.indexOf(COMMA_BYTE, span.end);
  return comma < 0 || comma > close ? close : comma;
}
