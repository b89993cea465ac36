/**
 * One item of a history: its bytes, who made it, and what has to be known of it. It is parsed once, for what stays of
 * it is small: a parsed history of a megabyte would keep several on the heap for as long as its turn runs.
 */
import type { AccountId } from '../ids.ts';
import { isRecord } from '../protocol/frame.ts';
import { type ChainKey, canonicalItem, chainHash, itemKind, referenceOf } from '../protocol/items.ts';
import { itemNames } from './item-names.ts';

export interface ItemFacts {
  readonly kind: 'input' | 'output';
  readonly shape: 'reasoning' | 'compaction' | 'other' | 'no_object';
  readonly sealed: 'sealed' | 'open';
  /** The id of the item it stands for, empty where it names none. */
  readonly reference: string | undefined;
  /** By what it is known again; of output only. */
  readonly names: readonly string[];
}

export class Item {
  readonly bytes: Buffer;
  /** The account that produced it; unknown for what a client wrote itself. */
  readonly owner: AccountId | undefined;
  #facts: ItemFacts | undefined;

  constructor(bytes: Buffer, owner: AccountId | undefined) {
    this.bytes = bytes;
    this.owner = owner;
  }

  get facts(): ItemFacts {
    this.#facts ??= factsOf(this.#parsed());
    return this.#facts;
  }

  /** The hash of a history of which `previous` is the hash and this the next item; the facts come out of the same parse. */
  hashAfter(previous: Buffer, key: ChainKey): Buffer {
    const parsed = this.#parsed();
    this.#facts ??= factsOf(parsed);
    return chainHash(previous, canonicalItem(parsed), key);
  }

  ownedBy(owner: AccountId | undefined): Item {
    if (owner === this.owner) return this;
    const owned = new Item(this.bytes, owner);
    owned.#facts = this.#facts;
    return owned;
  }

  #parsed(): unknown {
    return JSON.parse(this.bytes.toString('utf8'));
  }
}

function factsOf(parsed: unknown): ItemFacts {
  const kind = itemKind(parsed);
  if (!isRecord(parsed)) {
    return { kind, shape: 'no_object', sealed: 'open', reference: undefined, names: [] };
  }
  const { type } = parsed;
  return {
    kind,
    shape: type === 'reasoning' || type === 'compaction' ? type : 'other',
    sealed: typeof parsed['encrypted_content'] === 'string' ? 'sealed' : 'open',
    reference: referenceOf(parsed),
    names: kind === 'output' ? itemNames(parsed) : [],
  };
}
