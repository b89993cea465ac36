/**
 * Server-sent events, read from chunks cut anywhere and written as one buffer an event.
 * Knows the framing; of the payload it reads no more than the type, and only when the framing does not say it.
 */
import { isUtf8 } from 'node:buffer';
import {
  type Frame,
  frameOf,
  isRecord,
  parseObject,
  readable,
  startsWith,
  TYPE_PREFIX,
  typeAt,
} from './frame.ts';

/** No event of a real stream comes near it; without a bound an upstream could fill the memory. */
const MAX_EVENT_BYTES = 64 * 1024 * 1024;

const LF = 0x0a;
const CR = 0x0d;
const COLON = 0x3a;
const SPACE = 0x20;
const QUOTE = 0x22;
const CLOSE_BRACE = 0x7d;
const EVENT_FIELD = Buffer.from('event: ');
const DATA_FIELD = Buffer.from('data: ');
const DATA = Buffer.from('data');
const EVENT = Buffer.from('event');

/** A comment: keeps the connection alive and is seen by no client's code. */
export const SSE_COMMENT: Buffer = Buffer.from(': keep-alive\n\n');

/**
 * Reads one stream. The `data` of an event that arrived within one chunk is a view of that chunk: forward it at
 * once, and copy what is to be kept, or a few hundred bytes hold 64 kB of socket buffer in memory.
 */
export class SseScanner {
  #type = '';
  #lines: Buffer[] = [];
  #eventBytes = 0;
  /** The beginning of a line whose end has not come yet: `#tail` holds `#tailBytes` of it and has room to grow. */
  #tail: Buffer | undefined;
  #tailBytes = 0;
  /** The last chunk ended in CR: an LF at the start of the next one belongs to the same line end. */
  #afterCr = false;
  /** Where the next of each stands in the chunk that is being read. */
  #lf = -1;
  #cr = -1;
  #tooLarge = false;
  #frames: Frame[] = [];

  /** The events that this chunk completed, in order. Look at `error` afterwards. */
  push(chunk: Buffer): readonly Frame[] {
    this.#frames = [];
    if (chunk.length > 0 && !this.#tooLarge) this.#read(chunk);
    return this.#frames;
  }

  /** Once set, nothing more is read and the stream has to be abandoned; the frames before it are still good. */
  get error(): 'event_too_large' | undefined {
    return this.#tooLarge ? 'event_too_large' : undefined;
  }

  /** To be called when the stream has ended: whether it ended between two events or inside one. */
  end(): 'complete' | 'unfinished' {
    return this.#isBetween ? 'complete' : 'unfinished';
  }

  #read(chunk: Buffer): void {
    let from = this.#afterCr && chunk[0] === LF ? 1 : 0;
    this.#afterCr = false;
    this.#lf = -1;
    this.#cr = -1;
    while (from < chunk.length && !this.#tooLarge) {
      from = this.#readUsual(chunk, from);
      if (from < chunk.length) from = this.#readLine(chunk, from);
    }
  }

  #readUsual(chunk: Buffer, begin: number): number {
    let from = begin;
    while (this.#isBetween) {
      if (this.#cr < from) this.#cr = nextOf(chunk, CR, from);
      const frame = usualEvent(chunk, from, this.#cr);
      if (frame === undefined) break;
      this.#frames.push(frame);
      from += frame.event.length;
    }
    return from;
  }

  /** The offset after the line that begins at `from`, or after what has come of it. */
  #readLine(chunk: Buffer, from: number): number {
    if (this.#lf < from) this.#lf = nextOf(chunk, LF, from);
    if (this.#cr < from) this.#cr = nextOf(chunk, CR, from);
    const end = Math.min(this.#lf, this.#cr);
    if (end === chunk.length) {
      this.#keepTail(chunk, from);
      return end;
    }
    this.#endLine(chunk, from, end);
    this.#afterCr = end === chunk.length - 1 && end === this.#cr;
    return end === this.#cr && chunk[end + 1] === LF ? end + 2 : end + 1;
  }

  get #isBetween(): boolean {
    return this.#tailBytes === 0 && this.#lines.length === 0 && this.#type === '';
  }

  /** Grows by doubling, so that an event in many chunks is copied a bounded number of times, however it is cut. */
  #keepTail(chunk: Buffer, from: number): void {
    const bytes = this.#tailBytes + chunk.length - from;
    if (this.#exceeds(bytes)) return;
    if (this.#tail === undefined || bytes > this.#tail.length) {
      const grown = Buffer.allocUnsafe(Math.max(bytes, 2 * this.#tailBytes));
      this.#tail?.copy(grown, 0, 0, this.#tailBytes);
      this.#tail = grown;
    }
    chunk.copy(this.#tail, this.#tailBytes, from);
    this.#tailBytes = bytes;
  }

  #endLine(chunk: Buffer, from: number, end: number): void {
    if (this.#tailBytes === 0) {
      this.#takeLine(chunk, from, end);
      return;
    }
    this.#keepTail(chunk.subarray(0, end), from);
    const tail = this.#tail;
    const bytes = this.#tailBytes;
    this.#tail = undefined;
    this.#tailBytes = 0;
    if (tail !== undefined && !this.#tooLarge) this.#takeLine(tail, 0, bytes);
  }

  #takeLine(source: Buffer, from: number, end: number): void {
    if (from === end) {
      this.#endEvent();
      return;
    }
    const data = valueStart(source, { from, end, name: DATA });
    if (data >= 0) {
      if (this.#exceeds(end - data)) return;
      this.#eventBytes += end - data + 1;
      this.#lines.push(source.subarray(data, end));
      return;
    }
    const event = valueStart(source, { from, end, name: EVENT });
    if (event >= 0) this.#type = source.toString('utf8', event, end);
  }

  #endEvent(): void {
    const frame = frameFrom(this.#type, this.#lines);
    if (frame !== undefined) this.#frames.push(frame);
    this.#type = '';
    this.#lines = [];
    this.#eventBytes = 0;
  }

  #exceeds(moreBytes: number): boolean {
    if (this.#eventBytes + moreBytes > MAX_EVENT_BYTES) {
      this.#tooLarge = true;
      this.#lines = [];
      this.#tail = undefined;
    }
    return this.#tooLarge;
  }
}

/** An event as upstreams write them. Most go on as they came, and nobody asks for the data alone. */
class UsualEvent implements Frame {
  readonly type: string;
  readonly event: Buffer;

  constructor(type: string, event: Buffer) {
    this.type = type;
    this.event = event;
  }

  get data(): Buffer {
    const begin = EVENT_FIELD.length + this.type.length + 1 + DATA_FIELD.length;
    return this.event.subarray(begin, this.event.length - 2);
  }
}

/**
 * The event that begins at `from`, if it has the form that upstreams write and ends within the chunk: two lines, each
 * ended by LF alone.
 */
function usualEvent(chunk: Buffer, from: number, cr: number): UsualEvent | undefined {
  if (!startsWith(chunk, EVENT_FIELD, from)) return undefined;
  const name = from + EVENT_FIELD.length;
  const type = typeAt(chunk, name, LF);
  if (type === undefined) return undefined;
  const dataLine = name + type.length + 1;
  if (!startsWith(chunk, DATA_FIELD, dataLine)) return undefined;
  const data = dataLine + DATA_FIELD.length;
  const end = nextOf(chunk, LF, data);
  if (chunk[end + 1] !== LF || cr < end) return undefined;
  // What the data says of its type is what clients go by.
  if (chunk[end - 1] !== CLOSE_BRACE || !startsWith(chunk, TYPE_PREFIX, data)) return undefined;
  if (typeAt(chunk, data + TYPE_PREFIX.length, QUOTE) !== type) return undefined;
  const event = chunk.subarray(from, end + 2);
  return isUtf8(event) ? new UsualEvent(type, event) : undefined;
}

/** The frame as one event of a stream, in a single allocation. */
export function encodeSse(type: string, data: Buffer): Buffer {
  const head = `event: ${type}\ndata: `;
  const headBytes = Buffer.byteLength(head);
  const event = Buffer.allocUnsafe(headBytes + data.length + 2);
  event.write(head);
  data.copy(event, headBytes);
  spaceOut(event, LF, headBytes);
  spaceOut(event, CR, headBytes);
  event.fill(LF, headBytes + data.length);
  return event;
}

/** A line end would cut the event in two; in JSON text it can only be white space between tokens. */
function spaceOut(event: Buffer, lineEnd: number, from: number): void {
  const end = event.length - 2;
  for (let at = nextOf(event, lineEnd, from); at < end; at = nextOf(event, lineEnd, at)) event[at] = SPACE;
}

function frameFrom(type: string, lines: readonly Buffer[]): Frame | undefined {
  const [first] = lines;
  if (first === undefined) return undefined;
  const data = readable(lines.length === 1 ? first : joinLines(lines));
  const frame = frameOf(data);
  if (frame !== undefined) return frame;
  // No client can read what is no object.
  if (type !== '') return parseObject(data) === undefined ? undefined : { type, data };
  return untypedFrame(data);
}

/**
 * Gateways report a failure as a bare `{"error":…}`; some streams close with `[DONE]`. `message` is what the
 * framing itself calls an event without a name.
 */
function untypedFrame(data: Buffer): Frame | undefined {
  const event = parseObject(data);
  return event && { type: isRecord(event['error']) ? 'error' : 'message', data };
}

function joinLines(lines: readonly Buffer[]): Buffer {
  const separator = Buffer.from([LF]);
  return Buffer.concat(lines.flatMap((line, index) => (index === 0 ? [line] : [separator, line])));
}

interface Line {
  readonly from: number;
  readonly end: number;
  readonly name: Buffer;
}

/** Where the value of the field `name` begins in this line; -1 when the line is another field or a comment. */
function valueStart(source: Buffer, { from, end, name }: Line): number {
  const colon = from + name.length;
  if (source[from] !== name[0] || colon > end) return -1;
  if (source.compare(name, 0, name.length, from, colon) !== 0) return -1;
  if (colon === end) return end;
  if (source[colon] !== COLON) return -1;
  return colon + 1 < end && source[colon + 1] === SPACE ? colon + 2 : colon + 1;
}

/** The offset of the next such byte, or the length when there is none. */
function nextOf(source: Buffer, byte: number, from: number): number {
  const at = source.indexOf(byte, from);
  return at < 0 ? source.length : at;
}
