/**
 * One item of a history: its bytes, who made it, and what has to be known of it. It is parsed once, for what stays of
 * it is small: a parsed history of a megabyte would keep several on the heap for as long as its turn runs.
 */
import type { AccountId } from '../../domain/ids.ts';
import { isRecord } from '../../protocol/frame.ts';
import { bindingsOf } from '../../protocol/item-bindings.ts';
import {
  type ChainKey,
  canonicalItem,
  chainHash,
  isCompaction,
  itemKind,
  referenceOf,
} from '../../protocol/items.ts';

export interface ItemFacts {
  readonly kind: 'input' | 'output';
  readonly shape: 'reasoning' | 'compaction' | 'other' | 'no_object';
  /** Where it holds what only its issuer can open. */
  readonly sealed: 'as_a_whole' | 'in_parts' | 'open';
  /** The id of the item it stands for, empty where it names none. */
  readonly reference: string | undefined;
  /** The approval request that it answers. */
  readonly approves: string | undefined;
  /** By what its issuer is known. */
  readonly names: readonly string[];
  readonly files: readonly string[];
}

const NO_OBJECT: Omit<ItemFacts, 'kind'> = {
  shape: 'no_object',
  sealed: 'open',
  reference: undefined,
  approves: undefined,
  names: [],
  files: [],
};

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
  if (!isRecord(parsed)) return { kind, ...NO_OBJECT };
  const { type, approval_request_id: approves, encrypted_content: seal } = parsed;
  const { names, files, sealedWithin } = bindingsOf(parsed);
  return {
    kind,
    shape: isCompaction(parsed) ? 'compaction' : type === 'reasoning' ? type : 'other',
    sealed: typeof seal === 'string' ? 'as_a_whole' : sealedWithin ? 'in_parts' : 'open',
    reference: referenceOf(parsed),
    approves: typeof approves === 'string' ? approves : undefined,
    names,
    files,
  };
}
