/** What was used, summed up. Times are Unix seconds. */

export type UsageRange = '24h' | '7d' | '30d';

export interface UsageSumWire {
  readonly turns: number;
  readonly failed: number;
  readonly input_tokens: number;
  readonly cached_tokens: number;
  readonly output_tokens: number;
  readonly reasoning_tokens: number;
  /** `null` where no model of the sum has a known price. */
  readonly cost_usd: number | null;
}

export interface UsageStepWire extends UsageSumWire {
  readonly at: number;
}

/** Of one model, account or key; an account's id is empty where none was asked. */
export interface UsageGroupWire extends UsageSumWire {
  readonly id: string;
}

/** `GET /api/usage`. */
export interface UsageWire {
  readonly range: UsageRange;
  readonly step_seconds: number;
  readonly since: number;
  readonly prices_as_of: string;
  readonly totals: UsageSumWire;
  readonly series: readonly UsageStepWire[];
  readonly models: readonly UsageGroupWire[];
  readonly accounts: readonly UsageGroupWire[];
  readonly keys: readonly UsageGroupWire[];
}
