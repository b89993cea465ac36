/**
 * The accounts of this server: who may serve a turn, and what every turn learns about them. A mark holds for all
 * sessions from the moment it is made; the database follows.
 */
import type { AccountWire } from '../admin-api/account.ts';
import type { SelectionReason } from '../admin-api/request.ts';
import type { Config } from '../config.ts';
import type { AccountChanges, AccountRow } from '../domain/account.ts';
import type { AccountId } from '../domain/ids.ts';
import type { Log } from '../log.ts';
import type { AccountRows } from '../store/accounts/account-rows.ts';
import type { Failure } from '../turn/failure.ts';
import type { Mark } from '../turn/recovery.ts';
import { RECOVERY } from '../turn/recovery.ts';
import type { UpstreamAccount } from '../upstream/account.ts';
import { accountToWire, candidateOf, type Usage, upstreamAccountOf } from './account.ts';
import { AccountTokens } from './account-tokens.ts';
import { blockFor, READY } from './cooldown.ts';
import { HostIncidents } from './host-incidents.ts';
import { LossStreaks } from './loss-streaks.ts';
import { type Choice, choose, type SelectionRequest } from './selection.ts';
import type { TokenRefresher } from './token-refresh.ts';

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
  readonly tokenRefresher: TokenRefresher;
  readonly log: Log;
  /** An operator changed or removed the account: what was learnt about its connections is no longer true. */
  readonly onEdited: (id: AccountId) => void;
}

export interface Request extends SelectionRequest {
  readonly model: string;
  readonly allowed: readonly AccountId[] | undefined;
}

/** An account in use by one attempt; disposing gives its place back. */
export interface Lease extends Disposable {
  readonly account: UpstreamAccount;
  readonly because: SelectionReason;
}

export class AccountPool {
  readonly #options: PoolOptions;
  readonly #tallies = new Map<AccountId, Tally>();
  readonly #streaks = new LossStreaks();
  readonly #incidents = new HostIncidents();
  readonly #refusedKeys = new HostIncidents();
  /** What may be shown to upstream, and what has to be refreshed first. */
  readonly tokens: AccountTokens;
  #given = 0;

  constructor(options: PoolOptions) {
    this.#options = options;
    const { rows, tokenRefresher } = options;
    this.tokens = new AccountTokens({
      rows,
      tokenRefresher,
      budgetMs: options.config.failoverBudgetMs,
      mark: (id, mark, failure) => this.mark(id, mark, { failure, model: '' }),
    });
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
      candidateOf(row, { model: wanted.model, now, usage: this.#usage(row.id) }),
    );
    const choice = choose(candidates, wanted);
    if (choice.ok && wanted.pinned !== choice.account) {
      this.#given += 1;
      this.#tally(choice.account).lastGiven = this.#given;
    }
    return choice;
  }

  /** `undefined` when the account was removed in the meantime. */
  lease(id: AccountId, because: SelectionReason): Lease | undefined {
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
    if (row === undefined) return;
    const { failure } = about;
    if (this.#isHostTrouble(row, mark, failure)) return;
    const block = blockFor(row, mark, about, Date.now());
    if (block.on === 'nothing') return;
    this.#options.log.warn({ account: id, mark, code: failure.code }, 'account marked');
    if (block.on === 'model') this.#settle(this.#options.rows.blockModel(id, block.block));
    else for (const seat of this.#seatsOf(row, failure)) this.#patch(seat, block.changes);
  }

  /** What is held against the owner of a workspace is held against all its seats. */
  #seatsOf(row: AccountRow, failure: Failure): readonly AccountId[] {
    const workspace = workspaceOf(row);
    if (RECOVERY[failure.class].markedFor !== 'workspace' || workspace === undefined) return [row.id];
    const seats = this.rows().filter((one) => workspaceOf(one) === workspace);
    return seats.map((one) => one.id);
  }

  /** Upstream answers for the account again: nothing holds it back any more. */
  async readmit(id: AccountId): Promise<void> {
    this.tokens.accepted(id);
    this.#streaks.answered(id);
    await this.#options.rows.patch(id, { ...READY, strikes: 0 });
  }

  /** The account has answered a turn: what was held against it lately no longer counts. */
  served(id: AccountId): void {
    this.tokens.accepted(id);
    this.#streaks.answered(id);
    this.#incidents.served(id);
    const strikes = this.#options.rows.get(id)?.strikes ?? 0;
    if (strikes > 0) this.#patch(id, { strikes: 0 });
  }

  /** An attempt on the account ended without an answer. */
  lost(id: AccountId): void {
    const restMs = this.#streaks.lost(id, Date.now());
    if (restMs !== undefined) {
      this.#options.log.warn({ account: id, rest_ms: restMs }, 'account takes no new sessions after losses');
    }
  }

  /** The same refusal of other accounts within a minute: this host is refused, and nobody is marked for it. */
  #isHostTrouble(row: AccountRow, mark: Mark, failure: Failure): boolean {
    const { everywhere } = RECOVERY[failure.class];
    const refused = mark === 'needs_login' && failure.status === 401;
    if (everywhere !== 'host_trouble' && !refused) return false;
    const words = `${mark} ${failure.code}`;
    const incidents = everywhere === 'host_trouble' ? this.#incidents : this.#refusedKeys;
    const seen = incidents.refused(row.id, words, Date.now());
    const host = everywhere === 'host_trouble' ? seen.whose === 'host' : this.#areAll(seen.accounts);
    if (!host) return false;
    this.#options.log.warn(
      { accounts: seen.accounts.length, code: failure.code },
      'upstream refuses this host',
    );
    for (const id of seen.accounts) {
      if (this.#options.rows.get(id)?.statusReason === failure.code) this.#patch(id, READY);
    }
    return true;
  }

  /** A key cannot be refreshed to find out whether it is the key: only when every account is refused, it is not. */
  #areAll(refused: readonly AccountId[]): boolean {
    const others = this.rows().filter((row) => !row.paused && !refused.includes(row.id));
    return refused.length > 1 && others.every((row) => row.status === 'needs_login');
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

  show(row: AccountRow): AccountWire {
    return accountToWire(row, this.#usage(row.id), Date.now());
  }

  #usage(id: AccountId): Usage {
    const { active, sessions, lastGiven } = this.#tally(id);
    const resting = this.#streaks.isResting(id, Date.now()) ? 'resting' : 'no';
    return { resting, activeTurns: active, sessions, lastGiven };
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

function workspaceOf({ credentials }: AccountRow): string | undefined {
  return credentials.kind === 'chatgpt' ? credentials.accountId : undefined;
}
