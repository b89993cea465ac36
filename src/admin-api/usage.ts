/** What was used, summed up. */
export type UsageRange = '24h' | '7d' | '30d';

export interface UsageSumWire {
  readonly turns: number;
  readonly failed: number;
  readonly input_tokens: number;
  readonly cached_tokens: number;
  readonly output_tokens: number;
  readonly reasoning_tokens: number;
  readonly cost_usd: number | null;
}

export interface UsageWire {
  readonly range: UsageRange;
  readonly step_seconds: number;
  readonly since: number;
  readonly prices_as_of: string;
  readonly totals: UsageSumWire;
  readonly series: readonly (UsageSumWire & { readonly at: number })[];
  readonly models: readonly (UsageSumWire & { readonly id: string })[];
  readonly accounts: readonly (UsageSumWire & { readonly id: string })[];
  readonly keys: readonly (UsageSumWire & { readonly id: string })[];
}
