/** Named JSON values that outlive the process; small, few, all in memory. */
import { eq, sql } from 'drizzle-orm';
import type { Reads } from './database.ts';
import { setting } from './schema.ts';
import { type Prepared, placeholdersOf, prepareWrite } from './statement.ts';
import { StoreError } from './store-error.ts';
import type { Writer } from './writer.ts';

/** Kept out of `get`: the check value that tells a wrong secret key. */
const PREFIX = 'user:';

export class Settings {
  readonly #values: Map<string, unknown>;
  readonly #writer: Writer;
  readonly #put: Prepared;
  readonly #delete: Prepared;

  constructor(reads: Reads, writer: Writer) {
    const rows = reads.select().from(setting).all();
    this.#values = new Map(
      rows
        .filter((row) => row.key.startsWith(PREFIX))
        .map((row) => [row.key.slice(PREFIX.length), JSON.parse(row.value)]),
    );
    this.#writer = writer;
    this.#put = prepareWrite(
      reads
        .insert(setting)
        .values(placeholdersOf(setting))
        .onConflictDoUpdate({ target: setting.key, set: { value: sql`excluded.value` } }),
    );
    this.#delete = prepareWrite(reads.delete(setting).where(eq(setting.key, sql.placeholder('key'))));
  }

  get(key: string): unknown {
    return this.#values.get(key);
  }

  all(): Readonly<Record<string, unknown>> {
    return Object.fromEntries(this.#values);
  }

  /** `undefined` removes the value. Throws `StoreError` when it could not be kept. */
  async set(key: string, value: unknown): Promise<void> {
    const name = PREFIX + key;
    const statement =
      value === undefined
        ? this.#delete({ key: name })
        : this.#put({ key: name, value: JSON.stringify(value) });
    if (value === undefined) this.#values.delete(key);
    else this.#values.set(key, value);
    const result = await this.#writer.write([statement], 'token');
    if (result.kind === 'dropped') throw new StoreError('The setting could not be saved; try again.');
  }
}
