/**
 * What of a history goes up to one account, derived anew for every upload: another account's ids, sealed parts and
 * references never do.
 */
import type { AccountId, ResponseId } from '../../domain/ids.ts';
import { forOtherAccount, leaveOutSeals, ownItemId } from '../../protocol/item-bindings.ts';
import { scanObject } from '../../protocol/json-scan.ts';
import { rewriteObject } from '../../protocol/json-splice.ts';
import { type History, referencedItem } from '../history/history.ts';
import type { Item } from '../history/item.ts';
import { itemOwner, ownerOfNames } from '../history/item-owner.ts';
import type { Scope } from '../history/source.ts';

/** For whom items are made ready: `stores` accounts can look up ids of their own. */
export interface TargetAccount {
  readonly account: AccountId;
  readonly keeps: 'stores' | 'stateless';
  readonly seals: 'as_is' | 'left_out';
}

/**
 * The items after response `after` (all of them without one) as the account may see them; `as_sent` when that is the
 * client's own input, byte for byte; `missing` when the beginning is not there any more.
 */
export function itemsFor(
  history: History,
  after: ResponseId | undefined,
  target: TargetAccount,
  scope: Scope,
): readonly Buffer[] | 'as_sent' | 'missing' {
  const items = after === undefined ? history.whole() : itemsAfter(history, after);
  if (items === undefined) return 'missing';
  const made = items.flatMap((item) => derived(item, target, scope));
  const { sent } = history;
  return made.length === sent.length && made.every((bytes, index) => bytes === sent[index])
    ? 'as_sent'
    : made;
}

function itemsAfter(history: History, after: ResponseId): readonly Item[] | undefined {
  const from = after === history.past.anchor?.id ? undefined : history.lengthAt(after);
  return from === undefined ? history.fresh : history.whole()?.slice(from);
}

/** No item, or the one that this account may see. */
function derived(item: Item, target: TargetAccount, scope: Scope): readonly Buffer[] {
  const { facts } = item;
  if (facts.reference !== undefined) {
    const named = referencedItem(facts.reference, scope);
    return named === undefined ? [] : derived(named, target, scope);
  }
  if (facts.shape === 'no_object') return [item.bytes];
  if (facts.shape === 'reasoning' && !mayKeep(item, target)) return [];
  const owner = itemOwner(item, scope);
  if (owner !== undefined && owner !== target.account) return one(forOtherAccount(item.bytes, target.keeps));
  if (facts.sealed === 'in_parts' && target.seals === 'left_out') return one(leaveOutSeals(item.bytes));
  if (facts.approves !== undefined) return [approvalFor(item, facts.approves, target, scope)];
  return [item.bytes];
}

function one(bytes: Buffer | undefined): readonly Buffer[] {
  return bytes === undefined ? [] : [bytes];
}

/** Reasoning that is neither sealed nor kept by the account cannot be looked up by it. */
function mayKeep({ facts, owner }: Item, target: TargetAccount): boolean {
  if (target.seals === 'left_out') return false;
  return facts.sealed === 'as_a_whole' || target.keeps === 'stores' || owner === undefined;
}

/** The request that it answers goes up under an id of ours when another account made it, and the answer with it. */
function approvalFor(item: Item, request: string, target: TargetAccount, scope: Scope): Buffer {
  const owner = ownerOfNames([request], scope);
  if (owner === undefined || owner === target.account) return item.bytes;
  const scan = scanObject(item.bytes);
  if (!scan.ok) return item.bytes;
  const id = Buffer.from(JSON.stringify(ownItemId(request, 'mcp_approval_request')));
  return rewriteObject(item.bytes, scan.members, { set: { approval_request_id: id } });
}
