/**
 * The transcript tables: statements to add, hide, touch and evict, and prepared reads of single nodes. Knows
 * no cache; a node that cannot be opened is reported as a thrown error.
 */
import { and, asc, desc, eq, sql } from 'drizzle-orm';
import type { AccountId, ResponseId, Tenant } from '../../domain/ids.ts';
import type { Reads } from '../database/database.ts';
import { transcript, transcriptItem, transcriptTree } from '../database/schema.ts';
import type { Sealer } from '../secrets/secrets.ts';
import { assigned, placeholdersOf, prepareWrite } from '../writer/statement.ts';
import type { Statement, WriteUnit } from '../writer/write-unit.ts';
import { openBody } from './body-codec.ts';
import { PackedNode, unpackBody } from './node.ts';

export interface StoredNode {
  readonly node: PackedNode;
  readonly visibility: 'shown' | 'hidden';
}

/** One conversation with all its branches. */
export interface Tree {
  readonly tenant: Tenant;
  readonly rootId: ResponseId;
  readonly lastUsedAt: number;
  /** On disk. */
  readonly bytes: number;
}

export interface HistorySize {
  readonly items: number;
  readonly bytes: number;
}

export class TranscriptRows {
  readonly #sealer: Sealer;
  readonly #database: Reads;
  readonly #reads: ReturnType<typeof prepareReads>;
  readonly #writes: ReturnType<typeof prepareWrites>;

  constructor(reads: Reads, sealer: Sealer) {
    this.#sealer = sealer;
    this.#database = reads;
    this.#reads = prepareReads(reads);
    this.#writes = prepareWrites(reads);
  }

  /** Throws when the stored body does not open or unpack. */
  read(tenant: Tenant, responseId: ResponseId): StoredNode | undefined {
    const row = this.#reads.node.get({ tenant, responseId });
    if (!row) return undefined;
    const body = openBody(this.#sealer, row.body, aadOf(tenant, responseId), row.bytes);
    const { itemIds } = unpackBody(body);
    const head = {
      itemIds,
      tenant,
      responseId,
      parent: row.parentId ?? undefined,
      account: row.accountId ?? undefined,
      session: row.sessionId,
      chain: row.chain,
    };
    const memory = Buffer.allocUnsafeSlow(body.length);
    body.copy(memory);
    const node = new PackedNode(head, memory);
    return { node, visibility: row.hidden ? 'hidden' : 'shown' };
  }

  /** How much came before this response, counted without opening any body. */
  historyOf(tenant: Tenant, responseId: ResponseId): HistorySize | undefined {
    const sums = this.#database.get<{ items: number | null; bytes: number | null }>(sql`
      with recursive up(id) as (
        select parent_id from transcript where tenant = ${tenant} and response_id = ${responseId}
        union all
        select parent_id from transcript join up on tenant = ${tenant} and response_id = up.id
      )
      select sum(input_count + output_count) as items, sum(bytes) as bytes
      from transcript join up on tenant = ${tenant} and response_id = up.id`);
    if (sums === undefined || sums.items === null) return undefined;
    return { items: sums.items, bytes: sums.bytes ?? 0 };
  }

  findByChain(tenant: Tenant, chain: Buffer): ResponseId | undefined {
    return this.#reads.byChain.get({ tenant, chain })?.id;
  }

  findItem(
    tenant: Tenant,
    itemId: string,
  ): { responseId: ResponseId; account: AccountId | undefined } | undefined {
    const row = this.#reads.item.get({ tenant, itemId });
    return row && { responseId: row.responseId, account: row.account ?? undefined };
  }

  /** The node, its tree and its items; the body is sealed in the writing thread. */
  insert(node: PackedNode, at: number): Statement[] {
    const { tenant, responseId } = node;
    const values = {
      tenant,
      responseId,
      parentId: node.parent,
      accountId: node.account,
      sessionId: node.session,
      chain: node.chain,
      inputCount: node.inputCount,
      outputCount: node.outputCount,
      bytes: node.body.length,
      createdAt: at,
      hidden: false,
      body: { plain: node.body, aad: aadOf(tenant, responseId) },
      at,
    };
    return [
      this.#writes.tree(values),
      this.#writes.node(values),
      this.#writes.weigh(values),
      ...node.itemIds.map((itemId) => this.#writes.item({ tenant, itemId, responseId })),
    ];
  }

  /** The answer of a turn that was stored without one. */
  complete(node: PackedNode): Statement[] {
    const { tenant, responseId } = node;
    const values = {
      tenant,
      responseId,
      chain: node.chain,
      outputCount: node.outputCount,
      bytes: node.body.length,
      body: { plain: node.body, aad: aadOf(tenant, responseId) },
    };
    return [
      this.#writes.unweigh(values),
      this.#writes.complete(values),
      this.#writes.weigh(values),
      ...node.itemIds.map((itemId) => this.#writes.item({ tenant, itemId, responseId })),
    ];
  }

  hide(tenant: Tenant, responseId: ResponseId): WriteUnit {
    return [this.#writes.hide({ tenant, responseId })];
  }

  touch(tenant: Tenant, responseId: ResponseId, at: number): Statement {
    return this.#writes.touch({ tenant, responseId, at });
  }

  /** Of all conversations together, on disk. */
  totalBytes(): number {
    return this.#reads.total.get()?.bytes ?? 0;
  }

  leastRecentlyUsed(limit: number): readonly Tree[] {
    return this.#reads.oldest.all({ limit });
  }

  responsesOf({ tenant, rootId }: Tree): readonly ResponseId[] {
    return this.#reads.ofTree.all({ tenant, rootId }).map(({ id }) => id);
  }

  remove(trees: readonly Tree[]): WriteUnit {
    return trees.map(({ tenant, rootId }) => this.#writes.remove({ tenant, rootId }));
  }
}

function aadOf(tenant: Tenant, responseId: ResponseId): string {
  return `transcript:${tenant}:${responseId}`;
}

const isNode = and(
  eq(transcript.tenant, sql.placeholder('tenant')),
  eq(transcript.responseId, sql.placeholder('responseId')),
);

const isTree = (table: typeof transcript | typeof transcriptTree) =>
  and(eq(table.tenant, sql.placeholder('tenant')), eq(table.rootId, sql.placeholder('rootId')));

function prepareTreeReads(reads: Reads) {
  const { tenant, rootId, lastUsedAt, bytes } = transcriptTree;
  return {
    total: reads
      .select({ bytes: sql<number | null>`sum(${bytes})` })
      .from(transcriptTree)
      .prepare(),
    oldest: reads
      .select({ tenant, rootId, lastUsedAt, bytes })
      .from(transcriptTree)
      .orderBy(asc(lastUsedAt))
      .limit(sql.placeholder('limit'))
      .prepare(),
    ofTree: reads.select({ id: transcript.responseId }).from(transcript).where(isTree(transcript)).prepare(),
  };
}

function prepareReads(reads: Reads) {
  const { chain, tenant } = transcript;
  return {
    ...prepareTreeReads(reads),
    node: reads.select().from(transcript).where(isNode).prepare(),
    byChain: reads
      .select({ id: transcript.responseId })
      .from(transcript)
      .where(
        and(
          eq(tenant, sql.placeholder('tenant')),
          eq(chain, sql.placeholder('chain')),
          eq(transcript.hidden, false),
        ),
      )
      .orderBy(desc(transcript.createdAt))
      .limit(1)
      .prepare(),
    item: reads
      .select({ responseId: transcriptItem.responseId, account: transcript.accountId })
      .from(transcriptItem)
      .innerJoin(
        transcript,
        and(
          eq(transcript.tenant, transcriptItem.tenant),
          eq(transcript.responseId, transcriptItem.responseId),
        ),
      )
      .where(
        and(
          eq(transcriptItem.tenant, sql.placeholder('tenant')),
          eq(transcriptItem.itemId, sql.placeholder('itemId')),
        ),
      )
      .prepare(),
  };
}

/** A node belongs to its parent's tree; a parent that is not stored makes it the root of a new one. */
const rootOfNew = sql<ResponseId>`coalesce((select p.root_id from transcript p where p.tenant = ${sql.placeholder('tenant')} and p.response_id = ${sql.placeholder('parentId')}), ${sql.placeholder('responseId')})`;
const rootOfStored = sql`(select n.root_id from transcript n where n.tenant = ${sql.placeholder('tenant')} and n.response_id = ${sql.placeholder('responseId')})`;
const sizeOfStored = sql`coalesce((select length(n.body) from transcript n where n.tenant = ${sql.placeholder('tenant')} and n.response_id = ${sql.placeholder('responseId')}), 0)`;

function prepareWrites(db: Reads) {
  const tree = transcriptTree;
  const ofTree = and(eq(tree.tenant, sql.placeholder('tenant')), eq(tree.rootId, rootOfStored));
  const used = sql<number>`max(${tree.lastUsedAt}, ${sql.placeholder('at')})`;
  return {
    tree: prepareWrite(
      db
        .insert(tree)
        .values({
          tenant: sql.placeholder('tenant'),
          rootId: rootOfNew,
          lastUsedAt: sql.placeholder('at'),
          bytes: 0,
        })
        .onConflictDoUpdate({ target: [tree.tenant, tree.rootId], set: { lastUsedAt: used } }),
    ),
    node: prepareWrite(
      db
        .insert(transcript)
        .values({ ...placeholdersOf(transcript), rootId: rootOfNew })
        .onConflictDoNothing(),
    ),
    weigh: prepareWrite(
      db
        .update(tree)
        .set({ bytes: sql`${tree.bytes} + ${sizeOfStored}` })
        .where(ofTree),
    ),
    unweigh: prepareWrite(
      db
        .update(tree)
        .set({ bytes: sql`${tree.bytes} - ${sizeOfStored}` })
        .where(ofTree),
    ),
    complete: prepareWrite(
      db
        .update(transcript)
        .set(assigned(transcript, ['chain', 'outputCount', 'bytes', 'body']))
        .where(and(isNode, sql`length(${transcript.chain}) = 0`)),
    ),
    item: prepareWrite(
      db
        .insert(transcriptItem)
        .values(placeholdersOf(transcriptItem))
        .onConflictDoUpdate({
          target: [transcriptItem.tenant, transcriptItem.itemId],
          set: { responseId: sql`excluded.response_id` },
        }),
    ),
    hide: prepareWrite(db.update(transcript).set({ hidden: true }).where(isNode)),
    touch: prepareWrite(db.update(tree).set({ lastUsedAt: used }).where(ofTree)),
    remove: prepareWrite(db.delete(tree).where(isTree(tree))),
  };
}
