/**
 * The timers of one turn: the wait before a repeat, the wait for the first event, the silence inside a stream.
 * While the server itself has stopped reading (a slow client), silence proves nothing and the clock stands still.
 */
export interface ClockLimits {
  readonly firstEventTimeoutMs: number;
  readonly streamIdleTimeoutMs: number;
}

export interface ClockListener {
  readonly onTimeout: (what: 'first_event' | 'idle') => void;
  readonly onWaited: () => void;
}

export class TurnClock {
  readonly #limits: ClockLimits;
  readonly #listener: ClockListener;
  #silence: NodeJS.Timeout | undefined;
  #waiting: NodeJS.Timeout | undefined;
  #expecting: 'first_event' | 'idle' = 'first_event';

  constructor(limits: ClockLimits, listener: ClockListener) {
    this.#limits = limits;
    this.#listener = listener;
  }

  /** The last byte of the request has left. */
  expectFirstEvent(): void {
    this.#arm('first_event', this.#limits.firstEventTimeoutMs);
  }

  /** An event came; refreshing a running timer costs a tenth of making one. */
  heard(): void {
    if (this.#expecting === 'idle' && this.#silence !== undefined) this.#silence.refresh();
    else this.#arm('idle', this.#limits.streamIdleTimeoutMs);
  }

  wait(atLeastMs: number, atMostMs: number): void {
    const ms = atLeastMs + Math.random() * (atMostMs - atLeastMs);
    clearTimeout(this.#waiting);
    this.#waiting = setTimeout(() => this.#listener.onWaited(), ms);
  }

  pause(): void {
    clearTimeout(this.#silence);
    this.#silence = undefined;
  }

  resume(): void {
    if (this.#silence === undefined) this.heard();
  }

  stop(): void {
    clearTimeout(this.#silence);
    clearTimeout(this.#waiting);
    this.#silence = undefined;
    this.#expecting = 'first_event';
  }

  #arm(what: 'first_event' | 'idle', ms: number): void {
    clearTimeout(this.#silence);
    this.#expecting = what;
    this.#silence = setTimeout(() => this.#listener.onTimeout(what), ms);
  }
}
