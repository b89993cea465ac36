/**
 * How many bytes of requests the server holds at once, over all clients. Without it a hundred callers with the
 * largest body each would be more than the memory of the machine. Knows nothing of where the bytes come from.
 */

/**
 * Sixteen bodies of the largest size, or hundreds of whole conversations of the usual few megabytes, from their
 * first byte to the end of their turns. It is the most that a machine of 2 GiB can lend to them.
 */
const MAX_BODY_BYTES = 1024 * 1024 * 1024;

export class MemoryBudget {
  readonly #limit: number;
  #held = 0;

  constructor(limit: number = MAX_BODY_BYTES) {
    this.#limit = limit;
  }

  get held(): number {
    return this.#held;
  }

  /** One request's part of the budget; empty at first. */
  reserve(): Reservation {
    return new Reservation((bytes) => this.#move(bytes));
  }

  #move(bytes: number): boolean {
    if (bytes > 0 && this.#held + bytes > this.#limit) return false;
    this.#held += bytes;
    return true;
  }
}

export class Reservation {
  readonly #move: (bytes: number) => boolean;
  #bytes = 0;

  constructor(move: (bytes: number) => boolean) {
    this.#move = move;
  }

  /** `false`: the server holds as much as it may, and these bytes must not be kept. */
  take(bytes: number): boolean {
    if (!this.#move(bytes)) return false;
    this.#bytes += bytes;
    return true;
  }

  /** May be called at any time and more than once. */
  free(): void {
    this.#move(-this.#bytes);
    this.#bytes = 0;
  }
}
