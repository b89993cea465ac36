/**
 * The turns that run at this moment, as far as the bridge has told of them. Forgets a turn when it is over.
 */
import type { TurnWire } from '../../admin-api/turn.ts';
import type { LiveTurn, TurnSnapshot } from '../../bridge/turn/snapshot.ts';

export class RunningTurns {
  readonly #turns = new Map<string, LiveTurn>();

  saw(turn: LiveTurn): void {
    if (turn.phase === 'done') this.#turns.delete(turn.id);
    else this.#turns.set(turn.id, turn);
  }

  /** Oldest first. */
  all(): readonly TurnSnapshot[] {
    return [...this.#turns.values()].map((turn) => turn.snapshot());
  }

  get some(): boolean {
    return this.#turns.size > 0;
  }
}

/** The turn as the admin API shows it. */
export function turnToWire(turn: TurnSnapshot): TurnWire {
  return {
    id: turn.id,
    session: turn.session,
    tenant: turn.tenant,
    model: turn.model,
    door: turn.door,
    client: turn.client,
    account_id: turn.accountId ?? null,
    phase: turn.phase,
    started_at: Math.floor(turn.startedAt / 1000),
    attempts: turn.attempts,
    pieces: turn.pieces(),
  };
}
