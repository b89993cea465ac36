/** A turn that runs now. */
export type TurnPhase = 'selecting' | 'waiting' | 'running' | 'output' | 'done';

export interface TurnWire {
  readonly id: string;
  readonly session: string;
  readonly tenant: string;
  readonly model: string;
  readonly door: 'json' | 'sse' | 'ws';
  readonly client: 'codex' | 'generic';
  readonly account_id: string | null;
  readonly phase: TurnPhase;
  readonly started_at: number;
  readonly attempts: number;
  readonly pieces: number;
}
