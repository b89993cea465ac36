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
  #expecting: 'nothing' | 'first_event' | 'idle' = 'nothing';
  #flow: 'flowing' | 'paused' = 'flowing';
  /** When the running timer was set or refreshed, and for how long; in a pause, how long it had left. */
  #armedAt = 0;
  #leftMs = 0;

  constructor(limits: ClockLimits, listener: ClockListener) {
    this.#limits = limits;
    this.#listener = listener;
  }

  /** The last byte of the request has left. */
  expectFirstEvent(): void {
    this.#expect('first_event', this.#limits.firstEventTimeoutMs);
  }

  /** An event came; refreshing a running timer costs a tenth of making one. */
  heard(): void {
    const { streamIdleTimeoutMs } = this.#limits;
    const runs = this.#expecting === 'idle' && this.#leftMs === streamIdleTimeoutMs;
    if (runs && this.#silence !== undefined) {
      this.#armedAt = performance.now();
      this.#silence.refresh();
    } else this.#expect('idle', streamIdleTimeoutMs);
  }

  wait(atLeastMs: number, atMostMs: number): void {
    const ms = atLeastMs + Math.random() * (atMostMs - atLeastMs);
    clearTimeout(this.#waiting);
    this.#waiting = setTimeout(() => this.#listener.onWaited(), ms);
  }

  pause(): void {
    if (this.#flow === 'paused') return;
    this.#flow = 'paused';
    if (this.#silence === undefined) return;
    this.#leftMs -= performance.now() - this.#armedAt;
    clearTimeout(this.#silence);
    this.#silence = undefined;
  }

  /**
   * What was waited for before is waited for again, for as long as was left: a turn that nobody waits for, or that is
   * over, gets no timer. A line that pauses and resumes all the time would otherwise never time out.
   */
  resume(): void {
    if (this.#flow === 'flowing') return;
    this.#flow = 'flowing';
    if (this.#expecting !== 'nothing') this.#arm(Math.max(this.#leftMs, 1));
  }

  /** Whether somebody reads outlives the attempt, so a pause does, too. */
  stop(): void {
    clearTimeout(this.#silence);
    clearTimeout(this.#waiting);
    this.#silence = undefined;
    this.#expecting = 'nothing';
  }

  #expect(what: 'first_event' | 'idle', ms: number): void {
    clearTimeout(this.#silence);
    this.#silence = undefined;
    this.#expecting = what;
    this.#leftMs = ms;
    // What is still heard was read before the pause.
    if (this.#flow === 'flowing') this.#arm(ms);
  }

  #arm(ms: number): void {
    const what = this.#expecting;
    if (what === 'nothing') return;
    this.#leftMs = ms;
    this.#armedAt = performance.now();
    this.#silence = setTimeout(() => {
      this.#silence = undefined;
      this.#listener.onTimeout(what);
    }, ms);
  }
}
