/**
 * One moment of a running turn, for whoever watches the server. It names things and holds nothing of what is said
 * in the turn.
 */
import type { AccountId, SessionId, Tenant } from '../../domain/ids.ts';
import type { State } from '../../turn/states.ts';
import type { TurnRequest } from '../turn-request.ts';

export type Phase = 'selecting' | 'waiting' | 'running' | 'output' | 'done';

export interface TurnSnapshot {
  /** Id of the request row to come. */
  readonly id: string;
  readonly session: SessionId;
  readonly tenant: Tenant;
  readonly model: string;
  readonly door: TurnRequest['door'];
  readonly client: TurnRequest['client'];
  readonly accountId: AccountId | undefined;
  readonly phase: Phase;
  readonly startedAt: number;
  /** Attempts begun so far. */
  readonly attempts: number;
  /** Pieces of output that have come by now; read it as often as you like. */
  readonly pieces: () => number;
}

/** A turn as long as it runs: made into a snapshot only where somebody looks. */
export interface LiveTurn {
  readonly id: string;
  readonly phase: Phase;
  readonly accountId: AccountId | undefined;
  snapshot(): TurnSnapshot;
}

interface Watcher {
  show(turn: LiveTurn): void;
}

/** Tells a watcher of every change of phase or account, and of nothing in between. */
export class TurnSnapshots implements LiveTurn {
  readonly #request: TurnRequest;
  readonly #session: SessionId;
  readonly #watcher: Watcher;
  readonly #pieces: () => number;
  phase: Phase = 'selecting';
  accountId: AccountId | undefined;
  #attempts = 0;
  #told: { phase: Phase; accountId: AccountId | undefined; attempts: number } | undefined;

  constructor(
    of: { request: TurnRequest; session: { readonly id: SessionId } },
    watcher: Watcher,
    pieces: () => number,
  ) {
    this.#request = of.request;
    this.#session = of.session.id;
    this.#watcher = watcher;
    this.#pieces = pieces;
  }

  get id(): string {
    return this.#request.id;
  }

  moved(state: State): void {
    const phase = phaseOf(state);
    this.phase = phase;
    if ('account' in state) this.accountId = state.account;
    if (state.name === 'running' && state.progress === 'nothing_sent') this.#attempts += 1;
    const { accountId } = this;
    const attempts = this.#attempts;
    const told = this.#told;
    if (told?.phase === phase && told.accountId === accountId && told.attempts === attempts) return;
    this.#told = { phase, accountId, attempts };
    this.#watcher.show(this);
  }

  snapshot(): TurnSnapshot {
    const { id, tenant, envelope, door, client, at } = this.#request;
    return {
      id,
      session: this.#session,
      tenant,
      model: envelope.model,
      door,
      client,
      accountId: this.accountId,
      phase: this.phase,
      startedAt: at,
      attempts: this.#attempts,
      pieces: this.#pieces,
    };
  }
}

function phaseOf(state: State): Phase {
  if (state.name === 'refreshing') return 'waiting';
  if (state.name !== 'running') return state.name;
  return state.progress === 'output' || state.progress === 'shown' ? 'output' : 'running';
}
