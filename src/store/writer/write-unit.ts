/**
 * What travels between the main thread and the writing thread: plain data, no drizzle and no SQLite, because
 * the writing thread loads this file.
 */

/** A body that the writing thread compresses and seals before it is bound, to keep that work off the loop. */
export interface PlainBody {
  readonly plain: Uint8Array;
  readonly aad: string;
}

export type Parameter = string | number | Uint8Array | PlainBody | null;

/** One SQL text with its positional values. */
export interface Statement {
  readonly sql: string;
  readonly params: readonly Parameter[];
}

/** Statements that are committed together or not at all. */
export type WriteUnit = readonly Statement[];

/**
 * `log` survives the death of the process (`synchronous=NORMAL`), `token` also the death of the machine
 * (`FULL`): a rotated refresh token that is lost locks its account out, a lost log row does not.
 */
export type Durability = 'log' | 'token';

/** With changes that somebody waits for. */
export interface Patience {
  readonly withdrawAfterMs: number;
  /** For a unit that cannot be withdrawn any more, because the database has it. */
  readonly uncertainAfterMs: number;
}

export interface WriterOptions {
  readonly path: string;
  readonly sealingKey: Uint8Array;
  /** Shorter in tests. */
  readonly patience?: Patience | undefined;
  /** How long a try waits for a lock of the database; shorter in tests. */
  readonly busyTimeoutMs?: number | undefined;
}

/** A statement on its way: `text` is the place of its SQL among all texts that this thread was ever sent. */
export interface NumberedStatement {
  readonly text: number;
  readonly params: readonly Parameter[];
}

/** Units as they travel (packed-units.ts). */
export interface PackedUnits {
  /** Of each unit the number of its statements, of each statement its text's number, how many values, and these. */
  readonly values: string;
  /** Owns its memory, so that it can be transferred. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export type ToWorker =
  | {
      readonly kind: 'commit';
      readonly durability: Durability;
      /** SQL that is sent for the first time. */
      readonly texts: readonly string[];
      readonly units: PackedUnits;
    }
  | { readonly kind: 'close' };

/** Per unit: rows changed by its statements, or the reason why the database will never take it. */
export type UnitResult =
  | { readonly kind: 'committed'; readonly changes: number }
  | { readonly kind: 'refused'; readonly reason: string };

export type FromWorker =
  | { readonly kind: 'committed'; readonly results: readonly UnitResult[] }
  | { readonly kind: 'failed'; readonly reason: string };

export function isPlainBody(value: unknown): value is PlainBody {
  return typeof value === 'object' && value !== null && 'plain' in value;
}
