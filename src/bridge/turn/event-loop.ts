/**
 * The one place where things happen to a turn: one after the other, and none while another is handled. What is
 * thrown on the way (by a door, the store, our own code) ends in one error boundary instead of in a socket's callback,
 * where it would end the process.
 */
type Task = () => void;

export class EventLoop {
  readonly #onThrow: (cause: unknown) => void;
  readonly #waiting: Task[] = [];
  #state: 'idle' | 'busy' = 'idle';

  /** `onThrow` must not throw: there is nobody above it. */
  constructor(onThrow: (cause: unknown) => void) {
    this.#onThrow = onThrow;
  }

  /** Carries `task` out now, or after what is being carried out. */
  run(task: Task): void {
    if (this.#state === 'busy') {
      this.#waiting.push(task);
      return;
    }
    this.#state = 'busy';
    try {
      task();
      for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) next();
    } catch (cause) {
      this.#waiting.length = 0;
      this.#onThrow(cause);
    } finally {
      this.#state = 'idle';
    }
  }

  /** The same for what ends later: a rejection ends in the same boundary. */
  follow(work: Promise<void>): void {
    work.catch((cause: unknown) => this.#onThrow(cause));
  }
}
