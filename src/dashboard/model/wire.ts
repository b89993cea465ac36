/**
 * What the admin API and its live feed send, as far as this page reads it. Times are Unix seconds.
 */
export type AccountStatus = 'ready' | 'cooling' | 'exhausted' | 'needs_login' | 'suspended' | 'paused';

export interface QuotaWindow {
  readonly name: string;
  readonly used_percent: number;
  readonly window_minutes: number | null;
  readonly resets_at: number | null;
}

export interface Account {
  readonly id: string;
  readonly name: string;
  readonly kind: 'api_key' | 'chatgpt';
  readonly email: string | null;
  readonly plan: string | null;
  readonly status: AccountStatus;
  readonly status_reason: string | null;
  readonly available_at: number | null;
  readonly priority: number;
  readonly max_used_percent: number;
  readonly transport: 'auto' | 'websocket' | 'http';
  readonly proxy: string | null;
  readonly windows: readonly QuotaWindow[];
  readonly active_turns: number;
  readonly sessions: number;
  readonly last_used_at: number | null;
  /** Counts up with every conversation that was given away; the smallest has waited longest. */
  readonly last_given: number;
  /** What speaks for the account among those of its priority; close ones take turns. */
  readonly urgency: number;
  readonly created_at: number;
}

export interface Switch {
  readonly at: number;
  readonly from: string;
  readonly to: string | null;
  readonly reason: string;
}

export interface Session {
  readonly id: string;
  readonly tenant: string;
  readonly key_kind: string;
  readonly account_id: string | null;
  readonly socket: 'open' | 'none';
  readonly turns: number;
  readonly switches: readonly Switch[];
  readonly created_at: number;
  readonly last_turn_at: number;
}

export interface Attempt {
  readonly account_id: string;
  readonly transport: 'ws' | 'http';
  readonly outcome: string;
  readonly error_class?: string;
  readonly error_code?: string;
  readonly ms: number;
}

export type TurnStatus = 'completed' | 'incomplete' | 'failed' | 'cancelled';
export type Continuity = 'none' | 'preserved' | 'snapshot' | 'client_full';

export interface RequestRow {
  readonly id: string;
  readonly at: number;
  readonly tenant: string;
  readonly session: string;
  readonly door: 'json' | 'sse' | 'ws';
  readonly route: string;
  readonly model: string | null;
  readonly status: TurnStatus;
  readonly response_id: string | null;
  readonly previous_response_id: string | null;
  readonly account_id: string | null;
  readonly account_reason: string | null;
  readonly continuity: Continuity;
  readonly attempts: readonly Attempt[];
  readonly error?: { readonly code: string; readonly message: string };
  readonly dropped_params?: readonly string[];
  readonly input_tokens: number | null;
  readonly cached_tokens: number | null;
  readonly output_tokens: number | null;
  readonly reasoning_tokens: number | null;
  readonly first_event_ms: number | null;
  readonly total_ms: number;
}

/** One row with what had to be looked up for it. */
export interface RequestDetail extends RequestRow {
  readonly history: { readonly items: number; readonly bytes: number } | null;
}

export type Phase = 'selecting' | 'waiting' | 'running' | 'output' | 'done';

export interface Turn {
  readonly id: string;
  readonly session: string;
  readonly tenant: string;
  readonly model: string;
  readonly door: 'json' | 'sse' | 'ws';
  readonly client: 'codex' | 'generic';
  readonly account_id: string | null;
  readonly phase: Phase;
  readonly started_at: number;
  readonly attempts: number;
  readonly pieces: number;
}

export interface Key {
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

export interface Status {
  readonly version: string;
  readonly uptime_seconds: number;
  readonly data_dir: string;
  readonly writer: { readonly queue: number; readonly dropped: number };
}

export type Range = '24h' | '7d' | '30d';

export interface UsageSum {
  readonly turns: number;
  readonly failed: number;
  readonly input_tokens: number;
  readonly cached_tokens: number;
  readonly output_tokens: number;
  readonly reasoning_tokens: number;
  readonly cost_usd: number | null;
}

export interface Usage {
  readonly range: Range;
  readonly step_seconds: number;
  readonly since: number;
  readonly prices_as_of: string;
  readonly totals: UsageSum;
  readonly series: readonly (UsageSum & { readonly at: number })[];
  readonly models: readonly (UsageSum & { readonly id: string })[];
  readonly accounts: readonly (UsageSum & { readonly id: string })[];
  readonly keys: readonly (UsageSum & { readonly id: string })[];
}

export interface QuotaHistory {
  readonly data: readonly { readonly name: string; readonly used_percent: number; readonly at: number }[];
}

export interface Login {
  readonly id: string;
  readonly method: 'device' | 'browser';
  readonly url: string;
  readonly user_code?: string;
  readonly expires_at: number;
}

export interface LoginState {
  readonly status: 'pending' | 'complete' | 'failed';
  readonly account_id?: string;
  readonly error?: string | { readonly message: string };
}

export const NOTIFICATION_KINDS = ['webhook', 'ntfy', 'discord', 'slack', 'telegram', 'gotify'] as const;

export interface Notification {
  readonly kind: (typeof NOTIFICATION_KINDS)[number];
  readonly url?: string;
  readonly token?: string;
  /** Of a Telegram chat. */
  readonly chat_id?: string;
  readonly events?: readonly string[];
}

export interface Settings {
  readonly notifications?: readonly Notification[];
}
