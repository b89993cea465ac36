/** Named JSON values that outlive the process; small, few, all in memory. */
import { eq, sql } from 'drizzle-orm';
import type { Reads } from './database/database.ts';
import { setting } from './database/schema.ts';
import { saveChange } from './writer/save-change.ts';
import { type Prepared, placeholdersOf, prepareWrite } from './writer/statement.ts';
import { Tentative } from './writer/tentative.ts';
import type { Writer } from './writer/writer.ts';

/** Kept out of `get`: the check value that tells a wrong secret key. */
const PREFIX = 'user:';

export class Settings {
  readonly #values: Tentative<Readonly<Record<string, unknown>>>;
  readonly #writer: Writer;
  readonly #put: Prepared;
  readonly #delete: Prepared;

  constructor(reads: Reads, writer: Writer) {
    const rows = reads.select().from(setting).all();
    const values = rows
      .filter((row) => row.key.startsWith(PREFIX))
      .map((row) => [row.key.slice(PREFIX.length), JSON.parse(row.value)] as const);
    this.#values = new Tentative(Object.fromEntries(values));
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
    return this.#values.row[key];
  }

  all(): Readonly<Record<string, unknown>> {
    return Object.fromEntries(Object.entries(this.#values.row).filter(([, value]) => value !== undefined));
  }

  /** `undefined` removes the value. Throws `StoreError` when it could not be kept. */
  async set(key: string, value: unknown): Promise<void> {
    const name = PREFIX + key;
    const statement =
      value === undefined
        ? this.#delete({ key: name })
        : this.#put({ key: name, value: JSON.stringify(value) });
    const { settle } = this.#values.propose({ [key]: value });
    await saveChange(this.#writer, { unit: [statement], durability: 'token', settle });
  }
}
