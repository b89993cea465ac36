/**
 * Between an account's row in memory and its columns on disk: what is secret rests sealed, bound to its account
 * and column.
 */
import { asc, eq } from 'drizzle-orm';
import type { AccountRow, Credentials } from '../../domain/account.ts';
import type { AccountId } from '../../domain/ids.ts';
import type { Reads } from '../database/database.ts';
import { account, accountModelBlock, accountWindow } from '../database/schema.ts';
import type { Secrets } from '../secrets/secrets.ts';
import { present } from '../writer/statement.ts';
import { decodeCredentials, decodeStatus } from './account-decoding.ts';
import type { StoredAccount } from './held-accounts.ts';

/** The row with its sealed columns beside the open ones; statements take what they name. */
export function sealAccount(secrets: Secrets, row: AccountRow): Record<string, unknown> {
  const seal = (field: string, value: string | undefined) =>
    value === undefined ? undefined : secrets.seal(Buffer.from(value), aadOf(row.id, field));
  return {
    ...row,
    emailSealed: seal('email', row.email),
    proxySealed: seal('proxy', row.proxy),
    credentialsSealed: seal('credentials', JSON.stringify(row.credentials)),
  };
}

/** Every account, oldest first. */
export function loadAccounts(reads: Reads, secrets: Secrets): readonly StoredAccount[] {
  const windows = Map.groupBy(reads.select().from(accountWindow).all(), (row) => row.accountId);
  const blocks = Map.groupBy(reads.select().from(accountModelBlock).all(), (row) => row.accountId);
  const all = reads.select().from(account).orderBy(asc(account.createdAt)).all();
  return all.map((stored) => {
    const { identity, emailSealed, proxySealed, credentialsSealed, ...row } = stored;
    const open = (field: string, sealed: Buffer | null) =>
      sealed ? secrets.open(sealed, aadOf(row.id, field)).toString() : undefined;
    return {
      identity,
      row: {
        ...present(row),
        email: open('email', emailSealed),
        proxy: open('proxy', proxySealed),
        status: decodeStatus(row.status),
        credentials: openCredentials(secrets, row, credentialsSealed),
        windows: (windows.get(row.id) ?? []).map(({ accountId: _id, ...window }) => present(window)),
        modelBlocks: (blocks.get(row.id) ?? []).map(({ accountId: _id, ...block }) => block),
      },
    };
  });
}

/** The login of one account as it is on disk now, which another process may have renewed. */
export function readLogin(
  reads: Reads,
  secrets: Secrets,
  id: AccountId,
): Pick<AccountRow, 'credentials' | 'loginVersion' | 'renewingSince'> | undefined {
  const { kind, credentialsSealed, loginVersion, renewingSince } = account;
  const columns = { kind, credentialsSealed, loginVersion, renewingSince };
  const stored = reads.select(columns).from(account).where(eq(account.id, id)).get();
  if (stored === undefined) return undefined;
  return {
    credentials: openCredentials(secrets, { id, kind: stored.kind }, stored.credentialsSealed),
    loginVersion: stored.loginVersion,
    renewingSince: stored.renewingSince ?? undefined,
  };
}

function openCredentials(
  secrets: Secrets,
  { id, kind }: Pick<AccountRow, 'id' | 'kind'>,
  sealed: Buffer,
): Credentials {
  const opened = secrets.open(sealed, aadOf(id, 'credentials')).toString();
  return decodeCredentials(kind, JSON.parse(opened) as Record<string, unknown>);
}

function aadOf(id: AccountId, field: string): string {
  return `account:${id}:${field}`;
}
