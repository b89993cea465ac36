/** A turn in the request log, with every attempt that it took. */
export interface AttemptWire {
  readonly account_id: string;
  readonly transport: 'ws' | 'http';
  readonly outcome: string;
  readonly error_class?: string;
  readonly error_code?: string;
  readonly ms: number;
}

export type RequestStatus = 'completed' | 'incomplete' | 'failed' | 'cancelled';
export type Continuity = 'none' | 'preserved' | 'snapshot' | 'client_full';

export interface RequestWire {
  readonly id: string;
  readonly at: number;
  readonly tenant: string;
  readonly session: string;
  readonly door: 'json' | 'sse' | 'ws';
  readonly route: string;
  readonly model: string | null;
  readonly status: RequestStatus;
  readonly response_id: string | null;
  readonly previous_response_id: string | null;
  readonly account_id: string | null;
  readonly account_reason: string | null;
  readonly continuity: Continuity;
  readonly attempts: readonly AttemptWire[];
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
export interface RequestDetailWire extends RequestWire {
  readonly history: { readonly items: number; readonly bytes: number } | null;
}
