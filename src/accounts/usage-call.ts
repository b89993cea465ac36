/**
 * Asks the ChatGPT backend what is left of an account. Knows what the answers mean for the account, and leaves it
 * to the pool to apply that.
 */
import { parseObject } from '../protocol/frame.ts';
import { classify } from '../turn/classify.ts';
import type { Failure } from '../turn/failure.ts';
import { type UpstreamAccount, usageUrl } from '../upstream/account.ts';
import type { HttpUpstream } from '../upstream/http.ts';
import { parseBody } from '../upstream/websocket.ts';
import { type QuotaReading, quotaFromUsage } from './quota.ts';

export type UsageAnswer =
  | { readonly kind: 'reading'; readonly reading: QuotaReading }
  | { readonly kind: 'login_expired'; readonly failure: Failure }
  /** The account itself is in trouble. */
  | { readonly kind: 'blocked'; readonly failure: Failure }
  /** This endpoint is asked too often; nothing about the account. */
  | { readonly kind: 'too_often' }
  /** There is no such endpoint for this account. */
  | { readonly kind: 'none' }
  /** Not reached, or an answer that says nothing: a 403 here is no proof of anything. */
  | { readonly kind: 'unknown' };

export async function askUsage(
  http: HttpUpstream,
  account: UpstreamAccount,
  timeoutMs: number,
): Promise<UsageAnswer> {
  const asked = { account, method: 'GET', url: usageUrl(account), headers: {} } as const;
  const answer = await http.unary(asked, { timeoutMs });
  if (!answer.ok) return { kind: 'unknown' };
  const { status, headers } = answer;
  if (status === 200) {
    const reading = quotaFromUsage(parseObject(answer.body), Date.now());
    return reading === undefined ? { kind: 'unknown' } : { kind: 'reading', reading };
  }
  const body = parseBody(answer.body.toString('utf8'));
  const failure = classify({ via: 'http', status, headers, body }, Date.now());
  if (failure.class === 'account_ended' || status === 402) return { kind: 'blocked', failure };
  if (status === 401) return { kind: 'login_expired', failure };
  if (status === 404 || status === 405) return { kind: 'none' };
  return { kind: status === 429 ? 'too_often' : 'unknown' };
}
