/** Loaded into a server under test: SIGUSR2 makes it collect its garbage, so that only what it holds is measured. */
import { isMainThread } from 'node:worker_threads';

if (isMainThread) process.on('SIGUSR2', () => void globalThis.gc?.());
