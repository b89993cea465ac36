/** Where histories are looked up, and for whom: every look-up is by tenant and id. */
import { LRUCache } from 'lru-cache';
import type { Tenant } from '../domain/ids.ts';
import type { ChainKey } from '../protocol/items.ts';
import type { AccountBindings } from '../store/account-bindings.ts';
import type { RequestLog } from '../store/requests.ts';
import type { Transcripts } from '../store/transcripts.ts';

export interface HistorySource {
  readonly transcripts: Transcripts;
  readonly requests: RequestLog;
  readonly bindings: AccountBindings;
  readonly chainKey: ChainKey;
  /** Anchors that their own account no longer knows; none is offered twice. */
  readonly refusedAnchors: RefusedAnchors;
}

/** Whose history, and where it is kept. */
export interface Scope {
  readonly tenant: Tenant;
  readonly source: HistorySource;
}

const MAX_REFUSED_ANCHORS = 10_000;

/** Responses that their own account no longer knows, although it stores. */
export class RefusedAnchors {
  readonly #refused = new LRUCache<string, true>({ max: MAX_REFUSED_ANCHORS });

  add(tenant: Tenant, id: string): void {
    this.#refused.set(`${tenant} ${id}`, true);
  }

  has(tenant: Tenant, id: string): boolean {
    return this.#refused.has(`${tenant} ${id}`);
  }
}
