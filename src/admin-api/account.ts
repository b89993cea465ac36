/** An account of the pool. */
import type { WindowWire } from './window.ts';

export type AccountStatus = 'ready' | 'cooling' | 'exhausted' | 'needs_login' | 'suspended' | 'paused';

export interface AccountWire {
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
  readonly windows: readonly WindowWire[];
  readonly active_turns: number;
  readonly sessions: number;
  readonly last_used_at: number | null;
  /** Counts up with every conversation that was given away; the smallest has waited longest. */
  readonly last_given: number;
  /** What speaks for the account among those of its priority; close ones take turns. */
  readonly urgency: number;
  readonly created_at: number;
}
