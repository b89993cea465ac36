/**
 * The vocabulary of the turn machine: what it is told, what it remembers, what it asks for. Data only; what leads
 * to what stands in turn.ts.
 */
import type { AccountId } from '../ids.ts';
import type { ErrorClass, Failure } from './failure.ts';
import type { Mark, Repair } from './recovery.ts';

/** What does not change while the turn lives. */
export interface TurnFacts {
  /** Until when the client sees nothing: its first output, or for a collected answer its end. */
  readonly hold: 'until_output' | 'until_end';
  /** Whether tools run on the upstream's side that must not run twice (`mcp`, `computer_use*`). */
  readonly sideEffects: 'none' | 'possible';
  /** From the first failure; nothing is started after it. */
  readonly budgetMs: number;
  readonly binding: Binding;
}

/** `owner`: only that account can continue the conversation. `files`: the input names files of that account. */
export type Binding =
  | { readonly kind: 'free' }
  | { readonly kind: 'owner' | 'files'; readonly account: AccountId };

/** How far the running attempt has come, in this order. */
export type Progress = 'nothing_sent' | 'sent' | 'begun' | 'output';

/** What earlier failures on this account have taught about how to ask it. */
export interface Manner {
  readonly anchor: 'allowed' | 'refused';
  readonly reasoning: 'as_is' | 'stripped';
  readonly transport: 'any' | 'http';
  readonly dropped: readonly string[];
}

export const PLAIN: Manner = { anchor: 'allowed', reasoning: 'as_is', transport: 'any', dropped: [] };

/** What the turn has been through. */
export interface Trail {
  readonly left: readonly AccountId[];
  /** Why accounts were changed so far, one entry a change. */
  readonly moves: readonly ErrorClass[];
  /** Repairs made on the account now in use. */
  readonly repairs: readonly Repair[];
  readonly silentLosses: number;
  readonly firstFailureAt: number | undefined;
  readonly last: Failure | undefined;
}

export type State =
  | {
      readonly name: 'selecting';
      readonly trail: Trail;
      readonly from: AccountId | undefined;
      readonly manner: Manner;
    }
  | {
      readonly name: 'waiting';
      readonly trail: Trail;
      readonly from: AccountId | undefined;
      readonly manner: Manner;
    }
  | { readonly name: 'renewing'; readonly trail: Trail; readonly account: AccountId; readonly manner: Manner }
  | {
      readonly name: 'running';
      readonly trail: Trail;
      readonly account: AccountId;
      readonly manner: Manner;
      readonly progress: Progress;
    }
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
export type Renewed =
  | { readonly outcome: 'usable' }
  | { readonly outcome: 'refused' | 'later'; readonly failure: Failure };

export type Event =
  /** `stale`: its login is to be renewed before it is used. */
  | { readonly name: 'selected'; readonly account: AccountId; readonly login: 'fresh' | 'stale' }
  | { readonly name: 'unavailable'; readonly reason: Unavailable; readonly at: number }
  | { readonly name: 'waited' }
  | { readonly name: 'renewed'; readonly renewed: Renewed; readonly at: number }
  | { readonly name: 'progressed'; readonly to: Progress }
  | { readonly name: 'failed'; readonly failure: Failure; readonly at: number }
  | { readonly name: 'ended' }
  | { readonly name: 'client_left' }
  | { readonly name: 'closed'; readonly failure: Failure };

/** Why the client gets no answer; `refusals.ts` puts it into words. */
export type Reason = { readonly binding: Binding } & (
  | { readonly kind: 'failure'; readonly failure: Failure }
  | { readonly kind: 'unavailable'; readonly reason: Unavailable; readonly last: Failure | undefined }
);

export type Effect =
  /** `prefer`: the account in use so far; `avoid`: only where nobody else can serve. */
  | {
      readonly do: 'select';
      readonly exclude: readonly AccountId[];
      readonly prefer: AccountId | undefined;
      readonly avoid: AccountId | undefined;
    }
  | { readonly do: 'start'; readonly account: AccountId; readonly manner: Manner }
  | { readonly do: 'dispose'; readonly connection: 'keep' | 'drop' }
  | { readonly do: 'mark'; readonly account: AccountId; readonly mark: Mark; readonly failure: Failure }
  /** Unpin the session, close what it holds open on that account, forget what only that account understands. */
  | { readonly do: 'move'; readonly from: AccountId; readonly failure: Failure }
  /** `failure`: what upstream said to the login; undefined when it only ends soon. */
  | { readonly do: 'renew'; readonly account: AccountId; readonly failure: Failure | undefined }
  | { readonly do: 'wait'; readonly atLeastMs: number; readonly atMostMs: number }
  | { readonly do: 'answer' }
  | { readonly do: 'refuse'; readonly reason: Reason }
  /** Output is out: end the stream with one failure, never a repeat. */
  | { readonly do: 'fail'; readonly failure: Failure }
  | { readonly do: 'cancel' };

export type Step = readonly [State, readonly Effect[]];
