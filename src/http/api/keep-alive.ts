/**
 * Says something whenever nothing was said for a while. One timer, restarted with every word.
 */
export class KeepAlive {
  readonly #timer: NodeJS.Timeout;

  constructor(everyMs: number, say: () => void) {
    this.#timer = setInterval(say, everyMs);
  }

  heard(): void {
    this.#timer.refresh();
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

/** Any event with data, and any text frame, restarts Codex's idle timer; comments and pings do not. */
export const CODEX_KEEPALIVE = Buffer.from('{"type":"codex.keepalive"}');
