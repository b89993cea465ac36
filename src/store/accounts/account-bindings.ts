/**
 * What a tenant holds that belongs to one account although no remembered turn says so: items of answers that broke
 * off, files, conversation objects, background responses. Names and owners only, nothing of what was said.
 */
import { and, eq, lt, sql } from 'drizzle-orm';
import { LRUCache } from 'lru-cache';
import type { AccountId, Tenant } from '../../domain/ids.ts';
import type { Reads } from '../database/database.ts';
import { accountBinding } from '../database/schema.ts';
import { placeholdersOf, prepareWrite } from '../writer/statement.ts';
import type { Statement } from '../writer/write-unit.ts';

const MAX_IN_MEMORY = 5000;

export class AccountBindings {
  readonly #known = new LRUCache<string, AccountId | 'nobody'>({ max: MAX_IN_MEMORY });
  readonly #prepared: ReturnType<typeof prepare>;

  constructor(reads: Reads) {
    this.#prepared = prepare(reads);
  }

  /** The account that `name` of this tenant belongs to; undefined when none is known. */
  accountOf(tenant: Tenant, name: string): AccountId | undefined {
    const key = keyOf(tenant, name);
    const known = this.#known.get(key);
    if (known !== undefined) return known === 'nobody' ? undefined : known;
    const account = this.#prepared.account.get({ tenant, name })?.account;
    this.#known.set(key, account ?? 'nobody');
    return account;
  }

  /** Known to every look-up at once; the statements belong into the turn's transaction. */
  add(tenant: Tenant, names: readonly string[], account: AccountId, at: number): readonly Statement[] {
    return names.map((name) => {
      this.#known.set(keyOf(tenant, name), account);
      return this.#prepared.insert({ tenant, name, accountId: account, at });
    });
  }

  remove(tenant: Tenant, name: string): Statement {
    this.#known.set(keyOf(tenant, name), 'nobody');
    return this.#prepared.remove({ tenant, name });
  }

  /** Forgets what was last named before `before`. */
  expire(before: number): Statement {
    return this.#prepared.expire({ before });
  }
}

/** The name of a response that was begun and has no row yet. */
export function responseName(id: string): string {
  return `response:${id}`;
}

function keyOf(tenant: Tenant, name: string): string {
  return `${tenant}\0${name}`;
}

function prepare(reads: Reads) {
  const { tenant, name, accountId, at } = accountBinding;
  const isName = and(eq(tenant, sql.placeholder('tenant')), eq(name, sql.placeholder('name')));
  return {
    account: reads.select({ account: accountId }).from(accountBinding).where(isName).prepare(),
    insert: prepareWrite(
      reads
        .insert(accountBinding)
        .values(placeholdersOf(accountBinding))
        .onConflictDoUpdate({
          target: [tenant, name],
          set: { accountId: sql`excluded.account_id`, at: sql`excluded.at` },
        }),
    ),
    remove: prepareWrite(reads.delete(accountBinding).where(isName)),
    expire: prepareWrite(reads.delete(accountBinding).where(lt(at, sql.placeholder('before')))),
  };
}
