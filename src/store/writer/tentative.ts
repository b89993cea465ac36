/**
 * A row in memory whose newest changes hold at once but may yet turn out not to be saved. Changes may overlap: what is
 * left when one of them is dropped is as if it had never been made. Knows nothing of the disk.
 */
export type Outcome = 'saved' | 'dropped';

/** What changes the row until it is settled, and afterwards only if it was saved. */
export interface Proposal {
  settle(outcome: Outcome): void;
}

export class Tentative<T extends object> {
  #certain: T;
  #proposed: { changes: Partial<T> }[] = [];
  #row: T;

  constructor(row: T) {
    this.#certain = row;
    this.#row = row;
  }

  get row(): T {
    return this.#row;
  }

  /** Holds whatever becomes of the proposals before it. */
  change(changes: Partial<T>): T {
    this.#certain = { ...this.#certain, ...changes };
    for (const proposed of this.#proposed) {
      const left = Object.entries(proposed.changes).filter(([field]) => !(field in changes));
      proposed.changes = Object.fromEntries(left) as Partial<T>;
    }
    return this.#apply();
  }

  propose(changes: Partial<T>): Proposal {
    const proposed = { changes };
    this.#proposed.push(proposed);
    this.#apply();
    return {
      settle: (outcome) => {
        this.#proposed = this.#proposed.filter((one) => one !== proposed);
        // Proposals are saved in the order in which they were made.
        if (outcome === 'saved') this.#certain = { ...this.#certain, ...proposed.changes };
        this.#apply();
      },
    };
  }

  #apply(): T {
    this.#row = Object.assign({ ...this.#certain }, ...this.#proposed.map(({ changes }) => changes));
    return this.#row;
  }
}
