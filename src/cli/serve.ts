/**
 * Starts the server and ends it: the only place that puts all floors together, and the only one that hears signals.
 */

import { boundHeap } from '../server/heap.ts';
import { startServer } from '../server/server.ts';
import { banner } from './banner.ts';
import { settingsFrom } from './settings.ts';

/** Resolves with the exit code once a signal has ended the server. A second signal ends the process at once. */
export async function serve(): Promise<number> {
  const config = settingsFrom(process.env);
  const server = await startServer(config);
  boundHeap();
  process.stdout.write(banner(server, config));
  await signalled();
  process.once('SIGINT', () => process.exit(1));
  process.once('SIGTERM', () => process.exit(1));
  await server.stop();
  return 0;
}

function signalled(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGINT', () => resolve());
    process.once('SIGTERM', () => resolve());
  });
}
