/** What a check that is a script of its own comes to: its closing line, its exit code, and a report for `.ci/run`. */
import { writeFileSync } from 'node:fs';

/** A suite in which nothing ran has failed. `SUITE_REPORT`, if set, is the file that gets `{"passed":…,"failed":…}`. */
export function closeSuite(passed: number, failed: number): void {
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
  const report = process.env['SUITE_REPORT'];
  if (report !== undefined) writeFileSync(report, JSON.stringify({ passed, failed }));
}

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
    closeSuite(this.#passed, this.#failed);
  }
}
