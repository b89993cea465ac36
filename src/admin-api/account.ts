/** An account of the pool, as it is shown, and what an operator sends to add or change one. Times are Unix seconds. */
import type { WindowWire } from './window.ts';

export type AccountKind = 'api_key' | 'chatgpt';

export type AccountStatus = 'ready' | 'cooling' | 'exhausted' | 'needs_login' | 'suspended' | 'paused';

/** `auto`: WebSocket where it works, else HTTP. */
export type AccountTransport = 'auto' | 'websocket' | 'http';

export interface AccountWire {
  readonly id: string;
  readonly name: string;
  readonly kind: AccountKind;
  readonly email: string | null;
  readonly plan: string | null;
  readonly status: AccountStatus;
  /** A code, see codes.ts; `null` while nothing holds the account back. */
  readonly status_reason: string | null;
  readonly status_since: number | null;
  readonly available_at: number | null;
  readonly priority: number;
  readonly max_used_percent: number;
  readonly transport: AccountTransport;
  /** Without its password. */
  readonly proxy: string | null;
  readonly windows: readonly WindowWire[];
  readonly active_turns: number;
  readonly sessions: number;
  /** Counts up with every conversation that was given away; the smallest has waited longest. */
  readonly last_given: number;
  /** What speaks for the account among those of its priority; close ones take turns. */
  readonly urgency: number;
  readonly last_used_at: number | null;
  readonly created_at: number;
}

/** What an operator decides about any account. */
interface AccountOptions {
  readonly name?: string | undefined;
  readonly priority?: number | undefined;
  readonly transport?: AccountTransport | undefined;
  readonly proxy?: string | null | undefined;
}

/** The body of `POST /api/accounts`. */
export type NewAccountWire = AccountOptions &
  (
    | { readonly kind: 'api_key'; readonly api_key: string; readonly base_url?: string | undefined }
    /** A login file of the Codex CLI, codex-lb or CLIProxyAPI, as it is. */
    | { readonly kind: 'chatgpt'; readonly auth_json: unknown }
  );

/** The body of `PATCH /api/accounts/{id}`: members that are not named stay as they are. */
export interface AccountChangesWire extends AccountOptions {
  readonly paused?: boolean | undefined;
  readonly max_used_percent?: number | undefined;
}
