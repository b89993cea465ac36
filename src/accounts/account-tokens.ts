/**
 * The access tokens of accounts as turns use them. A refused token is refreshed before it is shown again; one that is
 * refused right after its refresh is not refreshed once more for a while: the refresh is not what it lacks.
 */
import { setTimeout } from 'node:timers/promises';
import type { OwnCode } from '../admin-api/codes.ts';
import type { AccountRow } from '../domain/account.ts';
import type { AccountId } from '../domain/ids.ts';
import type { AccountRows } from '../store/accounts/account-rows.ts';
import type { Failure } from '../turn/failure.ts';
import { localFailure } from '../turn/local-failure.ts';
import { type Mark, RECOVERY } from '../turn/recovery.ts';
import type { Refreshed } from '../turn/states.ts';
import { bearerOf } from './account.ts';
import { freshnessOf } from './credentials.ts';
import { ANSWER_LOST, NO_REFRESH_TOKEN, type RefreshResult, type TokenRefresher } from './token-refresh.ts';

/** A turn that waits longer for a refresh is better served elsewhere, and needs time left for that; the refresh goes on. */
const REFRESH_WAIT_SHARE = 1 / 4;
/** While the old token lives, waiting only spares one of the next turns the same. */
const SHORT_WAIT_MS = 2000;
const JUST_REFRESHED_MS = 5 * 60_000;

export interface AccountTokensOptions {
  readonly rows: AccountRows;
  readonly tokenRefresher: TokenRefresher;
  readonly mark: (id: AccountId, mark: Mark, failure: Failure) => void;
  /** How long a turn may spend on finding an account that serves it. */
  readonly budgetMs: number;
}

export class AccountTokens {
  readonly #options: AccountTokensOptions;
  /** Bearers that upstream has refused. */
  readonly #rejected = new Map<AccountId, string>();
  readonly #refreshedAt = new Map<AccountId, number>();

  constructor(options: AccountTokensOptions) {
    this.#options = options;
  }

  /** `stale`: the token is to be refreshed before the next use. */
  stateOf(id: AccountId): 'fresh' | 'stale' {
    const row = this.#options.rows.get(id);
    if (row === undefined) return 'fresh';
    if (this.#isRejected(row) && !this.#isJustRefreshed(id)) return 'stale';
    const freshness = freshnessOf(row, Date.now());
    return freshness === 'stale' || freshness === 'expired' ? 'stale' : 'fresh';
  }

  /** `rejected`: the bearer that upstream no longer takes, and how it said so; undefined when it only ends soon. */
  async refresh(id: AccountId, rejected?: { bearer: string; failure: Failure }): Promise<Refreshed> {
    const row = this.#options.rows.get(id);
    if (row !== undefined && rejected !== undefined) {
      if (bearerOf(row) !== rejected.bearer) return { outcome: 'usable' };
      this.#rejected.set(id, rejected.bearer);
      if (this.#isJustRefreshed(id)) {
        this.#options.mark(id, 'needs_login', rejected.failure);
        return { outcome: 'refused', failure: rejected.failure };
      }
    }
    return this.#refresh(id, rejected?.failure);
  }

  async #refresh(id: AccountId, rejection: Failure | undefined): Promise<Refreshed> {
    const row = this.#options.rows.get(id);
    const refused = rejection !== undefined || (row !== undefined && this.#isRejected(row));
    const alive = row !== undefined && !refused && freshnessOf(row, Date.now()) !== 'expired';
    const tooLong: RefreshResult = {
      kind: 'later',
      code: 'token_refresh_takes_long' satisfies OwnCode,
      untilAt: undefined,
    };
    const patienceMs = this.#options.budgetMs * REFRESH_WAIT_SHARE;
    const waited = setTimeout(alive ? Math.min(SHORT_WAIT_MS, patienceMs) : patienceMs, tooLong, {
      ref: false,
    });
    const renewal = await Promise.race([
      this.#options.tokenRefresher.renew(id, alive ? 'usable' : 'useless'),
      waited,
    ]);
    if (renewal.kind === 'renewed') {
      this.#refreshed(id);
      return { outcome: 'usable' };
    }
    if (alive && !(renewal.kind === 'refused' && renewal.code !== NO_REFRESH_TOKEN))
      return { outcome: 'usable' };
    return this.#notRefreshed(id, renewal, rejection);
  }

  /** The same in the background, where nobody waits: only a refusal says anything about the account. */
  async keep(id: AccountId): Promise<void> {
    const renewal = await this.#options.tokenRefresher.renew(id, 'usable');
    if (renewal.kind === 'renewed') this.#refreshed(id);
    if (renewal.kind === 'refused') this.#notRefreshed(id, renewal, undefined);
  }

  #notRefreshed(
    id: AccountId,
    renewal: Exclude<RefreshResult, { kind: 'renewed' }>,
    rejection: Failure | undefined,
  ): Refreshed {
    if (renewal.kind === 'refused') {
      // A key, or a login without a refresh token, was never to be refreshed: upstream's own word says more.
      const unrefreshable = renewal.code === NO_REFRESH_TOKEN;
      const code = unrefreshable ? (rejection?.code ?? 'token_expired') : renewal.code;
      const status = unrefreshable && rejection?.status !== undefined ? { status: rejection.status } : {};
      const failure: Failure = { ...localFailure('auth_permanent', { code }), ...status };
      this.#options.mark(id, 'needs_login', failure);
      return { outcome: 'refused', failure };
    }
    const code = renewal.kind === 'lost' ? ANSWER_LOST : renewal.code;
    const resetAt = renewal.untilAt;
    const failure = localFailure('refresh_unavailable', {
      code,
      ...(resetAt === undefined ? {} : { resetAt }),
    });
    this.#options.mark(id, RECOVERY.refresh_unavailable.mark, failure);
    return { outcome: 'later', failure };
  }

  /** Upstream has taken the token after all. */
  accepted(id: AccountId): void {
    this.#rejected.delete(id);
  }

  #refreshed(id: AccountId): void {
    this.#refreshedAt.set(id, Date.now());
    this.#rejected.delete(id);
  }

  #isJustRefreshed(id: AccountId): boolean {
    const ageMs = Date.now() - (this.#refreshedAt.get(id) ?? Number.NEGATIVE_INFINITY);
    // Negative: the clock was set back.
    return ageMs >= 0 && ageMs < JUST_REFRESHED_MS;
  }

  /** A key has nothing to refresh: it is tried again as it is. */
  #isRejected(row: AccountRow): boolean {
    return row.kind === 'chatgpt' && this.#rejected.get(row.id) === bearerOf(row);
  }
}
