/**
 * The accounts of this server: who may serve a turn, and what every turn learns about them. A mark holds for all
 * sessions from the moment it is made; the database follows.
 */
import type { Config } from '../config.ts';
import type { AccountId } from '../ids.ts';
import type { Log } from '../log.ts';
import type { Frame } from '../protocol/frame.ts';
import type { HeaderMap } from '../protocol/headers.ts';
import type { AccountChanges, AccountRow, AccountRows } from '../store/account-rows.ts';
import type { Failure } from '../turn/failure.ts';
import type { Mark } from '../turn/recovery.ts';
import { type UpstreamAccount, usageUrl } from '../upstream/account.ts';
import type { HttpUpstream } from '../upstream/http.ts';
import { accountToWire, bearerOf, candidateOf, statusOf, upstreamAccountOf } from './account.ts';
import {
  type QuotaReading,
  type QuotaWindow,
  quotaFromFrame,
  quotaFromHeaders,
  quotaFromUsage,
} from './quota.ts';
import { type Because, type Choice, choose, type Wish } from './selection.ts';

const MODEL_BLOCK_MS = 6 * 3_600_000;
const EXHAUSTED_MS = 5 * 60_000;
const SHORTEST_COOLING_MS = 1000;
const SUSPENDED_MS = 60_000;
const SAME_403_MS = 60_000;
/** A probe that takes longer shows the account as it is known. */
const PROBE_TIMEOUT_MS = 3000;
/** `last_used_at` is for people: written no more often than this. */
const USED_EVERY_MS = 60_000;

interface Tally {
  active: number;
  sessions: number;
  lastGiven: number;
}

export interface PoolOptions {
  readonly rows: AccountRows;
  readonly config: Config;
  readonly http: HttpUpstream;
  readonly log: Log;
  /** An operator changed or removed the account: what was learnt about its connections is no longer true. */
  readonly onEdited: (id: AccountId) => void;
}

export interface Request extends Wish {
  readonly model: string;
  readonly allowed: readonly AccountId[] | undefined;
}

/** An account in use by one attempt; disposing gives its place back. */
export interface Lease extends Disposable {
  readonly account: UpstreamAccount;
  readonly because: Because;
}

export class AccountPool {
  readonly #options: PoolOptions;
  readonly #tallies = new Map<AccountId, Tally>();
  #given = 0;
  #lastUnknown403: { readonly id: AccountId; readonly code: string; readonly at: number } | undefined;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  rows(allowed?: readonly AccountId[]): readonly AccountRow[] {
    const rows = this.#options.rows.all();
    return allowed === undefined ? rows : rows.filter((row) => allowed.includes(row.id));
  }

  get(id: AccountId): AccountRow | undefined {
    return this.#options.rows.get(id);
  }

  select(wanted: Request, now: number): Choice {
    const candidates = this.rows(wanted.allowed).map((row) =>
      candidateOf(row, { model: wanted.model, now, lastGiven: this.#tally(row.id).lastGiven }),
    );
    const choice = choose(candidates, wanted);
    if (choice.ok && wanted.pinned !== choice.account) {
      this.#given += 1;
      this.#tally(choice.account).lastGiven = this.#given;
    }
    return choice;
  }

  /** `undefined` when the account was removed in the meantime. */
  lease(id: AccountId, because: Because): Lease | undefined {
    const row = this.#options.rows.get(id);
    if (row === undefined) return undefined;
    const tally = this.#tally(id);
    tally.active += 1;
    const now = Date.now();
    if (now - (row.lastUsedAt ?? 0) > USED_EVERY_MS) this.#patch(id, { lastUsedAt: now });
    let held = 1;
    return {
      account: upstreamAccountOf(row, this.#options.config),
      because,
      [Symbol.dispose]: () => {
        tally.active -= held;
        held = 0;
      },
    };
  }

  pinned(id: AccountId): void {
    this.#tally(id).sessions += 1;
  }

  unpinned(id: AccountId): void {
    this.#tally(id).sessions -= 1;
  }

  mark(id: AccountId, mark: Mark, about: { failure: Failure; model: string }): void {
    const row = this.#options.rows.get(id);
    if (row === undefined || mark === 'none') return;
    const { failure, model } = about;
    const now = Date.now();
    if (mark === 'model_not_in_plan') {
      this.#settle(this.#options.rows.blockModel(id, { model, untilAt: now + MODEL_BLOCK_MS }));
      return;
    }
    if (failure.variant === 'unknown_403' && this.#isEverywhere(id, failure, now)) return;
    const availableAt = blockedUntil(mark, failure.resetAt, now);
    const current = statusOf(row, now);
    // A short rest never shortens a long one, and fifty turns that meet the same wall mark it once.
    if (current !== 'ready' && (mark === 'cooling' || current === mark)) return;
    this.#options.log.warn({ account: id, mark, code: failure.code }, 'account marked');
    this.#patch(id, { status: mark, statusReason: failure.code, availableAt });
  }

  /** Two accounts that get the same unexplained 403 within a minute: it is this host that is refused, not they. */
  #isEverywhere(id: AccountId, failure: Failure, now: number): boolean {
    const before = this.#lastUnknown403;
    this.#lastUnknown403 = { id, code: failure.code, at: now };
    if (
      before === undefined ||
      before.id === id ||
      before.code !== failure.code ||
      now - before.at > SAME_403_MS
    )
      return false;
    this.#patch(before.id, { status: 'ready', statusReason: undefined, availableAt: undefined });
    return true;
  }

  /** Whether the login has been replaced since `bearer` was used: then one more try with the new one is worth it. */
  async renew(id: AccountId, bearer: string): Promise<'renewed' | 'refused'> {
    const row = this.#options.rows.get(id);
    return row !== undefined && bearerOf(row) !== bearer ? 'renewed' : 'refused';
  }

  readFrame(id: AccountId, frame: Frame): void {
    this.#read(id, quotaFromFrame(frame, Date.now()));
  }

  readHeaders(id: AccountId, headers: HeaderMap): void {
    if (
      headers['x-codex-primary-used-percent'] === undefined &&
      headers['x-codex-secondary-used-percent'] === undefined
    )
      return;
    this.#read(id, quotaFromHeaders(headers, Date.now()));
  }

  async patch(id: AccountId, changes: AccountChanges): Promise<AccountRow | undefined> {
    const row = await this.#options.rows.patch(id, changes);
    if (row !== undefined) this.#options.onEdited(id);
    return row;
  }

  async remove(id: AccountId): Promise<'removed' | 'unknown'> {
    const outcome = await this.#options.rows.remove(id);
    if (outcome === 'removed') this.#options.onEdited(id);
    return outcome;
  }

  /** Asks upstream for the account's usage and lifts every block that the answer does not confirm. */
  async probe(id: AccountId): Promise<AccountRow | undefined> {
    const row = this.#options.rows.get(id);
    if (row === undefined) return undefined;
    if (row.kind === 'api_key') return this.#free(id);
    const account = upstreamAccountOf(row, this.#options.config);
    const answer = await this.#options.http.unary(
      { account, method: 'GET', url: usageUrl(account), headers: {} },
      { timeoutMs: PROBE_TIMEOUT_MS },
    );
    if (!answer.ok || answer.status !== 200) return row;
    const reading = quotaFromUsage(JSON.parse(answer.body.toString('utf8')), Date.now());
    if (reading === undefined) return row;
    this.#read(id, reading);
    return reading.windows.some((window) => window.usedPercent >= 100) ? this.get(id) : this.#free(id);
  }

  show(row: AccountRow): Record<string, unknown> {
    const { active, sessions, lastGiven } = this.#tally(row.id);
    return accountToWire(row, { activeTurns: active, sessions, lastGiven }, Date.now());
  }

  windows(allowed?: readonly AccountId[]): readonly (readonly QuotaWindow[])[] {
    return this.rows(allowed)
      .filter((row) => row.kind === 'chatgpt' && !row.paused)
      .map((row) => row.windows);
  }

  async #free(id: AccountId): Promise<AccountRow | undefined> {
    return this.#options.rows.patch(id, { status: 'ready', statusReason: undefined, availableAt: undefined });
  }

  #read(id: AccountId, reading: QuotaReading | undefined): void {
    const row = this.#options.rows.get(id);
    if (row === undefined || reading === undefined || reading.windows.length === 0) return;
    if (reading.plan !== undefined && reading.plan !== row.plan) this.#patch(id, { plan: reading.plan });
    this.#settle(this.#options.rows.saveWindows(id, reading.windows));
  }

  #patch(id: AccountId, changes: AccountChanges): void {
    this.#settle(this.#options.rows.patch(id, changes));
  }

  /** The row in memory is already new; a database that cannot follow is the writer's trouble, not the turn's. */
  #settle(saved: Promise<unknown>): void {
    saved.catch((error: Error) =>
      this.#options.log.error({ reason: error.message }, 'account state not saved'),
    );
  }

  #tally(id: AccountId): Tally {
    const known = this.#tallies.get(id);
    if (known !== undefined) return known;
    const tally = { active: 0, sessions: 0, lastGiven: 0 };
    this.#tallies.set(id, tally);
    return tally;
  }
}

function blockedUntil(mark: Mark, resetAt: number | undefined, now: number): number | undefined {
  switch (mark) {
    case 'exhausted':
      return resetAt ?? now + EXHAUSTED_MS;
    case 'cooling':
      return Math.max(resetAt ?? 0, now + SHORTEST_COOLING_MS);
    case 'suspended':
      return resetAt ?? now + SUSPENDED_MS;
    default:
      return undefined;
  }
}
