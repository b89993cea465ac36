/** What SQLite and the file system report while the store is opened, as a sentence for whoever starts it. */
import { StoreError } from '../store-error.ts';

/** `error` itself when it is no report of theirs: then it is a mistake of ours. */
export function explain(error: unknown, path: string): unknown {
  if (error instanceof StoreError) return error;
  const code = codeOf(error);
  const say = (sentence: string, mend: StoreError['mend']) =>
    new StoreError(sentence, { cause: error, mend });
  if (/^SQLITE_(NOTADB|CORRUPT)/.test(code)) {
    return say(`${path} is damaged or not a database: move it away or restore a backup.`, 'settings');
  }
  if (/^SQLITE_(BUSY|LOCKED)/.test(code)) {
    return say(`${path} is locked by another process: stop that process and start again.`, 'circumstances');
  }
  if (/^(SQLITE_FULL|ENOSPC|EDQUOT)/.test(code)) {
    return say(
      `There is no room left for ${path}: free some space, or set RESPOOL_DATA_DIR to another disk.`,
      'circumstances',
    );
  }
  if (/^SQLITE_IOERR|^E(IO|FBIG|MFILE|NFILE)$/.test(code)) {
    return say(
      `${path} could not be written (${code}): check the disk and the limits of this process, and start again.`,
      'circumstances',
    );
  }
  if (/^SQLITE_|^E[A-Z]+$/.test(code)) {
    return say(
      `${path} cannot be opened (${code}): check that the directory exists, has space and can be written.`,
      'settings',
    );
  }
  return error;
}

/** Drizzle wraps what the database said. */
export function codeOf(error: unknown): string {
  const { code, cause } = (error ?? {}) as { code?: unknown; cause?: unknown };
  if (typeof code === 'string') return code;
  return cause === undefined ? '' : codeOf(cause);
}
