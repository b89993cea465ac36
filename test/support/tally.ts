/** Counts what held in a check that is a script of its own, and closes with the line that `.ci/run` adds up. */
export class Tally {
  #passed = 0;
  #failed = 0;

  /** A step that fails is told and counted; the next ones are still tried. One that holds may say its figures. */
  async check(name: string, act: () => unknown): Promise<void> {
    try {
      const figures = await act();
      this.#passed += 1;
      console.log(`ok      ${name}${typeof figures === 'string' && figures !== '' ? ` (${figures})` : ''}`);
    } catch (error) {
      this.#failed += 1;
      const reason = error instanceof Error ? error.message.slice(0, 800) : error;
      console.log(`not ok  ${name}: ${reason}`);
    }
  }

  close(): void {
    console.log(`${this.#passed} passed, ${this.#failed} failed`);
    process.exitCode = this.#failed === 0 && this.#passed > 0 ? 0 : 1;
  }
}
