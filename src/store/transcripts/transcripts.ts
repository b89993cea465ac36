/**
 * The tree of remembered turns: a bounded memory cache in front of the database (`disk`), or alone
 * (`memory`), or nothing (`off`). It does not know what an item means, nor when a transcript may be used.
 */
import { LRUCache } from 'lru-cache';
import type { AccountId, ResponseId, Tenant } from '../../domain/ids.ts';
import type { StoreLog } from '../store-log.ts';
import type { Outcome, Proposal } from '../writer/tentative.ts';
import type { Statement, WriteUnit } from '../writer/write-unit.ts';
import type { Writer } from '../writer/writer.ts';
import { TranscriptEviction } from './eviction.ts';
import { LastUsed } from './last-used.ts';
import { TranscriptLeases } from './leases.ts';
import { chainKeyOf, keyOf, type PackedNode, packed, type TranscriptNode } from './node.ts';
import type { HistorySize, StoredNode, TranscriptRows } from './rows.ts';

/** Memory spares a running conversation the way to the disk; where there is no disk it is all that is remembered. */
const CACHE_BYTES = { disk: 8 * 1024 * 1024, memory: 64 * 1024 * 1024, off: 4 * 1024 * 1024 };
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
  readonly #touches: LastUsed;
  readonly #leases = new TranscriptLeases();
  readonly #eviction: TranscriptEviction;
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
    const [touches, leases] = [new LastUsed(options), this.#leases];
    this.#touches = touches;
    this.#eviction = new TranscriptEviction({
      ...options,
      maxBytes: options.diskBytes ?? DISK_BYTES,
      inUse: {
        size: () => touches.size + leases.size,
        has: (key) => touches.has(key) || leases.has(key),
      },
      onLeaving: (keys) => {
        for (const key of keys) this.#cache.delete(key);
      },
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
    // A prewarm that this server answered itself exists nowhere else: its id would be of no use without it.
    if (this.mode === 'off' && turn.account !== undefined) return [];
    const node = packed(turn);
    if (this.mode === 'memory') this.#refresh(node);
    this.#keep({ node, visibility: 'shown' });
    if (this.mode !== 'disk') return [];
    this.#addedBytes += node.bytes;
    // Until the turn is on disk, only this says that its conversation has been used.
    if (node.parent !== undefined) this.#touch(node.tenant, node.parent);
    return this.#options.rows.insert(node, this.#options.now());
  }

  /** A background turn whose answer has not been seen yet. */
  open(tenant: Tenant, id: ResponseId): TranscriptNode | undefined {
    const node = this.#find(tenant, id)?.node;
    return node?.isOpen === true ? node : undefined;
  }

  /** The same turn with its answer; visible at once. */
  complete(turn: TranscriptNode): readonly Statement[] {
    const node = packed(turn);
    const visibility = this.#find(turn.tenant, turn.responseId)?.visibility ?? 'shown';
    this.#keep({ node, visibility });
    return this.mode === 'disk' ? this.#options.rows.complete(node) : [];
  }

  /**
   * Keeps the conversation of this response from being evicted. To be taken in the same step in which a turn looks its
   * history up, and disposed when the turn is committed or over; an unknown id is no mistake.
   */
  lease(tenant: Tenant, id: ResponseId): Disposable {
    const entries = new Map<string, StoredNode | undefined>([[keyOf(tenant, id), undefined]]);
    const last = this.mode === 'memory' ? this.#find(tenant, id) : undefined;
    for (const node of (last && this.#chainOf(last.node)) ?? []) {
      entries.set(keyOf(tenant, node.responseId), this.#find(tenant, node.responseId));
    }
    this.#touch(tenant, id);
    return this.#leases.take(entries, () => this.#touch(tenant, id));
  }

  /** The node, unless it is unknown to this tenant or was deleted by it. */
  get(tenant: Tenant, id: ResponseId): PackedNode | undefined {
    const found = this.#find(tenant, id);
    if (!found || found.visibility === 'hidden' || found.node.isOpen) return undefined;
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
    const known = this.#byChain.get(chainKeyOf(tenant, chain));
    if (known && this.#find(tenant, known)?.visibility === 'shown') return known;
    if (this.mode !== 'disk') return undefined;
    const stored = this.#options.rows.findByChain(tenant, chain);
    if (stored === undefined) return undefined;
    const key = keyOf(tenant, stored);
    return this.#hiding.has(key) || this.#eviction.isLeaving(key) ? undefined : stored;
  }

  /** The turn that produced this output item. */
  findItem(tenant: Tenant, itemId: string): { readonly node: TranscriptNode } | undefined {
    const responseId =
      this.#byItem.get(keyOf(tenant, itemId)) ??
      (this.mode === 'disk' ? this.#options.rows.findItem(tenant, itemId)?.responseId : undefined);
    if (responseId === undefined) return undefined;
    this.#touch(tenant, responseId);
    return this.#find(tenant, responseId);
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
      const known = this.#cache.get(key) ?? this.#leases.kept(key);
      if (known === undefined) return;
      this.#keep({ ...known, visibility });
      this.#leases.change(key, { ...known, visibility });
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

  /** Tells the disk what was used since the last time. */
  writeTouches(): Promise<void> {
    return this.#touches.write();
  }

  /** Makes room on the disk: what was unused for two days goes, and what is over the bound. */
  async evict(): Promise<void> {
    if (this.mode !== 'disk') return;
    await this.writeTouches();
    await this.#eviction.run();
  }

  /** Before the database closes. */
  stopEvicting(): void {
    this.#eviction.stop();
  }

  #reachesRoot(last: PackedNode): boolean {
    if (this.mode !== 'disk') return this.#chainOf(last) !== undefined;
    const passed = new Map([[last.responseId, last]]);
    for (let at = last; at.parent !== undefined && !this.#rooted.has(at); ) {
      const before = this.#find(at.tenant, at.parent)?.node;
      if (before === undefined || before.isOpen || passed.has(before.responseId)) return false;
      passed.set(before.responseId, before);
      at = before;
    }
    for (const node of passed.values()) this.#rooted.add(node);
    return true;
  }

  /** In memory nothing else keeps the beginning of a running conversation from growing old. */
  #refresh(node: PackedNode): void {
    for (const before of this.#chainOf(node) ?? []) {
      const kept = this.#leases.kept(keyOf(before.tenant, before.responseId));
      if (kept !== undefined) this.#keep(kept);
    }
  }

  #chainOf(last: PackedNode): readonly PackedNode[] | undefined {
    const chain = [last];
    const seen = new Set([last.responseId]);
    for (let parent = last.parent; parent !== undefined; ) {
      const node = this.#find(last.tenant, parent)?.node;
      if (!node || node.isOpen || seen.has(node.responseId)) return undefined;
      seen.add(node.responseId);
      chain.push(node);
      parent = node.parent;
    }
    return chain.reverse();
  }

  #find(tenant: Tenant, id: ResponseId): StoredNode | undefined {
    const key = keyOf(tenant, id);
    const cached = this.#cache.get(key) ?? this.#leases.kept(key);
    if (cached || this.mode !== 'disk' || this.#eviction.isLeaving(key)) return cached;
    const stored = this.#read(tenant, id);
    if (!stored) return undefined;
    const visibility = this.#hiding.has(key) ? 'hidden' : stored.visibility;
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
    if (entry.visibility === 'shown') this.#byChain.set(chainKeyOf(node.tenant, node.chain), node.responseId);
  }

  #unindex(node: PackedNode): void {
    const forget = (index: Map<string, ResponseId>, key: string) => {
      if (index.get(key) === node.responseId) index.delete(key);
    };
    forget(this.#byChain, chainKeyOf(node.tenant, node.chain));
    for (const itemId of node.itemIds) forget(this.#byItem, keyOf(node.tenant, itemId));
  }

  #touch(tenant: Tenant, responseId: ResponseId): void {
    if (this.mode === 'disk') this.#touches.touch(tenant, responseId);
  }
}
