/**
 * The vocabulary of the turn machine: what it is told, what it remembers, what it asks for. Data only; what leads
 * to what stands in turn.ts.
 */
import type { AccountId } from '../domain/ids.ts';
import type { Failure, FailureClass } from './failure.ts';
import type { Mark, Repair } from './recovery.ts';

/** What does not change while the turn lives. */
export interface TurnFacts {
  /** Whether tools run on the upstream's side that must not run twice (`mcp`, `computer_use*`). */
  readonly sideEffects: 'none' | 'possible';
  /** From the first failure; nothing is started after it. */
  readonly budgetMs: number;
  readonly binding: Binding;
}

/**
 * Why only one account can serve the turn. `owner`: the history is kept there and nowhere else. `files`: files or a
 * conversation object of that account are named. `compaction`: the history holds an item that only it can open.
 */
export type Binding =
  | { readonly kind: 'free' }
  | { readonly kind: 'owner' | 'files' | 'compaction'; readonly account: AccountId };

/**
 * How far the running attempt has come, in this order. `output`: the answer itself has begun; `shown`: something has
 * gone to the client, so that the turn cannot be repeated unseen.
 */
export type Progress = 'nothing_sent' | 'sent' | 'begun' | 'output' | 'shown';

/** What earlier failures on this account have taught about how to ask it. */
export interface AttemptOptions {
  readonly anchor: 'allowed' | 'refused';
  readonly seals: 'as_is' | 'left_out';
  readonly transport: 'any' | 'http';
  readonly dropped: readonly string[];
}

export const DEFAULT_OPTIONS: AttemptOptions = {
  anchor: 'allowed',
  seals: 'as_is',
  transport: 'any',
  dropped: [],
};

/** What the turn has been through. */
export interface RetryHistory {
  readonly left: readonly AccountId[];
  /** Why accounts were changed so far, one entry a change. */
  readonly moves: readonly FailureClass[];
  /** Repairs made on the account now in use. */
  readonly repairs: readonly Repair[];
  /** Attempts that may have been acted upon although no answer came. */
  readonly ambiguousLosses: number;
  readonly firstFailureAt: number | undefined;
  readonly last: Failure | undefined;
  /** The last failure that may be over at the next try: told instead of an empty pool. */
  readonly passing: Failure | undefined;
  /** Held against their accounts once another account has served the turn. */
  readonly pendingMarks: readonly PendingMark[];
}

export interface PendingMark {
  readonly account: AccountId;
  readonly mark: Mark;
  readonly failure: Failure;
}

interface BetweenAttempts {
  readonly retries: RetryHistory;
  /** The account in use so far. */
  readonly from: AccountId | undefined;
  readonly options: AttemptOptions;
}

interface OnAccount {
  readonly retries: RetryHistory;
  readonly account: AccountId;
  readonly options: AttemptOptions;
}

export type State =
  | ({ readonly name: 'selecting' } & BetweenAttempts)
  | ({ readonly name: 'waiting' } & BetweenAttempts)
  | ({ readonly name: 'refreshing' } & OnAccount)
  | ({ readonly name: 'running'; readonly progress: Progress } & OnAccount)
  | { readonly name: 'done'; readonly how: 'answered' | 'refused' | 'failed' | 'cancelled' };

/** Why no account can be had. Times are epoch ms. */
export type Unavailable =
  | { readonly why: 'no_accounts' }
  | { readonly why: 'exhausted'; readonly resetAt: number; readonly plan: string | undefined }
  | { readonly why: 'cooling'; readonly until: number }
  /** The provider has shut these accounts out for a while. */
  | { readonly why: 'suspended'; readonly until: number }
  | { readonly why: 'unusable' }
  | { readonly why: 'model_not_served' }
  | { readonly why: 'tried_all' };

/** `later`: the login service is in trouble, the account may be back soon. */
export type Refreshed =
  | { readonly outcome: 'usable' }
  | { readonly outcome: 'refused' | 'later'; readonly failure: Failure };

export type Event =
  /** `stale`: its token is to be refreshed before it is used. */
  | { readonly name: 'selected'; readonly account: AccountId; readonly token: 'fresh' | 'stale' }
  | { readonly name: 'unavailable'; readonly reason: Unavailable; readonly at: number }
  | { readonly name: 'waited' }
  | { readonly name: 'refreshed'; readonly refreshed: Refreshed; readonly at: number }
  | { readonly name: 'progressed'; readonly to: Progress }
  | { readonly name: 'failed'; readonly failure: Failure; readonly at: number }
  | { readonly name: 'ended' }
  | { readonly name: 'client_left' }
  | { readonly name: 'closed'; readonly failure: Failure };

/** Why the client gets no answer; `refusals.ts` puts it into words. */
export type Reason = { readonly binding: Binding } & (
  | { readonly kind: 'failure'; readonly failure: Failure }
  | {
      readonly kind: 'unavailable';
      readonly reason: Unavailable;
      readonly last: Failure | undefined;
      readonly passing: Failure | undefined;
    }
);

export type Effect =
  /** `prefer`: the account in use so far; `avoid`: only where no other can serve. */
  | {
      readonly do: 'select';
      readonly exclude: readonly AccountId[];
      readonly prefer: AccountId | undefined;
      readonly avoid: AccountId | undefined;
    }
  | { readonly do: 'start'; readonly account: AccountId; readonly options: AttemptOptions }
  | { readonly do: 'dispose'; readonly connection: 'keep' | 'drop' }
  | ({ readonly do: 'mark' } & PendingMark)
  /** Unpin the session, close what it holds open on that account, forget what only that account understands. */
  | { readonly do: 'move'; readonly from: AccountId; readonly failure: Failure }
  /** `failure`: what upstream said to the token; undefined when it only ends soon. */
  | { readonly do: 'refresh'; readonly account: AccountId; readonly failure: Failure | undefined }
  | { readonly do: 'wait'; readonly atLeastMs: number; readonly atMostMs: number }
  | { readonly do: 'answer' }
  | { readonly do: 'refuse'; readonly reason: Reason }
  /** Something was shown: end the stream with one failure, never a repeat. */
  | { readonly do: 'fail'; readonly failure: Failure }
  | { readonly do: 'cancel' };

export type Step = readonly [State, readonly Effect[]];
