/**
 * Renews logins. A refresh token works once, and a second use ends the login for good, so: one renewal at a time
 * for an account, over all processes on this database; a note on disk before the token is sent, the new one on
 * disk before it is used; and what may have been sent is never sent again.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { OwnCode } from '../admin-api/codes.ts';
import type { AccountRow } from '../domain/account.ts';
import type { AccountId } from '../domain/ids.ts';
import type { Log } from '../log.ts';
import type { AccountRows } from '../store/accounts/account-rows.ts';
import { StoreError } from '../store/store-error.ts';
import type { OAuthClient, TokenResult, Tokens } from '../upstream/oauth-client.ts';
import { planIn, refreshTokenOf, renewedCredentials } from './credentials.ts';

/** Longer than an answer of the login service is waited for: whoever began it by then has no answer any more. */
const ANSWER_LOST_AFTER_MS = 30_000;
/** A little longer than an answer of the login service is waited for, so that it can still be stored. */
const DRAIN_LIMIT_MS = 25_000;
const LOOK_AGAIN_MS = 200;
const FIRST_PAUSE_MS = 5000;
const MAX_PAUSE_MS = 10 * 60_000;

/** The server is about to end: a token that is sent now may be spent for nothing. */
const SHUTTING_DOWN: RefreshResult = {
  kind: 'later',
  code: 'server_shutting_down' satisfies OwnCode,
  untilAt: undefined,
};

/** There is nothing to renew with: an API key, or a login that came without. */
export const NO_REFRESH_TOKEN = 'no_refresh_token' satisfies OwnCode;
export const ANSWER_LOST = 'token_refresh_answer_lost' satisfies OwnCode;
const ACCOUNT_REMOVED = 'account_removed' satisfies OwnCode;

export type RefreshResult =
  | { readonly kind: 'renewed' }
  /** The login is over; `code` says why. */
  | { readonly kind: 'refused'; readonly code: string }
  /** The refresh token may be spent and its successor is unknown: what is left of the access token is all. */
  | { readonly kind: 'lost'; readonly untilAt: number | undefined }
  /** The login service is in trouble; asked again later. */
  | { readonly kind: 'later'; readonly code: string; readonly untilAt: number | undefined };

export interface TokenRefresherOptions {
  readonly rows: AccountRows;
  readonly oauth: OAuthClient;
  readonly log: Log;
  readonly onOutcome: (outcome: 'renewed' | 'refused' | 'failed') => void;
}

interface Trouble {
  readonly code: string;
  readonly pauseMs: number;
  readonly until: number;
}

export class TokenRefresher {
  readonly #options: TokenRefresherOptions;
  readonly #running = new Map<AccountId, Promise<RefreshResult>>();
  readonly #troubles = new Map<AccountId, Trouble>();
  /** Versions whose token was sent from here without an answer: no need to wait for one. */
  readonly #spent = new Set<string>();
  /** Refreshes whose token is on its way, until the new one is stored. */
  readonly #sent = new Set<Promise<RefreshResult>>();
  #state: 'open' | 'draining' = 'open';

  constructor(options: TokenRefresherOptions) {
    this.#options = options;
  }

  /**
   * Everybody who asks while a renewal runs shares its outcome. `useless`: nothing is left of the access token, so that
   * a refresh token which may be spent is tried once more: there is nothing to lose by it.
   */
  renew(id: AccountId, accessToken: 'usable' | 'useless'): Promise<RefreshResult> {
    const running = this.#running.get(id);
    if (running !== undefined) return running;
    const renewing = this.#renew(id, accessToken).finally(() => this.#running.delete(id));
    this.#running.set(id, renewing);
    return renewing;
  }

  /**
   * Before the store closes: what was sent is awaited and stored, because its token works once and its successor would
   * be lost; nothing more is sent.
   */
  async drain(limitMs = DRAIN_LIMIT_MS): Promise<void> {
    this.#state = 'draining';
    if (this.#sent.size === 0) return;
    this.#options.log.info({ renewals: this.#sent.size }, 'waiting for logins that are being renewed');
    const limit = new AbortController();
    const tooLong = pause(limitMs, undefined, { signal: limit.signal }).catch(ignoreAbort);
    await Promise.race([Promise.allSettled(this.#sent), tooLong]);
    limit.abort();
  }

  async #renew(id: AccountId, accessToken: 'usable' | 'useless'): Promise<RefreshResult> {
    if (this.#state === 'draining') return SHUTTING_DOWN;
    const trouble = this.#troubles.get(id);
    if (trouble !== undefined && isAhead(trouble.until))
      return { kind: 'later', code: trouble.code, untilAt: trouble.until };
    const row = this.#options.rows.get(id);
    if (row === undefined) return { kind: 'refused', code: ACCOUNT_REMOVED };
    const token = refreshTokenOf(row);
    if (token === undefined) return { kind: 'refused', code: NO_REFRESH_TOKEN };
    const version = row.loginVersion;
    const begun = row.renewingSince === undefined && (await this.#options.rows.beginRenewal(id, version));
    if (begun !== 'begun') {
      const other = await this.#awaitOther(id, version);
      if (other.kind !== 'lost' || accessToken === 'usable') return other;
      await this.#options.rows.abandonRenewal(id, version);
      this.#spent.delete(`${id} ${version}`);
      if ((await this.#options.rows.beginRenewal(id, version)) !== 'begun') return other;
    }
    const sent = this.#send(row, token);
    this.#sent.add(sent);
    return sent.finally(() => this.#sent.delete(sent));
  }

  async #send(row: AccountRow, token: string): Promise<RefreshResult> {
    const { id } = row;
    if (this.#state === 'draining') {
      await this.#options.rows.abandonRenewal(id, row.loginVersion);
      return SHUTTING_DOWN;
    }
    const granted = await this.#options.oauth.refresh({ id, proxy: row.proxy }, token);
    const outcome = await this.#settle(row, granted);
    this.#note(id, outcome);
    return outcome;
  }

  async #settle(row: AccountRow, granted: TokenResult): Promise<RefreshResult> {
    const { id, loginVersion: version } = row;
    if (granted.kind === 'tokens') return this.#store(row, granted.tokens);
    if (granted.kind === 'trouble' && granted.spent === 'perhaps') {
      this.#spent.add(`${id} ${version}`);
      return { kind: 'lost', untilAt: this.#pause(id, granted.code) };
    }
    await this.#options.rows.abandonRenewal(id, version);
    if (granted.kind === 'trouble') {
      return { kind: 'later', code: granted.code, untilAt: this.#pause(id, granted.code) };
    }
    // Somebody else may have been faster: then there is a newer login to go on with.
    const known = this.#options.rows.reloadLogin(id);
    return known !== undefined && known.loginVersion !== version
      ? { kind: 'renewed' }
      : { kind: 'refused', code: granted.code };
  }

  async #store(row: AccountRow, tokens: Tokens): Promise<RefreshResult> {
    const { rows } = this.#options;
    const credentials = renewedCredentials(row, tokens);
    if (credentials === undefined) return { kind: 'lost', untilAt: this.#pause(row.id, 'no_access_token') };
    await rows.finishRenewal(row.id, row.loginVersion, credentials);
    this.#troubles.delete(row.id);
    const plan = planIn(tokens);
    if (plan !== undefined && plan !== row.plan) await this.#keepPlan(row.id, plan);
    return { kind: 'renewed' };
  }

  /** Every renewed token says it again: that it cannot be saved now is no reason to call the renewal a failure. */
  async #keepPlan(id: AccountId, plan: string): Promise<void> {
    try {
      await this.#options.rows.patch(id, { plan });
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      this.#options.log.warn({ account: id, reason: error.message }, 'plan not saved');
    }
  }

  /** Gives when the login service is asked again. */
  #pause(id: AccountId, code: string): number {
    const before = this.#troubles.get(id)?.pauseMs ?? FIRST_PAUSE_MS / 2;
    const pauseMs = Math.min(before * 2, MAX_PAUSE_MS);
    const until = Date.now() + pauseMs;
    this.#troubles.set(id, { code, pauseMs, until });
    return until;
  }

  /** Another process renews this login, or one has died over it. */
  async #awaitOther(id: AccountId, version: number): Promise<RefreshResult> {
    for (;;) {
      const row = this.#options.rows.reloadLogin(id);
      if (row === undefined) return { kind: 'refused', code: ACCOUNT_REMOVED };
      if (row.loginVersion !== version) return { kind: 'renewed' };
      if (row.renewingSince === undefined)
        return { kind: 'later', code: 'token_refreshed_elsewhere' satisfies OwnCode, untilAt: undefined };
      const ageMs = Date.now() - row.renewingSince;
      // Begun in the future: the clock was set back, and how long ago it was is not known.
      const lost = ageMs > ANSWER_LOST_AFTER_MS || ageMs < -ANSWER_LOST_AFTER_MS;
      if (lost || this.#spent.has(`${id} ${version}`)) return { kind: 'lost', untilAt: undefined };
      await pause(LOOK_AGAIN_MS);
    }
  }

  #note(id: AccountId, outcome: RefreshResult): void {
    const { log, onOutcome } = this.#options;
    if (outcome.kind === 'renewed') {
      log.info({ account: id }, 'login renewed');
      onOutcome('renewed');
      return;
    }
    const code = outcome.kind === 'lost' ? ANSWER_LOST : outcome.code;
    log.warn({ account: id, outcome: outcome.kind, code }, 'login not renewed');
    onOutcome(outcome.kind === 'refused' ? 'refused' : 'failed');
  }
}

function ignoreAbort(error: unknown): void {
  if ((error as Error).name !== 'AbortError') throw error;
}

/** A pause further ahead than any that is made here was noted before the clock was set back. */
function isAhead(until: number): boolean {
  const aheadMs = until - Date.now();
  return aheadMs > 0 && aheadMs <= MAX_PAUSE_MS;
}
