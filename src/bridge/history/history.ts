/**
 * What a turn continues: the transcript it is anchored to or found to extend. A full history sent by the client is
 * recognised as an extension of a known response, so that it is stored as a delta and can become one on the wire.
 * What of it may go up to which account is in derive-items.ts.
 */
import type { AccountId, ResponseId } from '../../domain/ids.ts';
import type { BoundTo } from '../../domain/request.ts';
import { chainHash } from '../../protocol/items.ts';
import { type Refusal, refusal } from '../../protocol/refusal.ts';
import type { TranscriptNode } from '../../store/transcripts/node.ts';
import type { Past } from '../../turn/continuation.ts';
import { previousResponseNotFound } from '../../turn/refusals.ts';
import type { TurnRequest } from '../turn-request.ts';
import { accountNames } from './account-names.ts';
import { Item } from './item.ts';
import { itemOwner } from './item-owner.ts';
import type { HistorySource, Scope } from './source.ts';
import { TranscriptPath } from './transcript-path.ts';

export type Resolved =
  | { readonly ok: true; readonly history: History }
  | { readonly ok: false; readonly refused: Refusal };

export interface History {
  readonly past: Past;
  /** Continuity of the row when the whole history goes up. */
  readonly asWhole: 'none' | 'snapshot' | 'client_full';
  /** For the transcript: what this turn extends, what it adds, and the hash after it. */
  readonly growth: {
    readonly parent: ResponseId | undefined;
    readonly added: readonly Buffer[];
    readonly chain: Buffer;
  };
  /** The account that answered the newest known turn of this history. */
  readonly servedBy: AccountId | undefined;
  /** What an earlier turn of this history is bound to. */
  readonly bound: BoundTo | undefined;
  /** What this request adds: its own `input`, and that of a prewarm which this server answered itself. */
  readonly fresh: readonly Item[];
  /** The client's own `input`, byte for byte. */
  readonly sent: readonly Buffer[];
  /** All items, the fresh ones last; undefined when what comes before them is not there any more. */
  whole(): readonly Item[] | undefined;
  /** How many of all items make up the history of this response. */
  lengthAt(id: ResponseId): number | undefined;
}

/** Refused: an id that this server did not issue to this tenant. */
export function resolveHistory(request: TurnRequest, source: HistorySource): Resolved {
  const { envelope, tenant } = request;
  const scope = { tenant, source };
  const fresh = envelope.input.map((bytes) => new Item(bytes, undefined));
  const anchor = envelope.previousResponseId as ResponseId | undefined;
  if (anchor === undefined) return fullHistory(fresh, envelope.input, scope);
  const owner = source.requests.ownerOf(tenant, anchor);
  const node = source.transcripts.tip(tenant, anchor);
  if (owner === undefined && node === undefined)
    return { ok: false, refused: previousResponseNotFound(anchor) };
  const path = new TranscriptPath(() => node && source.transcripts.walk(tenant, anchor));
  // A prewarm that this server answered itself is no response upstream could know: its input simply comes first.
  if (node !== undefined && node.account === undefined) {
    return fullHistory([...(path.items ?? []), ...fresh], envelope.input, scope);
  }
  const stored = (owner?.stored ?? false) && !source.refusedAnchors.has(tenant, anchor);
  const named = { id: anchor, owner: node?.account ?? owner?.account, stored };
  return anchoredHistory(named, { node, path, fresh, bound: owner?.bound, sent: envelope.input, scope });
}

interface Continued {
  /** Undefined: the turns up to the anchor are not all there. */
  readonly node: TranscriptNode | undefined;
  readonly path: TranscriptPath;
  readonly fresh: readonly Item[];
  readonly bound: BoundTo | undefined;
  readonly sent: readonly Buffer[];
  readonly scope: Scope;
}

function anchoredHistory(
  anchor: NonNullable<Past['anchor']>,
  { node, path, fresh: given, bound, sent, scope }: Continued,
): Resolved {
  const { chainKey } = scope.source;
  // Of a history that is not kept only the hash of this turn's own part is known: nothing is recognised by it.
  const start = node?.chain ?? chainHash(scope.source.chainStarts.of(scope.tenant), anchor.id, chainKey);
  const hashed = hashesOf(given, start, scope);
  if (!hashed.ok) return hashed;
  const fresh = hashed.items;
  const history: History = {
    past: {
      anchor,
      ancestors: () => path.ancestors(),
      whole: node === undefined ? 'missing' : 'at_hand',
    },
    asWhole: 'snapshot',
    growth: {
      parent: anchor.id,
      chain: hashed.hashes.at(-1) ?? start,
      added: fresh.map((item) => item.bytes),
    },
    servedBy: anchor.owner,
    bound,
    fresh,
    sent,
    whole: () => path.items && [...path.items, ...fresh],
    lengthAt: (id) => path.lengthAt(id),
  };
  return { ok: true, history };
}

function itemNotFound(id: string): Refusal {
  return refusal(400, 'item_not_found', `Item with id '${id.slice(0, 80)}' not found.`, { param: 'input' });
}

/** A history without an anchor: hashed once, and linked to the longest known response that it extends. */
function fullHistory(given: readonly Item[], sent: readonly Buffer[], scope: Scope): Resolved {
  const { tenant, source } = scope;
  const start = source.chainStarts.of(tenant);
  const hashed = hashesOf(given, start, scope);
  if (!hashed.ok) return hashed;
  const { items, hashes } = hashed;
  const kinds = items.map((item) => item.facts.kind);
  const match = longestKnown(kinds, hashes, scope);
  const path = new TranscriptPath(() => match && source.transcripts.walk(tenant, match.id));
  // Hash and walk must agree item by item, or the owners would be read off the wrong items.
  const known = path.items !== undefined && path.items.length === match?.length ? path : undefined;
  const owned = items.map((item, index) => item.ownedBy(known?.items?.[index]?.owner ?? item.owner));
  const parent = known === undefined ? undefined : match?.id;
  const added = owned.slice(known === undefined ? 0 : match?.length);
  const history: History = {
    past: {
      anchor: undefined,
      ancestors: () => known?.ancestors() ?? [],
      whole: 'at_hand',
    },
    asWhole: kinds.includes('output') ? 'client_full' : 'none',
    growth: {
      parent,
      added: added.map((item) => item.bytes),
      chain: hashes.at(-1) ?? start,
    },
    servedBy: parent === undefined ? undefined : source.transcripts.get(tenant, parent)?.account,
    bound: undefined,
    fresh: owned,
    sent,
    whole: () => owned,
    lengthAt: (id) => known?.lengthAt(id),
  };
  return { ok: true, history };
}

type Hashed =
  | { readonly ok: true; readonly items: readonly Item[]; readonly hashes: readonly Buffer[] }
  | { readonly ok: false; readonly refused: Refusal };

/**
 * The items, each with the hash of the history up to it, in the place of a reference what it names: else the turn
 * would extend nothing, and what it refers to would grow old while it is in use.
 */
function hashesOf(given: readonly Item[], start: Buffer, scope: Scope): Hashed {
  const { chainKey } = scope.source;
  const items: Item[] = [];
  const hashes: Buffer[] = [];
  for (const item of given) {
    const before = hashes.at(-1) ?? start;
    // A look at the bytes could be deceived by an escape: what an item refers to comes to light with its hash.
    const hash = item.hashAfter(before, chainKey);
    const { reference } = item.facts;
    const named = reference === undefined ? item : referencedItem(reference, scope);
    if (named === undefined) return { ok: false, refused: itemNotFound(reference ?? '') };
    items.push(named);
    hashes.push(named === item ? hash : named.hashAfter(before, chainKey));
  }
  return { ok: true, items, hashes };
}

/** Prefixes that are looked up before the search is given up: a match is nearly always close to the end. */
const MAX_PROBES = 200;

/** A response ends in something the model produced, so only prefixes that do are worth a look-up. */
function longestKnown(
  kinds: readonly string[],
  hashes: readonly Buffer[],
  { tenant, source }: Scope,
): { readonly id: ResponseId; readonly length: number } | undefined {
  let probes = 0;
  for (let last = kinds.length - 1; last >= 0 && probes < MAX_PROBES; last -= 1) {
    const hash = hashes[last];
    if (hash === undefined || kinds[last] !== 'output') continue;
    probes += 1;
    const id = source.transcripts.findByChain(tenant, hash);
    if (id !== undefined) return { id, length: last + 1 };
  }
  return undefined;
}

/** The item that an id names, as the answer that it came in is remembered. */
export function referencedItem(id: string, { tenant, source }: Scope): Item | undefined {
  const node = source.transcripts.findItem(tenant, id)?.node;
  if (node === undefined) return undefined;
  return node.output
    .map((bytes) => new Item(bytes, node.account))
    .find((item) => item.facts.names.includes(id));
}

/** Why this turn can be served by one account only: what it names itself, or what an earlier turn has named. */
export function boundTo(request: TurnRequest, history: History, scope: Scope): BoundTo | undefined {
  const owners = accountNames(request, history).map((name) =>
    scope.source.bindings.accountOf(scope.tenant, name),
  );
  const account = owners.find((owner) => owner !== undefined);
  if (account !== undefined) return { kind: 'files', account };
  if (history.bound !== undefined) return history.bound;
  const compaction = history.fresh.findLast((item) => item.facts.shape === 'compaction');
  const issuer = compaction && itemOwner(compaction, scope);
  return issuer === undefined ? undefined : { kind: 'compaction', account: issuer };
}
