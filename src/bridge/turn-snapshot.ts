/**
 * One moment of a running turn, for whoever watches the server. It names things and holds nothing of what is said
 * in the turn.
 */
import type { AccountId, SessionId, Tenant } from '../domain/ids.ts';
import type { State } from '../turn/states.ts';
import type { TurnRequest } from './stream.ts';

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

interface Watcher {
  show(snapshot: TurnSnapshot): void;
}

/** Tells a watcher of every change of phase or account, and of nothing in between. */
export class TurnSnapshots {
  readonly #request: TurnRequest;
  readonly #session: SessionId;
  readonly #watcher: Watcher;
  readonly #pieces: () => number;
  #shown = '';
  #account: AccountId | undefined;
  #attempts = 0;

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

  moved(state: State): void {
    const phase = phaseOf(state);
    if ('account' in state) this.#account = state.account;
    if (state.name === 'running' && state.progress === 'nothing_sent') this.#attempts += 1;
    const shown = `${phase} ${this.#attempts} ${this.#account ?? ''}`;
    if (shown === this.#shown) return;
    this.#shown = shown;
    const { id, tenant, envelope, door, client, at } = this.#request;
    this.#watcher.show({
      id,
      session: this.#session,
      tenant,
      model: envelope.model,
      door,
      client,
      accountId: this.#account,
      phase,
      startedAt: at,
      attempts: this.#attempts,
      pieces: this.#pieces,
    });
  }
}

function phaseOf(state: State): Phase {
  if (state.name === 'refreshing') return 'waiting';
  if (state.name !== 'running') return state.name;
  return state.progress === 'output' || state.progress === 'shown' ? 'output' : 'running';
}
