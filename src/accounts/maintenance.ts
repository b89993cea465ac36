/**
 * What is done for accounts while no turn asks for it: logins are renewed well before they end, and usage is asked
 * for where nothing has been heard. One timer; what is due is decided by pure functions of the row and the clock.
 */

import type { AccountRow } from '../domain/account.ts';
import type { AccountId } from '../domain/ids.ts';
import type { Log } from '../log.ts';
import { statusOf } from './account.ts';
import { freshnessOf, refreshTokenOf } from './credentials.ts';
import type { AccountPool } from './pool.ts';
import type { QuotaMonitor } from './quota-monitor.ts';

const LOOK_EVERY_MS = 20_000;
const MINUTE_MS = 60_000;
/** An account nobody uses and nothing blocks is left in peace. */
const IN_USE_FOR_MS = 10 * MINUTE_MS;
const ASK_EVERY_MS = 5 * MINUTE_MS;
const MAX_PAUSE_MS = 60 * MINUTE_MS;
const CHECK_LOGIN_EVERY_MS = 10 * MINUTE_MS;

/** What was asked of an account in this process. */
export interface LastCheck {
  readonly at: number;
  /** Refusals in a row to say anything: each doubles the pause. */
  readonly refusals: number;
}

export function isRenewalDue(row: AccountRow, now: number): boolean {
  if (row.status === 'needs_login' || row.renewingSince !== undefined) return false;
  return refreshTokenOf(row) !== undefined && freshnessOf(row, now) !== 'fresh';
}

/** A login that was refused may have been refused by mistake: asked again as long as its token lasts. */
export function isLoginCheckDue(row: AccountRow, askedAt: number | undefined, now: number): boolean {
  if (statusOf(row, now) !== 'needs_login' || freshnessOf(row, now) === 'expired') return false;
  return now - (askedAt ?? row.statusSince ?? 0) >= CHECK_LOGIN_EVERY_MS;
}

/** `spread` (0..1) keeps accounts from asking in step. */
export function isUsageDue(
  row: AccountRow,
  asked: LastCheck | undefined,
  at: { now: number; spread: number },
): boolean {
  const { now, spread } = at;
  const status = statusOf(row, now);
  if (row.kind !== 'chatgpt' || status === 'paused' || status === 'needs_login') return false;
  const inUse = now - (row.lastUsedAt ?? 0) < IN_USE_FOR_MS;
  if (!inUse && status === 'ready') return false;
  const heard = Math.max(...row.windows.map((window) => window.seenAt), 0);
  const pauseMs = Math.min(ASK_EVERY_MS * 2 ** (asked?.refusals ?? 0), MAX_PAUSE_MS);
  // What is heard in passing from a blocked account is its refusals, not its recovery.
  const since = Math.max(asked?.at ?? 0, status === 'ready' ? heard : 0);
  return now - since >= pauseMs * (0.8 + 0.4 * spread);
}

export interface MaintenanceOptions {
  readonly pool: AccountPool;
  readonly quotaMonitor: QuotaMonitor;
  readonly log: Log;
}

export class Maintenance implements Disposable {
  readonly #options: MaintenanceOptions;
  readonly #asked = new Map<AccountId, LastCheck>();
  readonly #checkedAt = new Map<AccountId, number>();
  readonly #timer: NodeJS.Timeout;

  constructor(options: MaintenanceOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.look(Date.now()), LOOK_EVERY_MS).unref();
  }

  /** Resolves when everything that was due has been tried. */
  async look(now: number): Promise<void> {
    const rows = this.#options.pool.rows();
    await Promise.all(rows.map((row) => this.#tend(row, now)));
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  async #tend(row: AccountRow, now: number): Promise<void> {
    try {
      if (isRenewalDue(row, now)) await this.#options.pool.tokens.keep(row.id);
      if (isLoginCheckDue(row, this.#checkedAt.get(row.id), now)) {
        this.#checkedAt.set(row.id, now);
        await this.#options.quotaMonitor.recheckLogin(row.id);
      }
      const due = isUsageDue(row, this.#asked.get(row.id), { now, spread: Math.random() });
      if (due) await this.#ask(row.id, now);
    } catch (error) {
      this.#options.log.warn(
        { account: row.id, reason: (error as Error).message },
        'maintenance of an account failed',
      );
    }
  }

  async #ask(id: AccountId, now: number): Promise<void> {
    const refusals = this.#asked.get(id)?.refusals ?? 0;
    this.#asked.set(id, { at: now, refusals });
    const outcome = await this.#options.quotaMonitor.poll(id);
    this.#asked.set(id, { at: now, refusals: outcome === 'answered' ? 0 : refusals + 1 });
  }
}
