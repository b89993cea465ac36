/** A conversation that this process holds. */
export interface SwitchWire {
  readonly at: number;
  readonly from: string;
  readonly to: string | null;
  readonly reason: string;
}

export interface SessionWire {
  readonly id: string;
  readonly tenant: string;
  readonly key_kind: string;
  readonly account_id: string | null;
  readonly socket: 'open' | 'none';
  readonly turns: number;
  readonly switches: readonly SwitchWire[];
  readonly created_at: number;
  readonly last_turn_at: number;
}
