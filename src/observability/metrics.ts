/**
 * The figures of this process for Prometheus. Fed with every committed turn, asked for the rest when somebody
 * looks; labels are bounded, and none of them names a person.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { RequestRow } from '../domain/request.ts';
import type { CommittedTurn } from '../store/store.ts';

/** What is looked at when the figures are asked for. */
export interface MetricsSnapshot {
  readonly activeTurns: number;
  readonly sessions: number;
  readonly connections: { readonly ws: number; readonly http: number };
  readonly writer: { readonly pending: number; readonly dropped: number };
  readonly accounts: readonly AccountSample[];
}

export interface AccountSample {
  readonly id: string;
  readonly status: string;
  readonly windows: readonly { name: string; usedPercent: number; resetsAt?: number | undefined }[];
}

const STATES = ['ready', 'cooling', 'exhausted', 'needs_login', 'suspended', 'paused'];
const MAX_MODELS = 50;
const LOOP_RESOLUTION_MS = 20;
const ANSWER_SECONDS = [0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120, 300, 600];
const OVERHEAD_SECONDS = [0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 20];

export class Metrics {
  readonly #registry = new Registry();
  readonly #snapshot: () => MetricsSnapshot;
  readonly #models = new Set<string>();
  readonly #delay = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS });
  readonly #turns = this.#counter('turns_total', 'Turns that ended.', ['door', 'outcome']);
  readonly #attempts = this.#counter('attempts_total', 'Tries of turns on one account.', [
    'transport',
    'outcome',
  ]);
  readonly #failovers = this.#counter('failovers_total', 'Conversations that went to another account.', [
    'reason',
    'continuity',
  ]);
  readonly #tokens = this.#counter('tokens_total', 'Tokens as upstream counts them.', ['model', 'kind']);
  readonly #refreshes = this.#counter('token_refreshes_total', 'Renewals of logins.', ['outcome']);
  readonly #firstEvent = this.#histogram(
    'first_event_seconds',
    'From the request to its first output.',
    ANSWER_SECONDS,
  );
  readonly #turn = this.#histogram('turn_seconds', 'From the request to its end.', ANSWER_SECONDS);
  readonly #overhead = this.#histogram(
    'overhead_seconds',
    'Time before the first event in which nothing was asked of upstream, connecting included.',
    OVERHEAD_SECONDS,
  );
  readonly #gauges = {
    activeTurns: this.#gauge('active_turns', 'Turns that run now.'),
    sessions: this.#gauge('sessions', 'Sessions held.'),
    connections: this.#gauge('upstream_connections', 'Open connections that carry turns.', ['transport']),
    state: this.#gauge('account_state', '1 for the state an account is in.', ['account', 'state']),
    used: this.#gauge('account_quota_used_percent', 'Used share of a window.', ['account', 'window']),
    reset: this.#gauge('account_quota_reset_timestamp_seconds', 'When a window begins anew.', [
      'account',
      'window',
    ]),
    queue: this.#gauge('writer_queue_rows', 'Units that wait to be written to disk.'),
    lag: this.#gauge(
      'eventloop_lag_seconds',
      '99th percentile of the delay of the event loop since the last look.',
    ),
  };
  readonly #dropped = this.#counter('writer_dropped_total', 'Units that were given up.', []);
  #droppedBefore = 0;

  constructor(version: string, glance: () => MetricsSnapshot) {
    this.#snapshot = glance;
    this.#gauge('build_info', 'Which version runs.', ['version']).set({ version }, 1);
    for (const outcome of ['renewed', 'refused', 'failed']) this.#refreshes.inc({ outcome }, 0);
    this.#delay.enable();
  }

  /** The text that Prometheus reads. */
  async text(): Promise<string> {
    this.#look(this.#snapshot());
    return this.#registry.metrics();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  turnCommitted({ row, switches = [], overheadMs }: CommittedTurn): void {
    this.#turns.inc({ door: row.door, outcome: row.status });
    for (const { transport, outcome } of row.attempts) this.#attempts.inc({ transport, outcome });
    for (const reason of switches) this.#failovers.inc({ reason, continuity: row.continuity });
    this.#countTokens(row);
    if (row.firstEventMs !== undefined) this.#firstEvent.observe(row.firstEventMs / 1000);
    this.#turn.observe(row.totalMs / 1000);
    if (overheadMs !== undefined) this.#overhead.observe(overheadMs / 1000);
  }

  refreshed(outcome: 'renewed' | 'refused' | 'failed'): void {
    this.#refreshes.inc({ outcome });
  }

  stop(): void {
    this.#delay.disable();
  }

  #countTokens({ model = '', inputTokens, cachedTokens, outputTokens, reasoningTokens }: RequestRow): void {
    const known = this.#models.has(model) || this.#models.size < MAX_MODELS;
    if (known) this.#models.add(model);
    const kinds = {
      input: inputTokens,
      cached: cachedTokens,
      output: outputTokens,
      reasoning: reasoningTokens,
    };
    for (const [kind, count] of Object.entries(kinds)) {
      if (count !== undefined) this.#tokens.inc({ model: known ? model : 'other', kind }, count);
    }
  }

  #look({ activeTurns, sessions, connections, writer, accounts }: MetricsSnapshot): void {
    const { state, used, reset, ...single } = this.#gauges;
    single.activeTurns.set(activeTurns);
    single.sessions.set(sessions);
    single.queue.set(writer.pending);
    single.connections.set({ transport: 'ws' }, connections.ws);
    single.connections.set({ transport: 'http' }, connections.http);
    single.lag.set(Number.isFinite(this.#delay.mean) ? this.#delay.percentile(99) / 1e9 : 0);
    this.#delay.reset();
    this.#dropped.inc(writer.dropped - this.#droppedBefore);
    this.#droppedBefore = writer.dropped;
    // An account that was removed leaves nothing behind.
    for (const gauge of [state, used, reset]) gauge.reset();
    for (const { id: account, status, windows } of accounts) {
      for (const one of STATES) state.set({ account, state: one }, one === status ? 1 : 0);
      for (const { name: window, usedPercent, resetsAt } of windows) {
        used.set({ account, window }, usedPercent);
        if (resetsAt !== undefined) reset.set({ account, window }, Math.ceil(resetsAt / 1000));
      }
    }
  }

  #counter(name: string, help: string, labelNames: string[]): Counter {
    return new Counter({ name: `respool_${name}`, help, labelNames, registers: [this.#registry] });
  }

  #gauge(name: string, help: string, labelNames: string[] = []): Gauge {
    return new Gauge({ name: `respool_${name}`, help, labelNames, registers: [this.#registry] });
  }

  #histogram(name: string, help: string, buckets: number[]): Histogram {
    return new Histogram({ name: `respool_${name}`, help, buckets, registers: [this.#registry] });
  }
}
