/**
 * The request log and, from it, who answered which response id. Reads are prepared once on the read-only
 * connection; writes are statements for somebody else's transaction.
 */
import { and, desc, eq, gte, inArray, lt, type SQL, sql } from 'drizzle-orm';
import { LRUCache } from 'lru-cache';
import type { AccountId, ResponseId, SessionId, Tenant } from '../domain/ids.ts';
import type { BoundTo, RequestRow } from '../domain/request.ts';
import { type AccountBindings, responseName } from './accounts/account-bindings.ts';
import type { Reads } from './database/database.ts';
import { request } from './database/schema.ts';
import { placeholdersOf, prepareWrite, present } from './writer/statement.ts';
import type { Outcome, Proposal } from './writer/tentative.ts';
import type { Statement, WriteUnit } from './writer/write-unit.ts';
import type { Writer } from './writer/writer.ts';

const OWNERS_IN_MEMORY = 5000;
const LIST_DEFAULT = 50;
const LIST_MAX = 1000;

export interface ResponseOwner {
  /** Undefined: answered by this server itself. */
  readonly account: AccountId | undefined;
  /** Undefined for a background response whose turn has no row. */
  readonly session: SessionId | undefined;
  /** The account keeps the response and can be asked for it. */
  readonly stored: boolean;
  readonly bound: BoundTo | undefined;
}

/** What is kept of a turn beside its row. */
export interface Continuity {
  readonly stored: boolean;
  readonly bound?: BoundTo | undefined;
}

export interface RequestFilter {
  /** 1..1000, default 50. */
  readonly limit?: number | undefined;
  /** Id of a row: only older ones. */
  readonly before?: string | undefined;
  readonly session?: string | undefined;
  readonly account?: string | undefined;
  readonly status?: string | undefined;
  /** Tenant. */
  readonly key?: string | undefined;
}

type Placeable = Pick<RequestRow, 'status' | 'tenant' | 'responseId' | 'accountId' | 'session'>;

export class RequestLog {
  readonly #owners = new LRUCache<string, ResponseOwner | 'forgotten'>({ max: OWNERS_IN_MEMORY });
  readonly #bindings: AccountBindings;
  readonly #reads: Reads;
  readonly #writer: Writer;
  readonly #prepared: ReturnType<typeof prepare>;

  constructor(reads: Reads, writer: Writer, bindings: AccountBindings) {
    this.#bindings = bindings;
    this.#reads = reads;
    this.#writer = writer;
    this.#prepared = prepare(reads);
  }

  /** Who answered this response id to this tenant; undefined for an id that was never issued to it. */
  ownerOf(tenant: Tenant, responseId: ResponseId): ResponseOwner | undefined {
    const key = keyOf(tenant, responseId);
    const known = this.#owners.get(key);
    if (known) return known === 'forgotten' ? undefined : known;
    const row = this.#prepared.owner.get({ tenant, responseId });
    if (!row) return this.#begun(tenant, responseId);
    const owner = { ...row, account: row.account ?? undefined, bound: row.bound ?? undefined };
    this.#owners.set(key, owner);
    return owner;
  }

  /** A background response belongs to its account from its first event on, also when its reader left before the end. */
  #begun(tenant: Tenant, responseId: ResponseId): ResponseOwner | undefined {
    const account = this.#bindings.accountOf(tenant, responseName(responseId));
    return account && { account, session: undefined, stored: true, bound: undefined };
  }

  /** Makes the owner known before the row is committed; only completed and incomplete turns have one. */
  remember(row: Placeable, { stored, bound }: Continuity): void {
    if (!row.responseId || (row.status !== 'completed' && row.status !== 'incomplete')) return;
    const owner = { account: row.accountId, session: row.session, stored, bound };
    this.#owners.set(keyOf(row.tenant, row.responseId), owner);
  }

  /** From now on the id is unknown; the row stays in the log. */
  forget(tenant: Tenant, responseId: ResponseId): Proposal & { readonly unit: WriteUnit } {
    const key = keyOf(tenant, responseId);
    const before = this.ownerOf(tenant, responseId);
    this.#owners.set(key, 'forgotten');
    const settle = (outcome: Outcome) => {
      if (outcome === 'dropped' && before !== undefined) this.#owners.set(key, before);
    };
    return { unit: [this.#prepared.forget({ tenant, responseId })], settle };
  }

  insert(row: RequestRow, { stored, bound }: Continuity): Statement {
    return this.#prepared.insert({ ...row, stored, bound, forgotten: false });
  }

  get(id: string): RequestRow | undefined {
    const row = this.#prepared.byId.get({ id });
    return row && toRow(row);
  }

  /** Newest first; rows still in the queue are not in it. */
  list(filter: RequestFilter = {}): RequestRow[] {
    const limit = Math.min(Math.max(filter.limit ?? LIST_DEFAULT, 1), LIST_MAX);
    return this.#reads
      .select()
      .from(request)
      .where(and(...conditionsOf(filter)))
      .orderBy(desc(request.at), desc(request.id))
      .limit(limit)
      .all()
      .map(toRow);
  }

  /** Input and output tokens of a tenant's turns since an instant. */
  tokensSince(tenant: Tenant, since: number): number {
    return this.#prepared.tokens.get({ tenant, since })?.tokens ?? 0;
  }

  /** Removes rows older than `before`, in small batches; resolves with how many went. */
  async deleteBefore(before: number): Promise<number> {
    let removed = 0;
    for (;;) {
      const result = await this.#writer.write([this.#prepared.expire({ before })]);
      const changes = result.kind === 'committed' ? result.changes : 0;
      removed += changes;
      if (changes === 0) return removed;
    }
  }
}

function keyOf(tenant: Tenant, responseId: ResponseId): string {
  return `${tenant}\0${responseId}`;
}

function prepare(reads: Reads) {
  const isResponse = and(
    eq(request.tenant, sql.placeholder('tenant')),
    eq(request.responseId, sql.placeholder('responseId')),
  );
  const oldest = reads
    .select({ id: request.id })
    .from(request)
    .where(lt(request.at, sql.placeholder('before')))
    .orderBy(request.at)
    .limit(500);
  return {
    owner: reads
      .select({
        account: request.accountId,
        session: request.session,
        stored: request.stored,
        bound: request.bound,
      })
      .from(request)
      .where(
        and(isResponse, inArray(request.status, ['completed', 'incomplete']), eq(request.forgotten, false)),
      )
      // The plus keeps SQLite from walking all turns of the tenant, newest first, to be spared this sort.
      .orderBy(sql`+${request.at} desc`)
      .limit(1)
      .prepare(),
    byId: reads
      .select()
      .from(request)
      .where(eq(request.id, sql.placeholder('id')))
      .prepare(),
    tokens: reads
      .select({
        tokens: sql<number>`coalesce(sum(coalesce(${request.inputTokens}, 0) + coalesce(${request.outputTokens}, 0)), 0)`,
      })
      .from(request)
      .where(and(eq(request.tenant, sql.placeholder('tenant')), gte(request.at, sql.placeholder('since'))))
      .prepare(),
    // A batch may be sent again after its acknowledgement was lost.
    insert: prepareWrite(reads.insert(request).values(placeholdersOf(request)).onConflictDoNothing()),
    forget: prepareWrite(reads.update(request).set({ forgotten: true }).where(isResponse)),
    expire: prepareWrite(reads.delete(request).where(inArray(request.id, oldest))),
  };
}

function conditionsOf(filter: RequestFilter): SQL[] {
  const { before, session, account, status, key } = filter;
  const conditions: SQL[] = [];
  if (before !== undefined) {
    conditions.push(
      sql`(${request.at}, ${request.id}) < (select older.at, older.id from request as older where older.id = ${before})`,
    );
  }
  if (session !== undefined) conditions.push(eq(request.session, session as SessionId));
  if (account !== undefined) conditions.push(eq(request.accountId, account as AccountId));
  if (status !== undefined) conditions.push(eq(request.status, status as RequestRow['status']));
  if (key !== undefined) conditions.push(eq(request.tenant, key as Tenant));
  return conditions;
}

function toRow(row: typeof request.$inferSelect): RequestRow {
  const { stored: _stored, forgotten: _forgotten, bound: _bound, ...rest } = row;
  return present(rest);
}
