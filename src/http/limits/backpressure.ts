/**
 * A client that reads slower than upstream writes: upstream is asked to wait instead of the memory to grow, and a
 * client that takes nothing at all is given up. Knows sockets, and nothing of what goes through them.
 */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

export interface Flow {
  /** Bytes that wait for the client. */
  buffered(): number;
  pause(): void;
  resume(): void;
  giveUp(): void;
}

const PAUSE_ABOVE_BYTES = 1024 * 1024;
const RESUME_BELOW_BYTES = 256 * 1024;
/** A reader that takes nothing for this long is given up. */
const STUCK_AFTER_MS = 60_000;
/** Node says after a span without a byte that the socket is silent; so many spans in a row make the limit. */
const SPANS = 4;

export class Backpressure {
  readonly #socket: Socket;
  readonly #flow: Flow;
  readonly #spanMs: number;
  readonly #onSilence = () => this.#silent();
  #state: 'flowing' | 'watched' | 'held' = 'flowing';
  #silences = 0;
  #silentAt = 0;

  constructor(socket: Socket, flow: Flow, stuckAfterMs: number = STUCK_AFTER_MS) {
    this.#socket = socket;
    this.#flow = flow;
    this.#spanMs = stuckAfterMs / SPANS;
  }

  get isHeld(): boolean {
    return this.#state === 'held';
  }

  /** To be called after every write. */
  wrote(): void {
    if (this.#state === 'held' || this.#flow.buffered() <= PAUSE_ABOVE_BYTES) return;
    this.watch();
    this.#state = 'held';
    this.#flow.pause();
  }

  /** Nothing more is to come, and what is on its way has to be taken. */
  watch(): void {
    if (this.#state !== 'flowing') return;
    this.#state = 'watched';
    this.#silences = 0;
    this.#socket.on('timeout', this.#onSilence);
    this.#socket.setTimeout(this.#spanMs);
  }

  /** To be called when something that was written has left. */
  flushed(): void {
    if (this.#state === 'flowing') return;
    const held = this.#state === 'held';
    if (this.#flow.buffered() > (held ? RESUME_BELOW_BYTES : 0)) return;
    this.stop();
    if (held) this.#flow.resume();
  }

  stop(): void {
    if (this.#state === 'flowing') return;
    this.#state = 'flowing';
    this.#socket.off('timeout', this.#onSilence);
    this.#socket.setTimeout(0);
  }

  /** Node restarts the span by itself, and without a word, when only a part of a large write has left. */
  #silent(): void {
    const now = performance.now();
    this.#silences = now - this.#silentAt < 1.5 * this.#spanMs ? this.#silences + 1 : 1;
    this.#silentAt = now;
    if (this.#silences >= SPANS) this.#flow.giveUp();
    else this.#socket.setTimeout(this.#spanMs);
  }
}

/** The reader of an HTTP answer, watched from its last write until all of it has left. */
export function backpressureOf(
  response: ServerResponse,
  turn?: Pick<Flow, 'pause' | 'resume'>,
): Backpressure | undefined {
  const { socket } = response;
  if (socket === null) return undefined;
  const reader = new Backpressure(socket, {
    buffered: () => response.writableLength,
    pause: () => turn?.pause(),
    resume: () => turn?.resume(),
    giveUp: () => response.destroy(),
  });
  // First of all listeners: Node's own sets the span after which an idle connection is closed.
  response.prependOnceListener('finish', () => reader.stop());
  response.once('close', () => reader.stop());
  return reader;
}
