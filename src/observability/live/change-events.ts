/**
 * Turns what happens on the lower floors into events of the feed: which change concerns which account, session or
 * turn. How those look on the wire is given to it.
 */
import type { AccountWire } from '../../admin-api/account.ts';
import type { FeedEvents } from '../../admin-api/events.ts';
import type { SessionWire } from '../../admin-api/session.ts';
import type { Session } from '../../bridge/session/session.ts';
import type { LiveTurn } from '../../bridge/turn/snapshot.ts';
import type { AccountRow } from '../../domain/account.ts';
import type { AccountId, SessionId } from '../../domain/ids.ts';
import { requestToWire } from '../../store/request-row.ts';
import type { CommittedTurn } from '../../store/store.ts';
import type { Feed } from './feed.ts';
import { type RunningTurns, turnToWire } from './running-turns.ts';

/** How often running turns say how far their output has come, and the clock is asked what has ended. */
const LOOK_EVERY_MS = 1000;

export interface Shown {
  readonly accounts: () => readonly Pick<AccountRow, 'id' | 'availableAt' | 'windows'>[];
  /** As in the list of the admin API; `undefined` when it is gone. */
  readonly account: (id: AccountId) => AccountWire | undefined;
  readonly session: (id: SessionId) => SessionWire | undefined;
}

export class Live {
  readonly #feed: Feed<FeedEvents>;
  readonly #turns: RunningTurns;
  readonly #shown: Shown;
  readonly #timer: NodeJS.Timeout;
  #lookedAt = Date.now();

  constructor(feed: Feed<FeedEvents>, turns: RunningTurns, shown: Shown) {
    this.#feed = feed;
    this.#turns = turns;
    this.#shown = shown;
    this.#timer = setInterval(() => {
      this.#tellPace();
      this.#tellEndings();
    }, LOOK_EVERY_MS).unref();
  }

  accountChanged(id: AccountId): void {
    this.#feed.update('account', id, () => this.#shown.account(id) ?? { id, removed: true });
  }

  sessionChanged({ id }: Pick<Session, 'id'>): void {
    this.#feed.update('session', id, () => this.#shown.session(id) ?? { id, removed: true });
  }

  turnCommitted({ row }: Pick<CommittedTurn, 'row'>): void {
    this.#feed.publish('request', () => requestToWire(row));
    this.sessionChanged({ id: row.session });
  }

  turnMoved(turn: LiveTurn): void {
    this.#turns.saw(turn);
    // Asked first: most of the time nobody watches, and a turn moves four times.
    if (!this.#feed.isKept) return;
    this.#feed.publish('turn', () => turnToWire(turn.snapshot()));
    if (turn.accountId !== undefined) this.accountChanged(turn.accountId);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** A block or a window that ends by the clock changes the account without anybody touching it. */
  #tellEndings(): void {
    const [after, until] = [this.#lookedAt, Date.now()];
    this.#lookedAt = until;
    if (!this.#feed.watched) return;
    for (const { id, availableAt, windows } of this.#shown.accounts()) {
      const ends = [availableAt, ...windows.map((window) => window.resetsAt)];
      if (ends.some((at) => at !== undefined && at > after && at <= until)) this.accountChanged(id);
    }
  }

  #tellPace(): void {
    if (!this.#feed.watched || !this.#turns.some) return;
    const pieces = this.#turns.all().map((turn) => [turn.id, turn.pieces()] as const);
    this.#feed.whisper('pace', { pieces });
  }
}
