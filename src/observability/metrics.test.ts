import { expect, test } from 'vitest';
import type { AttemptOutcome, ErrorClass } from '../admin-api/request.ts';
import type { AccountId, SessionId, Tenant } from '../domain/ids.ts';
import type { RequestRow } from '../domain/request.ts';
import { Metrics, type MetricsSnapshot } from './metrics.ts';

const NOTHING: MetricsSnapshot = {
  activeTurns: 0,
  sessions: 0,
  connections: { ws: 0, http: 0 },
  writer: { pending: 0, dropped: 0 },
  accounts: [],
};
const row = (more: Partial<RequestRow> = {}): RequestRow => ({
  id: 'req_1',
  at: 0,
  tenant: 'local' as Tenant,
  session: 's' as SessionId,
  door: 'sse',
  route: 'responses',
  model: 'gpt-5.5',
  status: 'completed',
  continuity: 'snapshot',
  attempts: [],
  totalMs: 1500,
  ...more,
});
const attempt = (account: string, outcome: AttemptOutcome, errorClass?: ErrorClass) => ({
  accountId: account as AccountId,
  transport: 'ws' as const,
  outcome,
  errorClass,
  ms: 1,
});

/** The samples of the text, by name and labels. */
async function read(metrics: Metrics): Promise<Map<string, number>> {
  const lines = (await metrics.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]));
}

test('a turn that moved counts its attempts and why it moved', async () => {
  const metrics = new Metrics('1', () => NOTHING);
  const attempts = [
    attempt('a', 'failed', 'upstream_unavailable'),
    attempt('a', 'failed', 'quota'),
    attempt('b', 'completed'),
  ];
  metrics.turnCommitted({
    row: row({ attempts, firstEventMs: 300, outputTokens: 7 }),
    stored: false,
    switches: ['quota'],
    overheadMs: 2,
  });
  const seen = await read(metrics);
  metrics.stop();
  expect(seen.get('respool_turns_total{door="sse",outcome="completed"}')).toBe(1);
  expect(seen.get('respool_attempts_total{transport="ws",outcome="failed"}')).toBe(2);
  expect(seen.get('respool_failovers_total{reason="quota",continuity="snapshot"}')).toBe(1);
  expect([...seen.keys()].filter((name) => name.startsWith('respool_failovers'))).toHaveLength(1);
  expect(seen.get('respool_tokens_total{model="gpt-5.5",kind="output"}')).toBe(7);
  expect(seen.get('respool_first_event_seconds_sum')).toBe(0.3);
  expect(seen.get('respool_overhead_seconds_sum')).toBe(0.002);
});

test('models beyond a number share one label', async () => {
  const metrics = new Metrics('1', () => NOTHING);
  for (let n = 0; n < 60; n += 1) {
    metrics.turnCommitted({ row: row({ model: `m${n}`, inputTokens: 1 }), stored: false });
  }
  const seen = await read(metrics);
  metrics.stop();
  expect(seen.get('respool_tokens_total{model="other",kind="input"}')).toBe(10);
});

test('an account shows one state and its windows, and nothing once it is gone', async () => {
  let accounts: MetricsSnapshot['accounts'] = [
    { id: 'acc_1', status: 'exhausted', windows: [{ name: '5h', usedPercent: 100, resetsAt: 5000 }] },
  ];
  const metrics = new Metrics('1', () => ({ ...NOTHING, accounts }));
  const seen = await read(metrics);
  expect(seen.get('respool_account_state{account="acc_1",state="exhausted"}')).toBe(1);
  expect(seen.get('respool_account_state{account="acc_1",state="ready"}')).toBe(0);
  expect(seen.get('respool_account_quota_used_percent{account="acc_1",window="5h"}')).toBe(100);
  expect(seen.get('respool_account_quota_reset_timestamp_seconds{account="acc_1",window="5h"}')).toBe(5);
  accounts = [];
  const names = [...(await read(metrics)).keys()];
  metrics.stop();
  expect(names.filter((name) => name.includes('acc_1'))).toEqual([]);
});
