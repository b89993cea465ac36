/**
 * The whole fault matrix: `npm run check:matrix`. Prints what failed, then the number of cells.
 * With words after it, only cells whose name holds all of them.
 */
import { allCells, type Cell, nameOf, playCell } from './cells.ts';

/** Cells spend much of their time waiting; more at once than cores keeps those busy. */
const AT_ONCE = 4;

const wanted = process.argv.slice(2);
const cells = allCells().filter((cell) => wanted.every((word) => nameOf(cell).includes(word)));
const queue = [...cells];
const failures: string[] = [];

async function work(): Promise<void> {
  for (let cell: Cell | undefined = queue.shift(); cell !== undefined; cell = queue.shift()) {
    try {
      await playCell(cell);
    } catch (error) {
      failures.push(nameOf(cell));
      console.log(
        `not ok  ${nameOf(cell)}\n${String(error instanceof Error ? error.message : error).slice(0, 800)}\n`,
      );
    }
  }
}

await Promise.all(Array.from({ length: AT_ONCE }, work));
console.log(`${cells.length} cells of the fault matrix`);
console.log(`${cells.length - failures.length} passed, ${failures.length} failed`);
process.exitCode = failures.length === 0 && cells.length > 0 ? 0 : 1;
