/**
 * Which accounts' upstreams refused a WebSocket lately; they are spoken to over HTTP until it is worth asking again.
 */
import type { AccountId } from '../ids.ts';

const ASK_AGAIN_MS = 10 * 60_000;

export class UpgradeMemory {
  readonly #refusedAt = new Map<AccountId, number>();

  remember(account: AccountId): void {
    this.#refusedAt.set(account, Date.now());
  }

  isRefused(account: AccountId): boolean {
    const at = this.#refusedAt.get(account);
    return at !== undefined && Date.now() - at < ASK_AGAIN_MS;
  }

  forget(account: AccountId): void {
    this.#refusedAt.delete(account);
  }
}
