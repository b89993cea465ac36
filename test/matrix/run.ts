/**
 * The whole fault matrix: `npm run suite -- matrix`. Prints what failed, then the number of cells.
 * With words after it, only cells whose name holds all of them.
 */

import { closeSuite } from '../support/tally.ts';
import { allCells, nameOf, playCell } from './cells.ts';
import { phaseCells, phaseName } from './phases.ts';

/** Cells spend much of their time waiting; more at once than cores keeps those busy. */
const AT_ONCE = 4;

/** One story with its name, whichever table it comes from. */
interface Story {
  readonly name: string;
  readonly play: () => Promise<void>;
}

const stories: readonly Story[] = [
  ...allCells().map((cell) => ({ name: nameOf(cell), play: () => playCell(cell) })),
  ...phaseCells().map((cell) => ({ name: phaseName(cell), play: () => cell.phase.play(cell) })),
];
const wanted = process.argv.slice(2);
const chosen = stories.filter(({ name }) => wanted.every((word) => name.includes(word)));
const queue = [...chosen];
const failures: string[] = [];

async function work(): Promise<void> {
  for (let story = queue.shift(); story !== undefined; story = queue.shift()) {
    try {
      await story.play();
    } catch (error) {
      failures.push(story.name);
      console.log(
        `not ok  ${story.name}\n${String(error instanceof Error ? error.message : error).slice(0, 800)}\n`,
      );
    }
  }
}

await Promise.all(Array.from({ length: AT_ONCE }, work));
console.log(`${chosen.length} cells of the fault matrix`);
closeSuite(chosen.length - failures.length, failures.length);
