/**
 * Turns what happens on the lower floors into events of the feed: which change concerns which account, session or
 * turn. How those look on the wire is given to it.
 */
import type { Glimpse } from '../bridge/glimpse.ts';
import type { Session } from '../bridge/session.ts';
import type { AccountId, SessionId } from '../ids.ts';
import { requestToWire } from '../store/request-row.ts';
import type { CommittedTurn } from '../store/store.ts';
import type { Feed } from './feed.ts';
import { type RunningTurns, turnToWire } from './running-turns.ts';

/** How often running turns say how far their output has come. */
const PACE_EVERY_MS = 1000;
/** A timer cannot wait longer than this; a reset further away is looked at again on the way. */
const LONGEST_TIMER_MS = 2_000_000_000;

export interface Shown {
  /** As in the list of the admin API; `undefined` when it is gone. */
  readonly account: (id: AccountId) => Record<string, unknown> | undefined;
  readonly session: (id: SessionId) => Record<string, unknown> | undefined;
}

export class Live {
  readonly #feed: Feed;
  readonly #turns: RunningTurns;
  readonly #shown: Shown;
  readonly #wakeUps = new Map<AccountId, NodeJS.Timeout>();
  readonly #pace: NodeJS.Timeout;

  constructor(feed: Feed, turns: RunningTurns, shown: Shown) {
    this.#feed = feed;
    this.#turns = turns;
    this.#shown = shown;
    this.#pace = setInterval(() => this.#tellPace(), PACE_EVERY_MS).unref();
  }

  accountChanged(id: AccountId): void {
    this.#feed.update('account', id, () => this.#account(id));
  }

  sessionChanged({ id }: Pick<Session, 'id'>): void {
    this.#feed.update('session', id, () => this.#shown.session(id) ?? { id, removed: true });
  }

  turnCommitted({ row }: Pick<CommittedTurn, 'row'>): void {
    this.#feed.publish('request', () => requestToWire(row));
    this.sessionChanged({ id: row.session });
  }

  turnMoved(turn: Glimpse): void {
    this.#turns.saw(turn);
    this.#feed.publish('turn', () => turnToWire(turn));
    if (turn.accountId !== undefined) this.accountChanged(turn.accountId);
  }

  close(): void {
    clearInterval(this.#pace);
    for (const timer of this.#wakeUps.values()) clearTimeout(timer);
  }

  #account(id: AccountId): Record<string, unknown> {
    const account = this.#shown.account(id);
    clearTimeout(this.#wakeUps.get(id));
    this.#wakeUps.delete(id);
    if (account !== undefined) this.#wakeUp(id, account);
    return account ?? { id, removed: true };
  }

  /** A block or a window that ends by the clock changes the account without anybody touching it. */
  #wakeUp(id: AccountId, account: Record<string, unknown>): void {
    const windows = account['windows'] as readonly { resets_at: number | null }[];
    const ends = [account['available_at'] as number | null, ...windows.map((window) => window.resets_at)];
    const next = Math.min(...ends.filter((at) => at !== null && at * 1000 > Date.now()).map(Number));
    if (!Number.isFinite(next)) return;
    const delay = Math.min(next * 1000 - Date.now() + 50, LONGEST_TIMER_MS);
    this.#wakeUps.set(id, setTimeout(() => this.accountChanged(id), delay).unref());
  }

  #tellPace(): void {
    if (!this.#feed.watched || !this.#turns.some) return;
    const pieces = this.#turns.all().map((turn) => [turn.id, turn.pieces()]);
    this.#feed.whisper('pace', { pieces });
  }
}
