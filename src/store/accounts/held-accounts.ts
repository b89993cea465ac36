/**
 * The accounts in memory, oldest first, and who hears of their changes. What a row says here holds at once for
 * everybody; knows nothing of the disk.
 */

import type { AccountRow } from '../../domain/account.ts';
import type { AccountId } from '../../domain/ids.ts';
import { type Proposal, Tentative } from '../writer/tentative.ts';

interface HeldAccount {
  readonly account: Tentative<AccountRow>;
  readonly identity: Buffer;
  /** `leaving`: its removal is not saved yet; nobody sees it any more. */
  presence: 'here' | 'leaving';
}

export interface StoredAccount {
  readonly row: AccountRow;
  readonly identity: Buffer;
}

export class HeldAccounts {
  readonly #held = new Map<AccountId, HeldAccount>();
  readonly #watchers: ((id: AccountId) => void)[] = [];

  constructor(stored: readonly StoredAccount[]) {
    for (const { row, identity } of stored)
      this.#held.set(row.id, { account: new Tentative(row), identity, presence: 'here' });
  }

  all(): readonly AccountRow[] {
    return this.#present().map(({ account }) => account.row);
  }

  get(id: AccountId): AccountRow | undefined {
    return this.#find(id)?.account.row;
  }

  byIdentity(identity: Buffer): AccountRow | undefined {
    return this.#present().find((held) => held.identity.equals(identity))?.account.row;
  }

  watch(watcher: (id: AccountId) => void): void {
    this.#watchers.push(watcher);
  }

  add({ row, identity }: StoredAccount): Proposal {
    this.#held.set(row.id, { account: new Tentative(row), identity, presence: 'here' });
    this.#changed(row.id);
    return {
      settle: (outcome) => {
        if (outcome === 'saved') return;
        this.#held.delete(row.id);
        this.#changed(row.id);
      },
    };
  }

  /** The row as it is now; undefined when there is no such account. */
  change(id: AccountId, changes: Partial<AccountRow>): AccountRow | undefined {
    const row = this.#find(id)?.account.change(changes);
    if (row !== undefined) this.#changed(id);
    return row;
  }

  propose(id: AccountId, changes: Partial<AccountRow>): Proposal | undefined {
    const proposal = this.#find(id)?.account.propose(changes);
    if (proposal === undefined) return undefined;
    this.#changed(id);
    return {
      settle: (outcome) => {
        proposal.settle(outcome);
        if (outcome === 'dropped') this.#changed(id);
      },
    };
  }

  /** Undefined when there is no such account. */
  remove(id: AccountId): Proposal | undefined {
    const held = this.#find(id);
    if (held === undefined) return undefined;
    held.presence = 'leaving';
    this.#changed(id);
    return {
      settle: (outcome) => {
        if (outcome === 'saved') {
          this.#held.delete(id);
          return;
        }
        held.presence = 'here';
        this.#changed(id);
      },
    };
  }

  #find(id: AccountId): HeldAccount | undefined {
    const held = this.#held.get(id);
    return held?.presence === 'here' ? held : undefined;
  }

  #present(): readonly HeldAccount[] {
    return [...this.#held.values()].filter(({ presence }) => presence === 'here');
  }

  #changed(id: AccountId): void {
    for (const watcher of this.#watchers) watcher(id);
  }
}
