/**
 * What was used and what it would have cost: sums over the hourly roll-ups per model, account and key, and the
 * history of an account's quota.
 */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { UsageGroupWire, UsageRange, UsageSumWire, UsageWire } from '../../admin-api/usage.ts';
import type { QuotaHistoryWire } from '../../admin-api/window.ts';
import type { AccountId } from '../../domain/ids.ts';
import { costOf, PRICES_AS_OF } from '../../observability/prices.ts';
import { refusal } from '../../protocol/refusal.ts';
import type { UsageRow } from '../../store/usage-hours.ts';
import { sendRefusal } from '../answer.ts';
import type { Dependencies } from '../dependencies.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

interface Range {
  readonly lengthMs: number;
  readonly stepMs: number;
}

const RANGES: Readonly<Record<UsageRange, Range>> = {
  '24h': { lengthMs: DAY_MS, stepMs: HOUR_MS },
  '7d': { lengthMs: 7 * DAY_MS, stepMs: 6 * HOUR_MS },
  '30d': { lengthMs: 30 * DAY_MS, stepMs: DAY_MS },
};

const rangeSchema = z.object({ range: z.enum(['24h', '7d', '30d']).default('24h') });

export function usageRoutes(app: FastifyInstance, { store }: Dependencies): void {
  app.get('/api/usage', async (request, reply) => {
    const query = rangeSchema.safeParse(request.query);
    if (!query.success) return sendRefusal(reply, badRange());
    const { range } = query.data;
    const { lengthMs, stepMs } = RANGES[range];
    const since = Date.now() - lengthMs;
    const first = since - (since % stepMs) + stepMs;
    return {
      range,
      step_seconds: stepMs / 1000,
      since: first / 1000,
      ...usageToWire(store.usage.since(first, stepMs)),
    } satisfies UsageWire;
  });

  app.get<{ Params: { id: string } }>('/api/accounts/:id/history', async (request, reply) => {
    const query = rangeSchema.safeParse(request.query);
    if (!query.success) return sendRefusal(reply, badRange());
    const id = request.params.id as AccountId;
    if (store.accounts.get(id) === undefined) {
      return sendRefusal(reply, refusal(404, 'account_not_found', 'There is no such account.'));
    }
    const samples = store.accounts.quotaHistory(id, Date.now() - RANGES[query.data.range].lengthMs);
    const data = samples.map(({ name, usedPercent, at }) => ({
      name,
      used_percent: usedPercent,
      at: Math.floor(at / 1000),
    }));
    return { range: query.data.range, data } satisfies QuotaHistoryWire;
  });
}

function badRange() {
  return refusal(400, 'invalid_value', 'range: one of 24h, 7d and 30d.');
}

/** Dollars are `null` where no model of the group has a known price. */
function usageToWire(rows: readonly UsageRow[]): Omit<UsageWire, 'range' | 'step_seconds' | 'since'> {
  return {
    prices_as_of: PRICES_AS_OF,
    totals: sum(rows),
    series: groups(rows, (row) => row.at / 1000).map(([at, of]) => ({ at, ...sum(of) })),
    models: largestFirst(groups(rows, (row) => row.model)),
    accounts: largestFirst(groups(rows, (row) => row.accountId)),
    keys: largestFirst(groups(rows, (row) => row.tenant)),
  };
}

type Group<K> = readonly [K, readonly UsageRow[]];

function groups<K>(rows: readonly UsageRow[], by: (row: UsageRow) => K): readonly Group<K>[] {
  return [...Map.groupBy(rows, by)];
}

function largestFirst(parts: readonly Group<string>[]): readonly UsageGroupWire[] {
  return parts
    .map(([id, rows]) => ({ id, ...sum(rows) }))
    .toSorted((a, b) => b.input_tokens + b.output_tokens - a.input_tokens - a.output_tokens);
}

function sum(rows: readonly UsageRow[]): UsageSumWire {
  const add = (of: (row: UsageRow) => number): number => rows.reduce((total, row) => total + of(row), 0);
  const costs = rows.map((row) => costOf(row.model, row)).filter((cost) => cost !== undefined);
  return {
    turns: add((row) => row.turns),
    failed: add((row) => row.failed),
    input_tokens: add((row) => row.inputTokens),
    cached_tokens: add((row) => row.cachedTokens),
    output_tokens: add((row) => row.outputTokens),
    reasoning_tokens: add((row) => row.reasoningTokens),
    cost_usd: costs.length === 0 ? null : costs.reduce((total, cost) => total + cost, 0),
  };
}
