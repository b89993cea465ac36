/**
 * Small secret files in the data directory: written once, readable by their owner only. Knows nothing of
 * what the secrets are for.
 */
import { readFileSync, writeFileSync } from 'node:fs';

const OWNER_ONLY = 0o600;

/** Trimmed text of the file, or undefined when there is no such file; other failures are thrown. */
export function readPrivateFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Writes a file that must not exist yet (mode 0600, on disk before this returns); `EEXIST` is thrown rather
 * than a secret replaced that something may already depend on.
 */
export function createPrivateFile(path: string, text: string): void {
  writeFileSync(path, `${text}\n`, { mode: OWNER_ONLY, flag: 'wx', flush: true });
}
