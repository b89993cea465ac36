/** Units on their way to the writing thread: how they end, and how many travel together. */
import { type Durability, isPlainBody, type Parameter, type WriteUnit } from './write-unit.ts';

/** Enough to share a commit, little enough to wait for. */
const MAX_BATCH_UNITS = 1000;
const MAX_BATCH_BYTES = 8 * 1024 * 1024;
const STATEMENT_BYTES = 500;

/**
 * `dropped`: the queue was full, the server is closing, the database refuses this unit for good, or it was withdrawn
 * because it could not be written in time. Nothing of it was or will be written.
 */
export type WriteResult =
  | { readonly kind: 'committed'; readonly changes: number }
  | { readonly kind: 'dropped'; readonly reason: string };

/** A write that somebody waits for. */
export interface TimelyWrite {
  /** What became of it in the end. */
  readonly settled: Promise<WriteResult>;
  /** The same, or `unsettled` where the database has been given the unit and does not say what becomes of it. */
  readonly inTime: Promise<WriteResult | { readonly kind: 'unsettled' }>;
}

export interface Pending {
  readonly unit: WriteUnit;
  readonly bytes: number;
  readonly durability: Durability;
  /** After a try that failed: again and again, or not any more. */
  tries: 'without_end' | 'over';
  settle(result: WriteResult): void;
  /** Called when the first try failed: whoever cannot wait for a later one goes on. */
  delayed?(): void;
}

export const WITHDRAWN: WriteResult = { kind: 'dropped', reason: 'withdrawn' };

export function pendingOf(unit: WriteUnit, durability: Durability, settle: Pending['settle']): Pending {
  return { unit, durability, bytes: bytesOf(unit), tries: 'without_end', settle };
}

/** Takes the head of the queue away. */
export function takeBatch(queue: Pending[]): readonly Pending[] {
  let bytes = 0;
  let count = 0;
  while (count < queue.length && count < MAX_BATCH_UNITS && (count === 0 || bytes < MAX_BATCH_BYTES)) {
    bytes += queue[count]?.bytes ?? 0;
    count += 1;
  }
  return queue.splice(0, count);
}

function bytesOf(unit: WriteUnit): number {
  const size = (value: Parameter): number => {
    if (isPlainBody(value)) return value.plain.length;
    return typeof value === 'string' || value instanceof Uint8Array ? value.length : 8;
  };
  return unit.reduce(
    (sum, { params }) => params.reduce<number>((s, p) => s + size(p), sum + STATEMENT_BYTES),
    0,
  );
}
