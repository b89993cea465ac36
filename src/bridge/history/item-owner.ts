/** Which account issued an item: read off its place in a transcript, or found by one of its names. */
import type { AccountId } from '../../domain/ids.ts';
import type { Item } from './item.ts';
import type { Scope } from './source.ts';

/** Undefined: nobody that this server knows of. */
export function itemOwner(item: Item, scope: Scope): AccountId | undefined {
  return item.owner ?? ownerOfNames(item.facts.names, scope);
}

export function ownerOfNames(names: readonly string[], { tenant, source }: Scope): AccountId | undefined {
  for (const name of names) {
    const owner =
      source.transcripts.itemOwner(tenant, name) ?? source.bindings.accountOf(tenant, itemName(name));
    if (owner !== undefined) return owner;
  }
  return undefined;
}

/** The name under which an item of an answer that broke off is bound to its account. */
export function itemName(name: string): string {
  return `item:${name}`;
}
