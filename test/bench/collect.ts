/**
 * Loaded into a server under test: SIGUSR2 makes it collect its garbage and write down, in the file that
 * `BENCH_HELD_FILE` names, how many bytes it holds then.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

const file = process.env['BENCH_HELD_FILE'];

if (isMainThread && file !== undefined)
  process.on('SIGUSR2', () => {
    globalThis.gc?.();
    const { heapUsed, external } = process.memoryUsage();
    writeFileSync(`${file}.new`, String(heapUsed + external));
    renameSync(`${file}.new`, file);
  });
