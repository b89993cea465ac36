/** An API key of a caller. */
export interface KeyWire {
  readonly id: string;
  readonly name: string;
  readonly prefix: string;
  readonly created_at: number;
  readonly expires_at: number | null;
  readonly models: readonly string[] | null;
  readonly accounts: readonly string[] | null;
  readonly limits: {
    readonly requests_per_minute: number | null;
    readonly tokens_per_day: number | null;
    readonly concurrent_turns: number | null;
  };
  readonly revoked_at: number | null;
}
