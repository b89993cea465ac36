/**
 * Takes the body of a request off the wire: bounded in size, in time, and by what all requests hold together.
 * Must not know what the body says.
 */
import type { Readable } from 'node:stream';
import { type Refusal, refusal } from '../../protocol/refusal.ts';
import type { Reservation } from './memory-budget.ts';
import { overloaded } from './overload.ts';

export type ReadBody =
  | { readonly ok: true; readonly bytes: Buffer }
  | { readonly ok: false; readonly refused: Refusal };

export interface BodyPace {
  /** A sender that is silent for so long has left without saying so. */
  readonly silenceMs: number;
  /** After so long an upload has to have come to a pace that no working line falls below. */
  readonly patienceMs: number;
  readonly bytesPerSecond: number;
}

/** A modem of the last century is faster; what is slower wants to hold the connection, not to send a body. */
const PACE: BodyPace = { silenceMs: 30_000, patienceMs: 60_000, bytesPerSecond: 1000 };

export interface BodyBounds {
  readonly mostBytes: number;
  readonly reservation: Reservation;
  readonly pace?: BodyPace;
}

/** Never rejects. What is still to come of a refused body is thrown away as it comes. */
export function readBody(stream: Readable, bounds: BodyBounds): Promise<ReadBody> {
  return new Promise((resolve) => {
    const reading = new BodyReading(bounds, (read) => {
      stream.removeAllListeners('data');
      stream.resume();
      resolve(read);
    });
    stream.on('data', (chunk: Buffer) => reading.take(chunk));
    stream.once('end', () => reading.end());
    stream.once('error', () => reading.refuse(cutShort()));
    stream.once('close', () => reading.refuse(cutShort()));
  });
}

class BodyReading {
  readonly #bounds: BodyBounds;
  readonly #pace: BodyPace;
  readonly #settle: (read: ReadBody) => void;
  readonly #chunks: Buffer[] = [];
  readonly #silence: NodeJS.Timeout;
  readonly #slowness: NodeJS.Timeout;
  readonly #beganAt = performance.now();
  #bytes = 0;
  #state: 'reading' | 'settled' = 'reading';

  constructor(bounds: BodyBounds, settle: (read: ReadBody) => void) {
    this.#bounds = bounds;
    this.#pace = bounds.pace ?? PACE;
    this.#settle = settle;
    this.#silence = setTimeout(() => this.refuse(tooSlow()), this.#pace.silenceMs);
    this.#slowness = setInterval(() => this.#checkPace(), this.#pace.patienceMs);
  }

  take(chunk: Buffer): void {
    if (this.#state === 'settled') return;
    this.#bytes += chunk.length;
    if (this.#bytes > this.#bounds.mostBytes) return this.refuse(bodyTooLarge(this.#bounds.mostBytes));
    if (!this.#bounds.reservation.take(chunk.length)) return this.refuse(overloaded());
    this.#chunks.push(chunk);
    this.#silence.refresh();
  }

  end(): void {
    this.#finish({ ok: true, bytes: Buffer.concat(this.#chunks) });
  }

  refuse(refused: Refusal): void {
    this.#finish({ ok: false, refused });
  }

  #checkPace(): void {
    const seconds = (performance.now() - this.#beganAt) / 1000;
    if (this.#bytes < seconds * this.#pace.bytesPerSecond) this.refuse(tooSlow());
  }

  #finish(read: ReadBody): void {
    if (this.#state === 'settled') return;
    this.#state = 'settled';
    clearTimeout(this.#silence);
    clearInterval(this.#slowness);
    if (!read.ok) this.#bounds.reservation.free();
    this.#chunks.length = 0;
    this.#settle(read);
  }
}

export function bodyTooLarge(mostBytes: number): Refusal {
  const most = Math.floor(mostBytes / (1024 * 1024));
  return refusal(400, 'payload_too_large', `A body may have ${most} MiB at most here, also once decoded.`);
}

function tooSlow(): Refusal {
  return refusal(408, 'body_timeout', 'The body of the request did not arrive in time.');
}

function cutShort(): Refusal {
  return refusal(400, 'invalid_body', 'The body of the request ended early.');
}
