/** How much of an account's allowance is used, now and over time. Times are Unix seconds. */
import type { UsageRange } from './usage.ts';

export interface WindowWire {
  /** Its length (`5h`, `weekly`), or `main` where that is unknown; another allowance's name stands before a colon. */
  readonly name: string;
  readonly used_percent: number;
  readonly window_minutes: number | null;
  readonly resets_at: number | null;
}

export interface QuotaSampleWire {
  readonly name: string;
  readonly used_percent: number;
  readonly at: number;
}

/** `GET /api/accounts/{id}/history`. */
export interface QuotaHistoryWire {
  readonly range: UsageRange;
  readonly data: readonly QuotaSampleWire[];
}
