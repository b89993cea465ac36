/**
 * The error boundary of one client connection: what is thrown in a callback of its own (a message, a timer, a tick)
 * ends that connection, where it would end the process otherwise. What happens within a turn ends in the turn's.
 */
import type { Log } from '../log.ts';

export class ConnectionBoundary {
  readonly #log: Log;
  readonly #close: (cause: unknown) => void;

  constructor(log: Log, close: (cause: unknown) => void) {
    this.#log = log;
    this.#close = close;
  }

  run(work: () => void): void {
    try {
      work();
    } catch (cause) {
      const { message, stack } = cause as Error;
      this.#log.error({ reason: message, stack }, 'connection broke');
      this.#closeQuietly(cause);
    }
  }

  #closeQuietly(cause: unknown): void {
    try {
      this.#close(cause);
    } catch (second) {
      this.#log.error({ reason: String(second) }, 'a broken connection could not be closed cleanly');
    }
  }
}
