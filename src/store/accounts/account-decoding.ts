/**
 * From what rests in the database to the shapes of the domain, once: everything above trusts them. A member that is
 * not what it should be is left out, because a database may have been written by another version.
 */
import type { Credentials, StoredStatus } from '../../domain/account.ts';

type Stored = Readonly<Record<string, unknown>>;

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;
const instant = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined);

export function decodeCredentials(kind: Credentials['kind'], stored: Stored): Credentials {
  if (kind === 'api_key') return { kind, apiKey: text(stored['apiKey']) ?? '' };
  return {
    kind,
    accessToken: text(stored['accessToken']) ?? '',
    refreshToken: text(stored['refreshToken']),
    idToken: text(stored['idToken']),
    accountId: text(stored['accountId']),
    userId: text(stored['userId']),
    fedramp: stored['fedramp'] === true ? true : undefined,
    accessExpiresAt: instant(stored['accessExpiresAt']),
    accessIssuedAt: instant(stored['accessIssuedAt']),
  };
}

const STATUSES: Readonly<Record<StoredStatus, true>> = {
  ready: true,
  cooling: true,
  exhausted: true,
  needs_login: true,
  suspended: true,
};

/** An unknown one does not keep an account from being tried. */
export function decodeStatus(stored: string): StoredStatus {
  return stored in STATUSES ? (stored as StoredStatus) : 'ready';
}
