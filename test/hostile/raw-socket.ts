/**
 * A WebSocket client that can do everything wrong: it writes the bytes it is told to and reads frames as they come.
 * Knows the framing of RFC 6455 and none of its rules.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { within } from './stage.ts';

export interface Frame {
  readonly opcode: number;
  readonly payload: Buffer;
}

export interface Shape {
  /** First byte: FIN, three reserved bits, opcode. */
  readonly head: number;
  readonly payload?: Buffer;
  readonly masked?: 'no';
  /** How the length is written; default: as short as possible. */
  readonly length?: 16 | 64;
  /** What is claimed in place of the true length. */
  readonly claimed?: bigint;
}

export const FIN = 0x80;
export const OP = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

const MASK = Buffer.from([0x12, 0x34, 0x56, 0x78]);

export function frame({ head, payload = Buffer.alloc(0), masked, length, claimed }: Shape): Buffer {
  const size = claimed ?? BigInt(payload.length);
  const bit = masked === 'no' ? 0 : 0x80;
  const header = Buffer.concat([Buffer.from([head]), lengthBytes(size, bit, length)]);
  if (masked === 'no') return Buffer.concat([header, payload]);
  const hidden = Buffer.from(payload);
  for (let index = 0; index < hidden.length; index += 1)
    hidden[index] = (hidden[index] ?? 0) ^ (MASK[index & 3] ?? 0);
  return Buffer.concat([header, MASK, hidden]);
}

function lengthBytes(size: bigint, bit: number, form: 16 | 64 | undefined): Buffer {
  if (form === undefined && size < 126n) return Buffer.from([bit | Number(size)]);
  if (form !== 64 && size < 65_536n) {
    const bytes = Buffer.from([bit | 126, 0, 0]);
    bytes.writeUInt16BE(Number(size), 1);
    return bytes;
  }
  const bytes = Buffer.alloc(9, bit | 127);
  bytes.writeBigUInt64BE(size, 1);
  return bytes;
}

export const text = (words: string | Buffer): Buffer =>
  frame({ head: FIN | OP.text, payload: Buffer.from(words as string) });

export const close = (code: number, reason: Buffer | string = ''): Buffer => {
  const payload = Buffer.concat([Buffer.alloc(2), Buffer.from(reason as string)]);
  payload.writeUInt16BE(code);
  return frame({ head: FIN | OP.close, payload });
};

const MAX_WAIT_MS = 20_000;

export class RawSocket {
  readonly stream: Socket;
  readonly #frames: Frame[] = [];
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  #wanted = 2;
  #wake: (() => void) | undefined;

  private constructor(stream: Socket, rest: Buffer) {
    this.stream = stream;
    stream.on('data', (chunk: Buffer) => this.#read(chunk));
    stream.on('close', () => this.#wake?.());
    this.#read(rest);
  }

  static async open(port: number): Promise<RawSocket> {
    const stream = connect(port, '127.0.0.1');
    stream.on('error', () => stream.destroy());
    stream.write(
      'GET /v1/responses HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n',
    );
    const [answer] = (await once(stream, 'data')) as [Buffer];
    const end = answer.indexOf('\r\n\r\n') + 4;
    if (!answer.toString('latin1').startsWith('HTTP/1.1 101')) throw new Error(`no upgrade: ${answer}`);
    return new RawSocket(stream, answer.subarray(end));
  }

  send(...bytes: readonly Buffer[]): void {
    if (this.stream.writable) this.stream.write(Buffer.concat(bytes));
  }

  /** The next frame; `undefined` once the connection has ended without one. */
  async next(): Promise<Frame | undefined> {
    const waiting = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    if (this.#frames.length === 0 && !this.stream.closed) await within(MAX_WAIT_MS, 'a frame', waiting);
    const frame = this.#frames.shift();
    return frame === undefined && !this.stream.closed ? this.next() : frame;
  }

  /** The next message as JSON, other frames passed over. */
  async message(): Promise<Record<string, unknown>> {
    for (;;) {
      const frame = await this.next();
      if (frame === undefined) throw new Error('the connection ended without a message');
      if (frame.opcode === OP.close) throw new Error(`closed with ${closeCode(frame)} instead of a message`);
      if (frame.opcode === OP.text) return JSON.parse(frame.payload.toString('utf8'));
    }
  }

  /** The code with which the server closes, other frames passed over; 1005 without one, 1006 without a close frame. */
  async closed(): Promise<number> {
    for (;;) {
      const frame = await this.next();
      if (frame === undefined) return 1006;
      if (frame.opcode === OP.close) return closeCode(frame);
    }
  }

  #read(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes < this.#wanted) return;
    let rest = Buffer.concat(this.#chunks.splice(0));
    for (;;) {
      const found = firstFrame(rest);
      if (typeof found === 'number') {
        this.#wanted = found;
        break;
      }
      this.#frames.push(found.frame);
      rest = rest.subarray(found.end);
    }
    this.#chunks.push(rest);
    this.#bytes = rest.length;
    this.#wake?.();
  }
}

function closeCode({ payload }: Frame): number {
  return payload.length < 2 ? 1005 : payload.readUInt16BE(0);
}

/** The frame at the beginning, or how many bytes are needed before it can be looked for again. */
function firstFrame(bytes: Buffer): { readonly frame: Frame; readonly end: number } | number {
  if (bytes.length < 2) return 2;
  const short = (bytes[1] ?? 0) & 0x7f;
  const start = short === 126 ? 4 : short === 127 ? 10 : 2;
  if (bytes.length < start) return start;
  const size =
    short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short;
  const end = start + size;
  if (bytes.length < end) return end;
  return { frame: { opcode: (bytes[0] ?? 0) & 0x0f, payload: bytes.subarray(start, end) }, end };
}
