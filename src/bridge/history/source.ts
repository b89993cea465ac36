/** Where histories are looked up, and for whom: every look-up is by tenant and id. */
import { LRUCache } from 'lru-cache';
import type { Tenant } from '../../domain/ids.ts';
import { type ChainKey, chainStart } from '../../protocol/items.ts';
import type { AccountBindings } from '../../store/accounts/account-bindings.ts';
import type { RequestLog } from '../../store/requests.ts';
import type { Store } from '../../store/store.ts';
import type { Transcripts } from '../../store/transcripts/transcripts.ts';

export interface HistorySource {
  readonly transcripts: Transcripts;
  readonly requests: RequestLog;
  readonly bindings: AccountBindings;
  readonly chainKey: ChainKey;
  readonly chainStarts: ChainStarts;
  /** Anchors that their own account no longer knows; none is offered twice. */
  readonly refusedAnchors: RefusedAnchors;
}

export function historySource({ transcripts, requests, bindings, secrets }: Store): HistorySource {
  const chainKey = secrets.mac('transcript-chain').toString('hex') as ChainKey;
  return {
    transcripts,
    requests,
    bindings,
    chainKey,
    chainStarts: new ChainStarts(chainKey),
    refusedAnchors: new RefusedAnchors(),
  };
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

const MAX_CHAIN_STARTS = 1000;

/** The hash of an empty history, by tenant: every full history begins with it. */
export class ChainStarts {
  readonly #key: ChainKey;
  readonly #known = new LRUCache<Tenant, Buffer>({ max: MAX_CHAIN_STARTS });

  constructor(key: ChainKey) {
    this.#key = key;
  }

  of(tenant: Tenant): Buffer {
    const known = this.#known.get(tenant);
    if (known !== undefined) return known;
    const start = chainStart(this.#key, tenant);
    this.#known.set(tenant, start);
    return start;
  }
}
