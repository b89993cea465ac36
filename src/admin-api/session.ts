/** A conversation that this process holds. Times are Unix seconds. */

/** By what a conversation is known again. */
export type SessionKeyKind = 'turn_state' | 'thread' | 'session' | 'socket' | 'response' | 'none';

export interface SwitchWire {
  readonly at: number;
  readonly from: string;
  /** `null` until the next turn finds an account. */
  readonly to: string | null;
  /** A code, see codes.ts. */
  readonly reason: string;
}

export interface SessionWire {
  readonly id: string;
  readonly tenant: string;
  readonly key_kind: SessionKeyKind;
  readonly account_id: string | null;
  readonly socket: 'open' | 'none';
  readonly turns: number;
  readonly switches: readonly SwitchWire[];
  readonly created_at: number;
  readonly last_turn_at: number;
}
