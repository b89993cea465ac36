/** An API key of a caller: how it is shown, made and changed. Times are Unix seconds. */

/** `null`: no limit. */
export interface KeyLimitsWire {
  readonly requests_per_minute: number | null;
  readonly tokens_per_day: number | null;
  readonly concurrent_turns: number | null;
}

export interface KeyUseWire {
  readonly requests_last_minute: number;
  readonly concurrent_turns: number;
  readonly tokens_today: number;
}

export interface KeyWire {
  readonly id: string;
  readonly name: string;
  /** Its first characters, to know it by. */
  readonly prefix: string;
  readonly created_at: number;
  readonly expires_at: number | null;
  /** `null`: all. */
  readonly models: readonly string[] | null;
  /** `null`: all. */
  readonly accounts: readonly string[] | null;
  readonly limits: KeyLimitsWire;
  readonly used: KeyUseWire;
  readonly last_used_at: number | null;
  readonly revoked_at: number | null;
}

/** The answer to `POST /api/keys`, the only one that has the key itself. */
export interface NewKeyWire extends KeyWire {
  readonly key: string;
}

/** The body of `PATCH /api/keys/{id}`: members that are not named stay as they are, `null` lifts a restriction. */
export interface KeyChangesWire {
  readonly name?: string | undefined;
  readonly expires_at?: number | null | undefined;
  readonly models?: readonly string[] | null | undefined;
  readonly accounts?: readonly string[] | null | undefined;
  readonly limits?:
    | { readonly [Limit in keyof KeyLimitsWire]?: number | null | undefined }
    | null
    | undefined;
}

/** The body of `POST /api/keys`. */
export interface KeyDraftWire extends KeyChangesWire {
  readonly name: string;
}
