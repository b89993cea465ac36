/**
 * What a turn continues: the transcript it is anchored to or found to extend, and what of it may go up to which
 * account. A full history sent by the client is recognised as an extension of a known response, so that it is
 * stored as a delta and can become one on the wire.
 */
import type { AccountId, ResponseId, Tenant } from '../ids.ts';
import { parseObject } from '../protocol/frame.ts';
import { type ChainKey, chainStart, stripForeign } from '../protocol/items.ts';
import { type Refusal, refusal } from '../protocol/refusal.ts';
import type { RequestLog } from '../store/requests.ts';
import type { TranscriptNode } from '../store/transcript-node.ts';
import type { Transcripts } from '../store/transcripts.ts';
import type { Past } from '../turn/continuation.ts';
import { previousResponseNotFound } from '../turn/refusals.ts';
import { Item } from './item.ts';
import { Spine } from './spine.ts';
import type { TurnRequest } from './stream.ts';

export interface Memory {
  readonly transcripts: Transcripts;
  readonly requests: RequestLog;
  readonly chainKey: ChainKey;
  /** Anchors that their own account no longer knows; none is offered twice. */
  readonly refusedAnchors: { has(key: string): boolean };
}

/** For whom items are made ready: `stores` accounts can look up ids of their own. */
export interface Reader {
  readonly account: AccountId;
  readonly keeps: 'stores' | 'stateless';
  readonly reasoning: 'as_is' | 'stripped';
}

export type Resolved =
  | { readonly ok: true; readonly history: History }
  | { readonly ok: false; readonly refused: Refusal };

export interface History {
  readonly past: Past;
  /** Continuity of the row when the whole history goes up. */
  readonly asWhole: 'none' | 'snapshot' | 'client_full';
  /** For the transcript: what this turn extends, what it adds, and the hash after it; `undefined` when nothing can be remembered. */
  readonly growth:
    | { readonly parent: ResponseId | undefined; readonly added: readonly Buffer[]; readonly chain: Buffer }
    | undefined;
  /** What came in this request's own `input`. */
  readonly fresh: readonly Item[];
  /** All items, the fresh ones last; undefined when what comes before them is not there any more. */
  whole(): readonly Item[] | undefined;
  /** How many of all items make up the history of this response. */
  lengthAt(id: ResponseId): number | undefined;
}

/** Refused: an id that this server did not issue to this tenant. */
export function resolveHistory(request: TurnRequest, memory: Memory): Resolved {
  const fresh = request.envelope.input.map((bytes) => new Item(bytes, undefined));
  const resolved = continued(fresh, request, memory);
  // Asked for last: the hash has parsed each item already, and what it refers to came to light with that.
  const unknown = fresh
    .map((item) => unknownReference(item, request.tenant, memory))
    .find((id) => id !== undefined);
  return unknown === undefined ? resolved : { ok: false, refused: itemNotFound(unknown) };
}

function continued(fresh: readonly Item[], { envelope, tenant }: TurnRequest, memory: Memory): Resolved {
  const anchor = envelope.previousResponseId as ResponseId | undefined;
  if (anchor === undefined)
    return { ok: true, history: fullHistory(fresh, fresh.length, { tenant, memory }) };
  const owner = memory.requests.ownerOf(tenant, anchor);
  const node = memory.transcripts.tip(tenant, anchor);
  if (owner === undefined && node === undefined)
    return { ok: false, refused: previousResponseNotFound(anchor) };
  const spine = new Spine(() => node && memory.transcripts.walk(tenant, anchor));
  // A prewarm that this server answered itself is no response upstream could know: its input simply comes first.
  if (node !== undefined && node.account === undefined) {
    const items = [...(spine.items ?? []), ...fresh];
    return { ok: true, history: fullHistory(items, fresh.length, { tenant, memory }) };
  }
  const stored = (owner?.stored ?? false) && !memory.refusedAnchors.has(anchorKey(tenant, anchor));
  const named = { id: anchor, owner: node?.account ?? owner?.account, stored };
  return { ok: true, history: anchoredHistory(named, { node, spine, fresh, key: memory.chainKey }) };
}

interface Continued {
  /** Undefined: the turns up to the anchor are not all there. */
  readonly node: TranscriptNode | undefined;
  readonly spine: Spine;
  readonly fresh: readonly Item[];
  readonly key: ChainKey;
}

function anchoredHistory(
  anchor: NonNullable<Past['anchor']>,
  { node, spine, fresh, key }: Continued,
): History {
  return {
    past: {
      anchor,
      line: () => spine.line(),
      whole: node === undefined ? 'missing' : 'at_hand',
    },
    asWhole: 'snapshot',
    growth: node === undefined ? undefined : growthFrom(node, fresh, key),
    fresh,
    whole: () => spine.items && [...spine.items, ...fresh],
    lengthAt: (id) => spine.lengthAt(id),
  };
}

export function anchorKey(tenant: Tenant, id: string): string {
  return `${tenant} ${id}`;
}

function itemNotFound(id: string): Refusal {
  return refusal(400, 'item_not_found', `Item with id '${id.slice(0, 80)}' not found.`, { param: 'input' });
}

function growthFrom(node: TranscriptNode, fresh: readonly Item[], key: ChainKey): History['growth'] {
  const chain = fresh.reduce((hash, item) => item.hashAfter(hash, key), node.chain);
  return { parent: node.responseId, added: fresh.map((item) => item.bytes), chain };
}

interface Scope {
  readonly tenant: Tenant;
  readonly memory: Memory;
}

/** A history without an anchor: hashed once, and linked to the longest known response that it extends. */
function fullHistory(items: readonly Item[], sent: number, { tenant, memory }: Scope): History {
  const start = chainStart(memory.chainKey, tenant);
  const hashes = hashesOf(items, start, memory.chainKey);
  const kinds = items.map((item) => item.facts.kind);
  const match = longestKnown(kinds, hashes, { tenant, memory });
  const spine = new Spine(() => match && memory.transcripts.walk(tenant, match.id));
  // Hash and walk must agree item by item, or the owners would be read off the wrong items.
  const known = spine.items !== undefined && spine.items.length === match?.length ? spine : undefined;
  const owned = items.map((item, index) => item.ownedBy(known?.items?.[index]?.owner ?? item.owner));
  return {
    past: {
      anchor: undefined,
      line: () => known?.line() ?? [],
      whole: 'at_hand',
    },
    asWhole: kinds.includes('output') ? 'client_full' : 'none',
    growth: {
      parent: known === undefined ? undefined : match?.id,
      added: items.slice(known === undefined ? 0 : match?.length).map((item) => item.bytes),
      chain: hashes.at(-1) ?? start,
    },
    fresh: owned.slice(owned.length - sent),
    whole: () => owned,
    lengthAt: (id) => known?.lengthAt(id),
  };
}

function hashesOf(items: readonly Item[], start: Buffer, key: ChainKey): readonly Buffer[] {
  let hash = start;
  return items.map((item) => {
    hash = item.hashAfter(hash, key);
    return hash;
  });
}

/** Prefixes that are looked up before the search is given up: a match is nearly always close to the end. */
const MOST_PROBES = 200;

/** A response ends in something the model produced, so only prefixes that do are worth a look-up. */
function longestKnown(
  kinds: readonly string[],
  hashes: readonly Buffer[],
  { tenant, memory }: Scope,
): { readonly id: ResponseId; readonly length: number } | undefined {
  let probes = 0;
  for (let last = kinds.length - 1; last >= 0 && probes < MOST_PROBES; last -= 1) {
    const hash = hashes[last];
    if (hash === undefined || kinds[last] !== 'output') continue;
    probes += 1;
    const id = memory.transcripts.findByChain(tenant, hash);
    if (id !== undefined) return { id, length: last + 1 };
  }
  return undefined;
}

/** The hash after a finished response, under which a later full history will be recognised. */
export function chainAfter(chain: Buffer, output: readonly Buffer[], key: ChainKey): Buffer {
  return output.reduce((hash, bytes) => new Item(bytes, undefined).hashAfter(hash, key), chain);
}

/**
 * The items after response `after` (all of them without one) as `reader` may see them; `as_sent` when that is the
 * client's own input, byte for byte; `missing` when the beginning is not there any more.
 */
export function itemsFor(
  history: History,
  after: ResponseId | undefined,
  reader: Reader,
  scope: Scope,
): readonly Buffer[] | 'as_sent' | 'missing' {
  const items = after === undefined ? history.whole() : itemsAfter(history, after);
  if (items === undefined) return 'missing';
  const made = items.flatMap((item) => forReader(item, reader, scope));
  const untouched = items.length === history.fresh.length && made.length === items.length;
  return untouched && made.every((bytes, index) => bytes === items[index]?.bytes) ? 'as_sent' : made;
}

function itemsAfter(history: History, after: ResponseId): readonly Item[] | undefined {
  const from = after === history.past.anchor?.id ? undefined : history.lengthAt(after);
  return from === undefined ? history.fresh : history.whole()?.slice(from);
}

/** No item, or the one that this account may see: foreign ids, references and sealed reasoning never go up. */
function forReader(item: Item, reader: Reader, scope: Scope): readonly Buffer[] {
  const { facts } = item;
  if (facts.reference !== undefined) return dereference(facts.reference, reader, scope);
  if (facts.shape === 'no_object') return [item.bytes];
  if (facts.shape === 'reasoning' && !mayKeep(item, reader)) return [];
  const owner = ownerOf(item, scope);
  if (owner === undefined || owner === reader.account) return [item.bytes];
  const stripped = stripForeign(item.bytes, reader.keeps);
  return stripped === undefined ? [] : [stripped];
}

/** Reasoning that is neither sealed nor kept by the account cannot be looked up by it. */
function mayKeep({ facts, owner }: Item, reader: Reader): boolean {
  if (reader.reasoning === 'stripped') return false;
  return facts.sealed === 'sealed' || reader.keeps === 'stores' || owner === undefined;
}

function ownerOf(item: Item, { tenant, memory }: Scope): AccountId | undefined {
  if (item.owner !== undefined) return item.owner;
  for (const name of item.facts.names) {
    const owner = memory.transcripts.itemOwner(tenant, name);
    if (owner !== undefined) return owner;
  }
  return undefined;
}

function dereference(id: string, reader: Reader, scope: Scope): readonly Buffer[] {
  const node = scope.memory.transcripts.findItem(scope.tenant, id)?.node;
  const bytes = node?.output.find((item) => parseObject(item)?.['id'] === id);
  return bytes === undefined ? [] : forReader(new Item(bytes, node?.account), reader, scope);
}

/** The account that sealed a compaction in this history, where it is another than the one that was asked. */
export function sealedElsewhere(history: History, account: AccountId, scope: Scope): AccountId | undefined {
  for (const item of history.whole() ?? []) {
    if (item.facts.shape !== 'compaction') continue;
    const owner = ownerOf(item, scope);
    if (owner !== undefined && owner !== account) return owner;
  }
  return undefined;
}

/** Every item is parsed for it: a look at the bytes can be deceived by an escape or by leaving the type out. */
function unknownReference({ facts }: Item, tenant: Tenant, memory: Memory): string | undefined {
  const id = facts.reference;
  return id === undefined || memory.transcripts.findItem(tenant, id) !== undefined ? undefined : id;
}
