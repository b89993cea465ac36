/**
 * What was used, summed up by the hour as turns are committed, so that a month is a few thousand rows and never a
 * walk through the request log. Knows no price.
 */
import { and, asc, eq, gte, lt, sql } from 'drizzle-orm';
import type { AccountId, Tenant } from '../domain/ids.ts';
import type { RequestRow } from '../domain/request.ts';
import type { Reads } from './database/database.ts';
import { usageHour } from './database/schema.ts';
import { type Prepared, prepareWrite } from './writer/statement.ts';
import type { Statement } from './writer/write-unit.ts';

const HOUR_MS = 3_600_000;
/** The longest range that can be asked for is thirty days. */
const KEPT_MS = 32 * 24 * HOUR_MS;

export interface UsageSum {
  readonly turns: number;
  readonly failed: number;
  readonly inputTokens: number;
  readonly cachedTokens: number;
  readonly outputTokens: number;
  readonly reasoningTokens: number;
}

export interface UsageRow extends UsageSum {
  /** Start of its stretch of time. */
  readonly at: number;
  readonly tenant: Tenant;
  /** Empty: no account was asked. */
  readonly accountId: AccountId | '';
  readonly model: string;
}

const SUMMED = ['turns', 'failed', 'inputTokens', 'cachedTokens', 'outputTokens', 'reasoningTokens'] as const;

export class UsageHours {
  readonly #reads: Reads;
  readonly #add: Prepared;
  readonly #expire: Prepared;

  constructor(reads: Reads) {
    this.#reads = reads;
    this.#add = prepareAdd(reads);
    this.#expire = prepareWrite(
      reads.delete(usageHour).where(lt(usageHour.hourAt, sql.placeholder('before'))),
    );
  }

  /**
   * Belongs right behind the insertion of the row, in the same unit: a unit that is sent twice inserts no second
   * row, and then nothing is added here either.
   */
  add(row: RequestRow): Statement {
    return this.#add({
      hourAt: row.at - (row.at % HOUR_MS),
      tenant: row.tenant,
      accountId: row.accountId ?? '',
      model: row.model ?? '',
      failed: row.status === 'failed' ? 1 : 0,
      inputTokens: row.inputTokens ?? 0,
      cachedTokens: row.cachedTokens ?? 0,
      outputTokens: row.outputTokens ?? 0,
      reasoningTokens: row.reasoningTokens ?? 0,
    });
  }

  /** Sums per stretch of `stepMs`, tenant, account and model, oldest first. */
  since(since: number, stepMs: number): readonly UsageRow[] {
    const at = sql<number>`${usageHour.hourAt} - ${usageHour.hourAt} % ${stepMs}`;
    const { tenant, accountId, model } = usageHour;
    const sums = Object.fromEntries(
      SUMMED.map((name) => [name, sql<number>`sum(${usageHour[name]})`]),
    ) as Record<(typeof SUMMED)[number], ReturnType<typeof sql<number>>>;
    return this.#reads
      .select({ at: at.as('stretch'), tenant, accountId, model, ...sums })
      .from(usageHour)
      .where(and(gte(usageHour.hourAt, since)))
      .groupBy(sql`stretch`, tenant, accountId, model)
      .orderBy(asc(sql`stretch`))
      .all();
  }

  /** Tokens in and out of one tenant; `since` is the start of an hour. */
  tokensSince(tenant: Tenant, since: number): number {
    const { inputTokens, outputTokens } = usageHour;
    const sum = sql<number | null>`sum(${inputTokens} + ${outputTokens})`;
    const found = this.#reads
      .select({ sum })
      .from(usageHour)
      .where(and(gte(usageHour.hourAt, since), eq(usageHour.tenant, tenant)))
      .get();
    return found?.sum ?? 0;
  }

  expire(now: number): Statement {
    return this.#expire({ before: now - KEPT_MS });
  }
}

function prepareAdd(reads: Reads): Prepared {
  const value = sql.placeholder;
  const { hourAt, tenant, accountId, model } = usageHour;
  const set = Object.fromEntries(
    SUMMED.map((name) => [name, sql`${usageHour[name]} + excluded.${sql.identifier(usageHour[name].name)}`]),
  );
  return prepareWrite(
    reads
      .insert(usageHour)
      .select(
        sql`select ${value('hourAt')}, ${value('tenant')}, ${value('accountId')}, ${value('model')}, 1, ${value('failed')}, ${value('inputTokens')}, ${value('cachedTokens')}, ${value('outputTokens')}, ${value('reasoningTokens')} where changes() > 0`,
      )
      .onConflictDoUpdate({ target: [hourAt, tenant, accountId, model], set }),
  );
}
