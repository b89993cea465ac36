/**
 * The statements behind the account rows, built once. Each field has a statement of its own, which writes its column
 * and no other: whoever pauses an account must not bring back the name or the token that somebody else has replaced.
 */
import { and, eq, isNull, lt, sql } from 'drizzle-orm';
import type { AccountLogin, AccountState } from '../../domain/account.ts';
import type { Reads } from '../database/database.ts';
import { account, accountModelBlock, accountQuotaSample, accountWindow } from '../database/schema.ts';
import { assigned, type Prepared, placeholdersOf, prepareWrite } from '../writer/statement.ts';

/** The columns of the fields that an operator changes one by one; `kind` belongs to the identity and stays. */
const LOGIN_COLUMNS = {
  name: 'name',
  email: 'emailSealed',
  plan: 'plan',
  baseUrl: 'baseUrl',
  priority: 'priority',
  maxUsedPercent: 'maxUsedPercent',
  transport: 'transport',
  proxy: 'proxySealed',
  paused: 'paused',
} as const satisfies Partial<Record<keyof AccountLogin, keyof typeof account.$inferInsert>>;

const STATE_COLUMNS = {
  status: 'status',
  statusReason: 'statusReason',
  statusSince: 'statusSince',
  availableAt: 'availableAt',
  strikes: 'strikes',
  lastUsedAt: 'lastUsedAt',
} as const satisfies Record<keyof AccountState, keyof typeof account.$inferInsert>;

const value = sql.placeholder;
// Read from the account's row: a report that comes after its removal then changes nothing.
const existing = sql`from account where id = ${value('id')}`;

export type AccountStatements = ReturnType<typeof prepareAccountStatements>;

export function prepareAccountStatements(db: Reads) {
  const isAccount = eq(account.id, value('id'));
  return {
    insert: prepareWrite(db.insert(account).values(placeholdersOf(account))),
    login: fieldStatements(LOGIN_COLUMNS, (column) =>
      db
        .update(account)
        .set(assigned(account, [column, 'updatedAt']))
        .where(isAccount),
    ).set('credentials', replaceCredentials(db)),
    state: fieldStatements(STATE_COLUMNS, (column) =>
      db
        .update(account)
        .set(assigned(account, [column]))
        .where(isAccount),
    ),
    remove: prepareWrite(db.delete(account).where(isAccount)),
    ...credentialStatements(db),
    ...windowStatements(db),
    ...blockStatements(db),
  };
}

function fieldStatements<C extends string>(
  columns: Readonly<Record<string, C>>,
  update: (column: C) => Parameters<typeof prepareWrite>[0],
): Map<string, Prepared> {
  return new Map(Object.entries(columns).map(([field, column]) => [field, prepareWrite(update(column))]));
}

const renewed = { loginVersion: sql`login_version + 1`, renewingSince: sql`null` };
const credentials = assigned(account, ['credentialsSealed']);

function replaceCredentials(db: Reads): Prepared {
  const set = { ...credentials, ...assigned(account, ['updatedAt']), ...renewed };
  return prepareWrite(
    db
      .update(account)
      .set(set)
      .where(eq(account.id, value('id'))),
  );
}

/** A renewal takes and settles exactly the version it began with; each changes one row or none. */
function credentialStatements(db: Reads) {
  const isVersion = and(eq(account.id, value('id')), eq(account.loginVersion, value('version')));
  return {
    beginRenewal: prepareWrite(
      db
        .update(account)
        .set(assigned(account, ['renewingSince']))
        .where(and(isVersion, isNull(account.renewingSince))),
    ),
    finishRenewal: prepareWrite(
      db
        .update(account)
        .set({ ...credentials, ...renewed })
        .where(isVersion),
    ),
    abandonRenewal: prepareWrite(db.update(account).set({ renewingSince: sql`null` }).where(isVersion)),
  };
}

function windowStatements(db: Reads) {
  return {
    saveWindow: prepareWrite(
      db
        .insert(accountWindow)
        .select(
          sql`select id, ${value('name')}, ${value('usedPercent')}, ${value('windowMinutes')}, ${value('resetsAt')}, ${value('seenAt')} ${existing}`,
        )
        .onConflictDoUpdate({
          target: [accountWindow.accountId, accountWindow.name],
          set: {
            usedPercent: sql`excluded.used_percent`,
            windowMinutes: sql`excluded.window_minutes`,
            resetsAt: sql`excluded.resets_at`,
            seenAt: sql`excluded.seen_at`,
          },
        }),
    ),
    sampleWindow: prepareWrite(
      db
        .insert(accountQuotaSample)
        .select(
          sql`select id, ${value('name')}, ${value('hour')}, ${value('usedPercent')}, ${value('resetsAt')} ${existing}`,
        )
        .onConflictDoUpdate({
          target: [accountQuotaSample.accountId, accountQuotaSample.name, accountQuotaSample.at],
          set: { usedPercent: sql`excluded.used_percent`, resetsAt: sql`excluded.resets_at` },
        }),
    ),
    expireSamples: prepareWrite(
      db.delete(accountQuotaSample).where(lt(accountQuotaSample.at, value('before'))),
    ),
  };
}

function blockStatements(db: Reads) {
  return {
    blockModel: prepareWrite(
      db
        .insert(accountModelBlock)
        .select(sql`select id, ${value('model')}, ${value('untilAt')}, ${value('reason')} ${existing}`)
        .onConflictDoUpdate({
          target: [accountModelBlock.accountId, accountModelBlock.model],
          set: { untilAt: sql`excluded.until_at`, reason: sql`excluded.reason` },
        }),
    ),
    unblockModels: prepareWrite(
      db.delete(accountModelBlock).where(eq(accountModelBlock.accountId, value('id'))),
    ),
    expireBlocks: prepareWrite(
      db.delete(accountModelBlock).where(lt(accountModelBlock.untilAt, value('before'))),
    ),
  };
}
