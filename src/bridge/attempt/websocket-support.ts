/**
 * Which upstreams speak WebSocket, as far as they have shown it. A refused handshake costs every turn a round trip,
 * so an account that refused one is spoken to over HTTP, and an address that nobody knows begins with HTTP.
 */
import type { AccountId } from '../../domain/ids.ts';
import type { UpstreamAccount } from '../../upstream/account.ts';

/** Asked again after this long, and twice as long after every further refusal. */
const FIRST_PAUSE_MS = 10 * 60_000;
const MAX_PAUSE_MS = 24 * 3_600_000;

interface Refused {
  readonly untilAt: number;
  readonly pauseMs: number;
}

export class WebsocketSupport {
  readonly #refused = new Map<AccountId, Refused>();
  /** Base addresses at which a handshake has succeeded, or which are the provider's own. */
  readonly #known: Set<string>;

  constructor(providers: readonly string[]) {
    this.#known = new Set(providers);
  }

  isWorthTrying({ id, transport, baseUrl }: UpstreamAccount, now: number): boolean {
    if (transport !== 'auto') return transport === 'websocket';
    const refused = this.#refused.get(id);
    return this.#known.has(baseUrl) && (refused === undefined || refused.untilAt <= now);
  }

  opened({ id, baseUrl }: UpstreamAccount): void {
    this.#known.add(baseUrl);
    this.#refused.delete(id);
  }

  refused(id: AccountId, now: number): void {
    const before = this.#refused.get(id)?.pauseMs ?? FIRST_PAUSE_MS / 2;
    const pauseMs = Math.min(before * 2, MAX_PAUSE_MS);
    this.#refused.set(id, { untilAt: now + pauseMs, pauseMs });
  }

  /** An operator changed the account: what was learnt about its connections is no longer true. */
  forget(id: AccountId): void {
    this.#refused.delete(id);
  }
}
