/**
 * Saves a change that somebody waits for and that holds in memory already. What cannot be saved is taken back there
 * too: a change that was answered as failed must neither hold until the next start nor appear after it.
 */

import { StoreError, StoreUnavailable } from '../store-error.ts';
import type { WriteResult } from './pending-write.ts';
import type { Proposal } from './tentative.ts';
import type { Durability, WriteUnit } from './write-unit.ts';
import type { Writer } from './writer.ts';

/** The database may come to take these later; anything else is its last word. */
const PASSING: ReadonlySet<string> = new Set(['withdrawn', 'queue_full', 'closed']);

/** Settled once it is certain whether it was written, which may be after it was answered. */
export interface Change extends Proposal {
  readonly unit: WriteUnit;
  readonly durability: Durability;
}

/** Throws `StoreUnavailable` when the database does not take it in time, `StoreError` when it never will. */
export async function saveChange(writer: Writer, change: Change): Promise<void> {
  const { settled, inTime } = writer.writeInTime(change.unit, change.durability);
  const told = settled.then((result) => {
    change.settle(result.kind === 'committed' ? 'saved' : 'dropped');
    return result;
  });
  const first = await inTime;
  throwFailure(first.kind === 'unsettled' ? first : await told);
}

function throwFailure(result: WriteResult | { readonly kind: 'unsettled' }): void {
  if (result.kind === 'committed') return;
  if (result.kind === 'unsettled') {
    throw new StoreUnavailable(
      'The database does not answer, so it is not known whether this was saved: look before you try again.',
    );
  }
  if (PASSING.has(result.reason)) {
    throw new StoreUnavailable(
      'The database cannot be written now, and nothing was changed: free some space on its disk, or look at the log, and try again.',
    );
  }
  throw new StoreError(`The database refuses this change (${result.reason}); nothing was changed.`);
}
