/** How many upstream WebSockets are open; each counts itself in, and out again when it closes. */
export class ConnectionGauge {
  #open = 0;

  get open(): number {
    return this.#open;
  }

  /** Gives the way out, which counts once. */
  enter(): () => void {
    this.#open += 1;
    let held = 1;
    return () => {
      this.#open -= held;
      held = 0;
    };
  }
}
