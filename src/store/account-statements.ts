/**
 * The statements behind the account rows, built once. Login columns and state columns are never written by
 * the same update: the first go to disk at once, the second may be late.
 */
import { eq, lt, sql } from 'drizzle-orm';
import type { Reads } from './database.ts';
import { account, accountModelBlock, accountWindow } from './schema.ts';
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
  'credentialsSealed',
  'updatedAt',
] as const;
const STATE_COLUMNS = ['status', 'statusReason', 'availableAt', 'lastUsedAt'] as const;

export type AccountStatements = ReturnType<typeof prepareAccountStatements>;

export function prepareAccountStatements(db: Reads) {
  const value = sql.placeholder;
  const isAccount = eq(account.id, value('id'));
  // Read from the account's row: a report that comes after its removal then changes nothing.
  const existing = sql`from account where id = ${value('id')}`;
  return {
    insert: prepareWrite(db.insert(account).values(placeholdersOf(account))),
    saveLogin: prepareWrite(db.update(account).set(assigned(account, LOGIN_COLUMNS)).where(isAccount)),
    saveState: prepareWrite(db.update(account).set(assigned(account, STATE_COLUMNS)).where(isAccount)),
    remove: prepareWrite(db.delete(account).where(isAccount)),
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
    blockModel: prepareWrite(
      db
        .insert(accountModelBlock)
        .select(sql`select id, ${value('model')}, ${value('untilAt')} ${existing}`)
        .onConflictDoUpdate({
          target: [accountModelBlock.accountId, accountModelBlock.model],
          set: { untilAt: sql`excluded.until_at` },
        }),
    ),
    expireBlocks: prepareWrite(
      db.delete(accountModelBlock).where(lt(accountModelBlock.untilAt, value('before'))),
    ),
  };
}
