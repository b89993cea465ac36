/**
 * What is said to one client within a turn of the loop leaves in one system call, which costs more than all else
 * about a small event. Knows bytes and where they leave, and of their meaning nothing.
 */
import type { Writable } from 'node:stream';

/** Up to here a copy is cheaper than several pieces, each of which a stream keeps an account of. */
const COPIED_BYTES = 16 * 1024;

export class WriteBatch {
  readonly #deliver: (pieces: readonly Buffer[], bytes: number) => void;
  readonly #release = () => this.release();
  #pieces: Buffer[] = [];
  #bytes = 0;

  /** `deliver` gets what was added since the last time, and how many bytes that are. */
  constructor(deliver: (pieces: readonly Buffer[], bytes: number) => void) {
    this.#deliver = deliver;
  }

  add(piece: Buffer): void {
    this.#bytes += piece.length;
    if (this.#pieces.push(piece) === 1) process.nextTick(this.#release);
  }

  /** To be called before anything that reaches the client by another way. */
  release(): void {
    const pieces = this.#pieces;
    if (pieces.length === 0) return;
    const bytes = this.#bytes;
    this.#pieces = [];
    this.#bytes = 0;
    this.#deliver(pieces, bytes);
  }
}

/** `flushed` is called once, when all of it has left. */
export function writeTogether(stream: Writable, pieces: readonly Buffer[], flushed: () => void): void {
  const bytes = pieces.reduce((sum, { length }) => sum + length, 0);
  const joined = bytes <= COPIED_BYTES ? [Buffer.concat(pieces, bytes)] : joinNeighbours(pieces);
  stream.cork();
  for (const [index, piece] of joined.entries()) {
    if (index === joined.length - 1) stream.write(piece, flushed);
    else stream.write(piece);
  }
  stream.uncork();
}

/** The same bytes with fewer seams: what lies side by side in one chunk is one piece. */
export function joinNeighbours(pieces: readonly Buffer[]): readonly Buffer[] {
  const joined: Buffer[] = [];
  for (const piece of pieces) {
    const last = joined.at(-1);
    const touches = last?.buffer === piece.buffer && last.byteOffset + last.length === piece.byteOffset;
    if (last !== undefined && touches) {
      joined[joined.length - 1] = Buffer.from(last.buffer, last.byteOffset, last.length + piece.length);
    } else joined.push(piece);
  }
  return joined;
}
