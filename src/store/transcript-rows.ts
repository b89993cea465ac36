/**
 * The transcript tables: statements to add, hide, touch and evict, and prepared reads of single nodes. Knows
 * no cache; a node that cannot be opened is reported as a thrown error.
 */
import { and, desc, eq, gt, lt, type SQL, sql } from 'drizzle-orm';
import type { AccountId, ResponseId, Tenant } from '../ids.ts';
import { openBody } from './body-codec.ts';
import type { Reads } from './database.ts';
import { transcript, transcriptItem, transcriptTree } from './schema.ts';
import type { Sealer } from './secrets.ts';
import { placeholdersOf, prepareWrite } from './statement.ts';
import { PackedNode, unpackBody } from './transcript-node.ts';
import type { Statement, WriteUnit } from './write-unit.ts';

/** Trees removed per transaction: enough to get ahead, few enough not to hold up a turn's commit. */
const EVICTION_BATCH = 32;

export interface StoredNode {
  readonly node: PackedNode;
  readonly visibility: 'shown' | 'hidden';
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
    unpackBody(body);
    const head = {
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

  hide(tenant: Tenant, responseId: ResponseId): WriteUnit {
    return [this.#writes.hide({ tenant, responseId })];
  }

  touch(tenant: Tenant, responseId: ResponseId, at: number): Statement {
    return this.#writes.touch({ tenant, responseId, at });
  }

  /** Removes a few of the trees unused since `before`, least recently used first. */
  evictUnused(before: number): WriteUnit {
    return [this.#writes.evictUnused({ before })];
  }

  /** Removes a few of the least recently used trees while all together are larger than `maxBytes`. */
  evictOver(maxBytes: number): WriteUnit {
    return [this.#writes.evictOver({ maxBytes })];
  }
}

function aadOf(tenant: Tenant, responseId: ResponseId): string {
  return `transcript:${tenant}:${responseId}`;
}

const isNode = and(
  eq(transcript.tenant, sql.placeholder('tenant')),
  eq(transcript.responseId, sql.placeholder('responseId')),
);

function prepareReads(reads: Reads) {
  const { chain, tenant } = transcript;
  return {
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
  // A builder is changed by its own `where`: each statement needs a fresh one.
  const oldest = (only?: SQL) =>
    db.select({ rowid: sql`rowid` }).from(tree).where(only).orderBy(tree.lastUsedAt).limit(EVICTION_BATCH);
  const total = db.select({ bytes: sql`sum(${tree.bytes})` }).from(tree);
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
    evictUnused: prepareWrite(
      db.delete(tree).where(sql`rowid in ${oldest(lt(tree.lastUsedAt, sql.placeholder('before')))}`),
    ),
    evictOver: prepareWrite(
      db.delete(tree).where(and(gt(total, sql.placeholder('maxBytes')), sql`rowid in ${oldest()}`)),
    ),
  };
}
