/**
 * What is left of the accounts: heard in passing from every answer, asked for where nothing is heard, and shown
 * for the pool as if it were one account.
 */
import type { Config } from '../config.ts';
import type { AccountRow } from '../domain/account.ts';
import type { AccountId } from '../domain/ids.ts';
import type { Log } from '../log.ts';
import type { Frame } from '../protocol/frame.ts';
import type { HeaderMap } from '../protocol/headers.ts';
import type { AccountRows } from '../store/accounts/account-rows.ts';
import type { Failure } from '../turn/failure.ts';
import { RECOVERY } from '../turn/recovery.ts';
import { modelsUrl, type UpstreamAccount } from '../upstream/account.ts';
import type { HttpUpstream } from '../upstream/http.ts';
import { bearerOf, statusOf, upstreamAccountOf } from './account.ts';
import type { AccountPool } from './pool.ts';
import { isMain, type QuotaReading, type QuotaWindow, quotaFromFrame, quotaFromHeaders } from './quota.ts';
import { changesBy } from './quota-changes.ts';
import { askUsage, type UsageAnswer } from './usage-call.ts';

/** A probe that takes longer shows the account as it is known. */
const PROBE_TIMEOUT_MS = 3000;

export interface QuotaMonitorOptions {
  readonly pool: AccountPool;
  readonly rows: AccountRows;
  readonly config: Config;
  readonly http: HttpUpstream;
  readonly log: Log;
}

export class QuotaMonitor {
  readonly #options: QuotaMonitorOptions;

  constructor(options: QuotaMonitorOptions) {
    this.#options = options;
  }

  /** `askedAt`: when the turn was sent whose answer carries the frame. */
  readFrame(id: AccountId, frame: Frame, askedAt: number): void {
    this.#read(id, quotaFromFrame(frame, Date.now()), askedAt);
  }

  readHeaders(id: AccountId, headers: HeaderMap, askedAt: number): void {
    if (
      headers['x-codex-primary-used-percent'] === undefined &&
      headers['x-codex-secondary-used-percent'] === undefined
    )
      return;
    this.#read(id, quotaFromHeaders(headers, Date.now()), askedAt);
  }

  /** Asks upstream for the account's usage and lifts every block that the answer does not confirm. */
  async probe(id: AccountId): Promise<AccountRow | undefined> {
    const row = this.#options.rows.get(id);
    if (row === undefined) return undefined;
    const usage = row.kind === 'api_key' ? ({ kind: 'none' } as const) : await this.#askUsage(id);
    if (usage.kind !== 'none' && usage.kind !== 'reading') return this.#options.rows.get(id);
    const full = usage.kind === 'reading' && usage.reading.windows.filter(isMain).some(isFull);
    if (!full) await this.#options.pool.readmit(id);
    await this.#options.rows.unblockModels(id);
    return this.#options.rows.get(id);
  }

  /** Asks for the usage in passing, and applies what it says. */
  async poll(id: AccountId): Promise<'answered' | 'too_often' | 'unknown'> {
    const { kind } = await this.#askUsage(id);
    return kind === 'too_often' || kind === 'unknown' ? kind : 'answered';
  }

  /** Whether upstream takes the login of an account that was taken for lost; frees it if so. Refreshes nothing. */
  async recheckLogin(id: AccountId): Promise<void> {
    const row = this.#options.rows.get(id);
    if (row === undefined) return;
    const account = upstreamAccountOf(row, this.#options.config);
    if (!(await this.#isAccepted(account))) return;
    this.#options.log.info({ account: id }, 'login is accepted again');
    await this.#options.pool.readmit(id);
  }

  async #isAccepted(account: UpstreamAccount): Promise<boolean> {
    const { http } = this.#options;
    if (account.kind === 'chatgpt') {
      return (await askUsage(http, account, PROBE_TIMEOUT_MS)).kind === 'reading';
    }
    const call = { account, method: 'GET', url: modelsUrl(account, undefined), headers: {} } as const;
    const answer = await http.unary(call, { timeoutMs: PROBE_TIMEOUT_MS });
    return answer.ok && answer.status === 200;
  }

  async #askUsage(id: AccountId): Promise<UsageAnswer> {
    const ask = async (): Promise<UsageAnswer> => {
      const row = this.#options.rows.get(id);
      if (row === undefined) return { kind: 'unknown' };
      const account = upstreamAccountOf(row, this.#options.config);
      const askedAt = Date.now();
      const usage = await askUsage(this.#options.http, account, PROBE_TIMEOUT_MS);
      if (usage.kind === 'reading') this.#read(id, usage.reading, askedAt);
      if (usage.kind === 'blocked') this.#markBlocked(id, usage.failure);
      return usage;
    };
    const row = this.#options.rows.get(id);
    if (row === undefined) return { kind: 'unknown' };
    const usage = await ask();
    if (usage.kind !== 'login_expired') return usage;
    const { failure } = usage;
    const refreshed = await this.#options.pool.tokens.refresh(id, { bearer: bearerOf(row), failure });
    return refreshed.outcome === 'usable' ? ask() : { kind: 'unknown' };
  }

  #markBlocked(id: AccountId, failure: Failure): void {
    this.#options.pool.mark(id, RECOVERY[failure.class].mark, { failure, model: '' });
  }

  /** Windows of the accounts that a key may use; one that is out counts as used up, whatever it last reported. */
  windows(allowed?: readonly AccountId[]): readonly (readonly QuotaWindow[])[] {
    const now = Date.now();
    return this.#options.pool
      .rows(allowed)
      .filter((row) => row.kind === 'chatgpt' && !row.paused)
      .map((row) => (statusOf(row, now) === 'exhausted' ? usedUp(row) : row.windows));
  }

  /** The plan under which the pool is shown: that of its accounts, where they agree. */
  plan(allowed?: readonly AccountId[]): string {
    const plans = this.#options.pool
      .rows(allowed)
      .flatMap((row) => (row.plan === undefined ? [] : [row.plan]));
    const [first, ...others] = new Set(plans);
    return first !== undefined && others.length === 0 ? first : 'pro';
  }

  #read(id: AccountId, reading: QuotaReading | undefined, askedAt: number): void {
    const row = this.#options.rows.get(id);
    if (row === undefined || reading === undefined || reading.windows.length === 0) return;
    const changes = changesBy(row, reading, { askedAt, now: Date.now() });
    if (Object.keys(changes).length > 0) this.#settle(this.#options.rows.patch(id, changes));
    this.#settle(this.#options.rows.saveWindows(id, reading.windows));
  }

  /** The row in memory is already new; a database that cannot follow is the writer's trouble, not the turn's. */
  #settle(saved: Promise<unknown>): void {
    saved.catch((error: Error) =>
      this.#options.log.error({ reason: error.message }, 'account state not saved'),
    );
  }
}

const isFull = (window: QuotaWindow): boolean => window.usedPercent >= 100;

function usedUp(row: AccountRow): readonly QuotaWindow[] {
  const resetsAt = row.availableAt;
  return row.windows.filter(isMain).map((window) => ({ ...window, usedPercent: 100, resetsAt }));
}
