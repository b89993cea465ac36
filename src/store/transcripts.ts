/**
 * The tree of remembered turns: a bounded memory cache in front of the database (`disk`), or alone
 * (`memory`), or nothing (`off`). It does not know what an item means, nor when a transcript may be used.
 */
import { LRUCache } from 'lru-cache';
import type { AccountId, ResponseId, Tenant } from '../ids.ts';
import type { StoreLog } from './store-log.ts';
import type { Outcome, Proposal } from './tentative.ts';
import { type PackedNode, packed, type TranscriptNode } from './transcript-node.ts';
import type { HistorySize, StoredNode, TranscriptRows } from './transcript-rows.ts';
import type { Statement, WriteUnit } from './write-unit.ts';
import type { Writer } from './writer.ts';

/** Memory spares a running conversation the way to the disk; where there is no disk it is all that is remembered. */
const CACHE_BYTES = { disk: 8 * 1024 * 1024, memory: 64 * 1024 * 1024, off: 2 };
const UNUSED_MS = 2 * 24 * 3600 * 1000;
const DISK_BYTES = 512 * 1024 * 1024;

export type TranscriptMode = 'disk' | 'memory' | 'off';

export interface TranscriptOptions {
  readonly mode: TranscriptMode;
  readonly rows: TranscriptRows;
  readonly writer: Writer;
  readonly log?: StoreLog | undefined;
  readonly now: () => number;
  /** Bounds, smaller in tests. */
  readonly cacheBytes?: number | undefined;
  readonly diskBytes?: number | undefined;
}

export class Transcripts {
  readonly #options: TranscriptOptions;
  readonly #cache: LRUCache<string, StoredNode>;
  readonly #byChain = new Map<string, ResponseId>();
  readonly #byItem = new Map<string, ResponseId>();
  /** Hidden, but perhaps not yet in the database. */
  readonly #hiding = new Set<string>();
  readonly #touched = new Map<string, { tenant: Tenant; responseId: ResponseId; at: number }>();
  /** Turns whose conversation was seen to be there from its beginning. */
  readonly #rooted = new WeakSet<PackedNode>();
  #addedBytes = 0;

  constructor(options: TranscriptOptions) {
    this.#options = options;
    const maxSize = options.cacheBytes ?? CACHE_BYTES[options.mode];
    this.#cache = new LRUCache({
      maxSize,
      maxEntrySize: maxSize / 2,
      sizeCalculation: ({ node }) => node.bytes,
      dispose: ({ node }) => this.#unindex(node),
    });
  }

  get mode(): TranscriptMode {
    return this.#options.mode;
  }

  /** Bytes handed to the disk since this was last asked. */
  takeAddedBytes(): number {
    const bytes = this.#addedBytes;
    this.#addedBytes = 0;
    return bytes;
  }

  /** Visible to every look-up at once; the statements belong into the turn's transaction. */
  add(turn: TranscriptNode): readonly Statement[] {
    if (this.mode === 'off') return [];
    const node = packed(turn);
    // In memory nothing else would keep the beginning of a running conversation from growing old.
    if (this.mode === 'memory') this.#chainOf(node);
    this.#keep({ node, visibility: 'shown' });
    if (this.mode === 'memory') return [];
    this.#addedBytes += node.bytes;
    return this.#options.rows.insert(node, this.#options.now());
  }

  /** The node, unless it is unknown to this tenant or was deleted by it. */
  get(tenant: Tenant, id: ResponseId): PackedNode | undefined {
    const found = this.#find(tenant, id);
    if (!found || found.visibility === 'hidden') return undefined;
    this.#touch(tenant, id);
    return found.node;
  }

  /**
   * The newest turn of a conversation that is there from its beginning; undefined when any link is missing. On disk a
   * conversation goes as a whole, so what was found whole once is not walked through again with every turn.
   */
  tip(tenant: Tenant, id: ResponseId): TranscriptNode | undefined {
    const last = this.get(tenant, id);
    return last !== undefined && this.#reachesRoot(last) ? last : undefined;
  }

  /** The conversation up to this response, root first; undefined when any link is missing. */
  walk(tenant: Tenant, id: ResponseId): readonly TranscriptNode[] | undefined {
    const last = this.get(tenant, id);
    return last && this.#chainOf(last);
  }

  /** How much history a response continued; undefined for the first one, and for what is not known any more. */
  historyOf(tenant: Tenant, id: ResponseId): HistorySize | undefined {
    if (this.mode === 'disk') return this.#options.rows.historyOf(tenant, id);
    const parent = this.#find(tenant, id)?.node.parent;
    const last = parent && this.#find(tenant, parent)?.node;
    const nodes = last && this.#chainOf(last);
    return (
      nodes && {
        items: nodes.reduce((sum, node) => sum + node.inputCount + node.outputCount, 0),
        bytes: nodes.reduce((sum, node) => sum + node.body.length, 0),
      }
    );
  }

  /** The newest response whose history has this chained hash. */
  findByChain(tenant: Tenant, chain: Buffer): ResponseId | undefined {
    const known = this.#byChain.get(chainKey(tenant, chain));
    if (known && this.#find(tenant, known)?.visibility === 'shown') return known;
    if (this.mode !== 'disk') return undefined;
    const stored = this.#options.rows.findByChain(tenant, chain);
    return stored && !this.#hiding.has(keyOf(tenant, stored)) ? stored : undefined;
  }

  /** The turn that produced this output item. */
  findItem(tenant: Tenant, itemId: string): { readonly node: TranscriptNode } | undefined {
    const responseId =
      this.#byItem.get(keyOf(tenant, itemId)) ??
      (this.mode === 'disk' ? this.#options.rows.findItem(tenant, itemId)?.responseId : undefined);
    const found = responseId && this.#find(tenant, responseId);
    return found && { node: found.node };
  }

  /** The account whose response holds this output item; reads no body. */
  itemOwner(tenant: Tenant, itemId: string): AccountId | undefined {
    const responseId = this.#byItem.get(keyOf(tenant, itemId));
    const cached = responseId && this.#cache.peek(keyOf(tenant, responseId));
    if (cached) return cached.node.account;
    return this.mode === 'disk' ? this.#options.rows.findItem(tenant, itemId)?.account : undefined;
  }

  /** The id answers as unknown from now on; what it holds stays for the turns that build on it. */
  hide(tenant: Tenant, id: ResponseId): Proposal & { readonly unit: WriteUnit } {
    const key = keyOf(tenant, id);
    const show = (visibility: StoredNode['visibility']) => {
      const cached = this.#cache.get(key);
      if (cached) this.#keep({ ...cached, visibility });
    };
    const before = this.#find(tenant, id)?.visibility;
    show('hidden');
    if (this.mode === 'disk') this.#hiding.add(key);
    const settle = (outcome: Outcome) => {
      this.#hiding.delete(key);
      if (outcome === 'dropped' && before === 'shown') show('shown');
    };
    return { unit: this.mode === 'disk' ? this.#options.rows.hide(tenant, id) : [], settle };
  }

  /** Writes down what was used since the last time. */
  async writeTouches(): Promise<void> {
    const touches = [...this.#touched.values()];
    this.#touched.clear();
    if (touches.length === 0) return;
    await this.#options.writer.write(
      touches.map(({ tenant, responseId, at }) => this.#options.rows.touch(tenant, responseId, at)),
    );
  }

  /** Evicts whole conversations, least recently used first: unused for two days, or over the bound on disk. */
  async evict(): Promise<void> {
    if (this.mode !== 'disk') return;
    const { rows, writer, now, diskBytes } = this.#options;
    await this.writeTouches();
    for (const unit of [rows.evictUnused(now() - UNUSED_MS), rows.evictOver(diskBytes ?? DISK_BYTES)]) {
      for (;;) {
        const result = await writer.write(unit);
        if (result.kind !== 'committed' || result.changes === 0) break;
      }
    }
  }

  #reachesRoot(last: PackedNode): boolean {
    if (this.mode !== 'disk') return this.#chainOf(last) !== undefined;
    const passed = new Map([[last.responseId, last]]);
    for (let at = last; at.parent !== undefined && !this.#rooted.has(at); ) {
      const before = this.#find(at.tenant, at.parent)?.node;
      if (before === undefined || passed.has(before.responseId)) return false;
      passed.set(before.responseId, before);
      at = before;
    }
    for (const node of passed.values()) this.#rooted.add(node);
    return true;
  }

  #chainOf(last: PackedNode): readonly PackedNode[] | undefined {
    const chain = [last];
    const seen = new Set([last.responseId]);
    for (let parent = last.parent; parent !== undefined; ) {
      const node = this.#find(last.tenant, parent)?.node;
      if (!node || seen.has(node.responseId)) return undefined;
      seen.add(node.responseId);
      chain.push(node);
      parent = node.parent;
    }
    return chain.reverse();
  }

  #find(tenant: Tenant, id: ResponseId): StoredNode | undefined {
    const cached = this.#cache.get(keyOf(tenant, id));
    if (cached || this.mode !== 'disk') return cached;
    const stored = this.#read(tenant, id);
    if (!stored) return undefined;
    const visibility = this.#hiding.has(keyOf(tenant, id)) ? 'hidden' : stored.visibility;
    const found: StoredNode = { ...stored, visibility };
    this.#keep(found);
    return found;
  }

  /** A turn that does not open is as good as missing: the conversation then needs another source. */
  #read(tenant: Tenant, id: ResponseId): StoredNode | undefined {
    try {
      return this.#options.rows.read(tenant, id);
    } catch (error) {
      this.#options.log?.warn(
        { reason: (error as Error).name, response: id },
        'a stored turn cannot be read',
      );
      return undefined;
    }
  }

  #keep(entry: StoredNode): void {
    const { node } = entry;
    const key = keyOf(node.tenant, node.responseId);
    this.#cache.set(key, entry);
    if (!this.#cache.has(key)) return;
    for (const itemId of node.itemIds) this.#byItem.set(keyOf(node.tenant, itemId), node.responseId);
    if (entry.visibility === 'shown') this.#byChain.set(chainKey(node.tenant, node.chain), node.responseId);
  }

  #unindex(node: PackedNode): void {
    const forget = (index: Map<string, ResponseId>, key: string) => {
      if (index.get(key) === node.responseId) index.delete(key);
    };
    forget(this.#byChain, chainKey(node.tenant, node.chain));
    for (const itemId of node.itemIds) forget(this.#byItem, keyOf(node.tenant, itemId));
  }

  #touch(tenant: Tenant, responseId: ResponseId): void {
    if (this.mode !== 'disk') return;
    this.#touched.set(keyOf(tenant, responseId), { tenant, responseId, at: this.#options.now() });
  }
}

function keyOf(tenant: Tenant, id: string): string {
  return `${tenant}\0${id}`;
}

function chainKey(tenant: Tenant, chain: Buffer): string {
  return `${tenant}\0${chain.toString('latin1')}`;
}
