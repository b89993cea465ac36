/** How much of an account's allowance is used, now and over time. */
export interface WindowWire {
  readonly name: string;
  readonly used_percent: number;
  readonly window_minutes: number | null;
  readonly resets_at: number | null;
}

export interface QuotaHistoryWire {
  readonly data: readonly { readonly name: string; readonly used_percent: number; readonly at: number }[];
}
