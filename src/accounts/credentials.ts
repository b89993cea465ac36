/**
 * The login of a ChatGPT account as a value: how fresh its access token is, and what a renewal makes of it. Pure;
 * who asks the login service, and when, is in token-refresh.ts and maintenance.ts.
 */
import type { AccountRow, Credentials } from '../domain/account.ts';
import type { Tokens } from '../upstream/oauth-client.ts';
import { decodeClaims } from './import.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const USUAL_LIFE_MS = 10 * 24 * HOUR_MS;
/** Renewed in the background this long before the end, give or take: not all accounts at the same minute. */
const EARLY_MS = 24 * HOUR_MS;
const JITTER_MS = 6 * HOUR_MS;
/** From here on a turn waits for the renewal: its token could end in the middle of the request. */
const LATE_MS = 5 * MINUTE_MS;

/** `ageing`: renewed in the background; `stale`: before its next use; `expired`: of no use any more. */
export type Freshness = 'fresh' | 'ageing' | 'stale' | 'expired';

/** Short-lived tokens are renewed in proportion to their life, or they would be renewed for every turn. */
export function freshnessOf(row: AccountRow, now: number): Freshness {
  const { credentials } = row;
  if (credentials.kind === 'api_key' || credentials.accessExpiresAt === undefined) return 'fresh';
  const { accessExpiresAt: expiresAt, accessIssuedAt: issuedAt } = credentials;
  const life = issuedAt !== undefined && issuedAt < expiresAt ? expiresAt - issuedAt : USUAL_LIFE_MS;
  const left = expiresAt - now;
  if (left <= 0) return 'expired';
  if (left <= Math.min(LATE_MS, life / 4)) return 'stale';
  return left <= Math.min(EARLY_MS + jitterOf(row), life / 2) ? 'ageing' : 'fresh';
}

/** The same for the same token, so that a restart does not draw anew. */
function jitterOf(row: AccountRow): number {
  const drawn = Number.parseInt(row.installationId.slice(0, 6), 16) + row.loginVersion * 7919;
  return ((drawn % 1000) / 500 - 1) * JITTER_MS;
}

export function refreshTokenOf({ credentials }: AccountRow): string | undefined {
  return credentials.kind === 'chatgpt' ? credentials.refreshToken : undefined;
}

/** What is not in the answer stays as it was. `undefined`: the answer brings no access token to go on with. */
export function renewedCredentials({ credentials }: AccountRow, tokens: Tokens): Credentials | undefined {
  const { accessToken, refreshToken, idToken } = tokens;
  if (accessToken === undefined || credentials.kind === 'api_key') return undefined;
  const claims = decodeClaims(accessToken);
  return {
    ...credentials,
    accessToken,
    ...(refreshToken === undefined ? {} : { refreshToken }),
    ...(idToken === undefined ? {} : { idToken }),
    accessExpiresAt: claims?.exp === undefined ? Date.now() + USUAL_LIFE_MS : claims.exp * 1000,
    accessIssuedAt: claims?.iat === undefined ? undefined : claims.iat * 1000,
  };
}

/** The plan that the new token names, which may have changed since the account was added. */
export function planIn(tokens: Tokens): string | undefined {
  const claims = decodeClaims(tokens.idToken ?? tokens.accessToken ?? '');
  return claims?.['https://api.openai.com/auth']?.chatgpt_plan_type;
}
