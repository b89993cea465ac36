/**
 * The statements behind the account rows, built once. The login's columns, its credentials and the account's
 * state are never written by the same update: a late state must not bring back an old name, nor a late name an
 * old token.
 */
import { and, eq, isNull, lt, sql } from 'drizzle-orm';
import type { Reads } from './database.ts';
import { account, accountModelBlock, accountQuotaSample, accountWindow } from './schema.ts';
import { assigned, placeholdersOf, prepareWrite } from './statement.ts';

const LOGIN_COLUMNS = [
  'name',
  'emailSealed',
  'plan',
  'baseUrl',
  'priority',
  'maxUsedPercent',
  'transport',
  'proxySealed',
  'paused',
  'updatedAt',
] as const;
const STATE_COLUMNS = [
  'status',
  'statusReason',
  'statusSince',
  'availableAt',
  'strikes',
  'lastUsedAt',
] as const;

const value = sql.placeholder;
// Read from the account's row: a report that comes after its removal then changes nothing.
const existing = sql`from account where id = ${value('id')}`;

export type AccountStatements = ReturnType<typeof prepareAccountStatements>;

export function prepareAccountStatements(db: Reads) {
  const isAccount = eq(account.id, value('id'));
  return {
    insert: prepareWrite(db.insert(account).values(placeholdersOf(account))),
    saveLogin: prepareWrite(db.update(account).set(assigned(account, LOGIN_COLUMNS)).where(isAccount)),
    saveState: prepareWrite(db.update(account).set(assigned(account, STATE_COLUMNS)).where(isAccount)),
    remove: prepareWrite(db.delete(account).where(isAccount)),
    ...credentialStatements(db),
    ...windowStatements(db),
    ...blockStatements(db),
  };
}

/** A renewal takes and settles exactly the version it began with; each changes one row or none. */
function credentialStatements(db: Reads) {
  const isVersion = and(eq(account.id, value('id')), eq(account.loginVersion, value('version')));
  const renewed = { loginVersion: sql`login_version + 1`, renewingSince: sql`null` };
  const credentials = assigned(account, ['credentialsSealed']);
  return {
    replaceCredentials: prepareWrite(
      db
        .update(account)
        .set({ ...credentials, ...renewed })
        .where(eq(account.id, value('id'))),
    ),
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
