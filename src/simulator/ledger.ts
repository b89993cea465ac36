/**
 * Who issued what: response ids, item ids, encrypted content, turn states, files. It answers only "whose is this"
 * and "can this turn chain from that"; which error follows is decided in screening.ts.
 */
import type { Item, Lineage } from './wire.ts';

/** A response that some account gave. `stored` ones outlive their socket. */
export interface IssuedResponse {
  readonly id: string;
  readonly account: string;
  readonly stored: boolean;
  /** What a turn that chains from here can see: the response's own history and its output. */
  readonly lineage: Lineage;
  /** The response object as it was sent last; storage endpoints serve it. */
  response: Readonly<Record<string, unknown>>;
  readonly input: readonly Item[];
}

interface IssuedItem {
  readonly account: string;
  readonly item: Item;
  readonly stored: boolean;
}

/** Encrypted content and the user texts that it stands for (none for reasoning). */
export interface Sealed {
  readonly account: string;
  readonly texts: readonly string[];
}

export class Ledger {
  readonly #responses = new Map<string, IssuedResponse>();
  readonly #items = new Map<string, IssuedItem>();
  readonly #sealed = new Map<string, Sealed>();
  readonly #turnStates = new Map<string, string>();
  readonly #files = new Map<string, string>();

  /** Books a finished response and its items. */
  issue(issued: IssuedResponse, output: readonly Item[]): void {
    this.#responses.set(issued.id, issued);
    this.issueItems(issued.account, output, issued.stored ? 'stored' : 'unstored');
  }

  /** Books items that went out, also those that were cut and those of a response that failed later. */
  issueItems(account: string, items: readonly Item[], keep: 'stored' | 'unstored'): void {
    for (const item of items) {
      if (item.id !== undefined) this.#items.set(item.id, { account, item, stored: keep === 'stored' });
    }
  }

  seal(content: string, sealed: Sealed): void {
    this.#sealed.set(content, sealed);
  }

  issueTurnState(state: string, account: string): void {
    this.#turnStates.set(state, account);
  }

  /** Books a file as uploaded by that account. */
  addFile(id: string, account: string): void {
    this.#files.set(id, account);
  }

  fileOwner(id: string): string | undefined {
    return this.#files.get(id);
  }

  response(id: string): IssuedResponse | undefined {
    return this.#responses.get(id);
  }

  forget(id: string): void {
    this.#responses.delete(id);
  }

  item(id: string): IssuedItem | undefined {
    return this.#items.get(id);
  }

  unseal(content: string): Sealed | undefined {
    return this.#sealed.get(content);
  }

  turnStateOwner(state: string): string | undefined {
    return this.#turnStates.get(state);
  }
}
