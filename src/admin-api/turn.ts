/** A turn that runs now. Times are Unix seconds. */
import type { Door } from './request.ts';

export type TurnPhase = 'selecting' | 'waiting' | 'running' | 'output' | 'done';
export type ClientKind = 'codex' | 'generic';

export interface TurnWire {
  /** Id of the row in the request log to come. */
  readonly id: string;
  readonly session: string;
  readonly tenant: string;
  readonly model: string;
  readonly door: Door;
  readonly client: ClientKind;
  readonly account_id: string | null;
  readonly phase: TurnPhase;
  readonly started_at: number;
  /** Attempts begun so far. */
  readonly attempts: number;
  /** Pieces of output so far; a piece is about a token. */
  readonly pieces: number;
}
