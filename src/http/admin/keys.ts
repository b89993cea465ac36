/**
 * API keys as the admin API takes and shows them.
 */
import { z } from 'zod';
import type { KeyChangesWire, KeyWire } from '../../admin-api/key.ts';
import type { KeyRateLimiter } from '../../bridge/key-rate-limiter.ts';
import type { AccountId } from '../../domain/ids.ts';
import type { ApiKey, KeyDraft } from '../../store/keys.ts';

const seconds = (at: number): number => Math.floor(at / 1000);
const secondsOrNull = (at: number | undefined): number | null => (at === undefined ? null : seconds(at));

export function keyToWire(key: ApiKey, keyLimiter: KeyRateLimiter): KeyWire {
  const used = keyLimiter.used(key.id, Date.now());
  return {
    id: key.id,
    name: key.name,
    prefix: key.prefix,
    created_at: seconds(key.createdAt),
    expires_at: secondsOrNull(key.expiresAt),
    models: key.models ?? null,
    accounts: key.accounts ?? null,
    limits: {
      requests_per_minute: key.limits?.requestsPerMinute ?? null,
      tokens_per_day: key.limits?.tokensPerDay ?? null,
      concurrent_turns: key.limits?.concurrentTurns ?? null,
    },
    used: {
      requests_last_minute: used.requestsLastMinute,
      concurrent_turns: used.concurrentTurns,
      tokens_today: used.tokensToday,
    },
    last_used_at: secondsOrNull(used.lastUsedAt),
    revoked_at: secondsOrNull(key.revokedAt),
  };
}

const limit = z.number().int().positive().nullish();

const schema = z.strictObject({
  name: z.string().min(1).max(100).optional(),
  expires_at: z.number().int().positive().nullish(),
  models: z.array(z.string().min(1)).nullish(),
  accounts: z.array(z.string().min(1)).nullish(),
  limits: z
    .strictObject({ requests_per_minute: limit, tokens_per_day: limit, concurrent_turns: limit })
    .nullish(),
}) satisfies z.ZodType<unknown, KeyChangesWire>;

export type ReadKey =
  | { readonly ok: true; readonly draft: KeyDraft }
  | { readonly ok: false; readonly reason: string };

/** Members that are not named stay as they are; `null` lifts a restriction. */
export function readKeyDraft(body: unknown, purpose: 'new' | 'change'): ReadKey {
  const parsed = schema.safeParse(body);
  if (!parsed.success) {
    const issues = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'body'}: ${issue.message}`);
    return { ok: false, reason: issues.join('; ') };
  }
  const { name, expires_at, models, accounts, limits } = parsed.data;
  if (purpose === 'new' && name === undefined)
    return { ok: false, reason: 'name: a key needs a name, to know it by.' };
  return {
    ok: true,
    draft: {
      ...(name === undefined ? {} : { name }),
      ...(expires_at === undefined ? {} : { expiresAt: expires_at === null ? undefined : expires_at * 1000 }),
      ...(models === undefined ? {} : { models: models ?? undefined }),
      ...(accounts === undefined ? {} : { accounts: (accounts as AccountId[] | null) ?? undefined }),
      ...(limits === undefined ? {} : { limits: limits === null ? undefined : limitsOf(limits) }),
    } as KeyDraft,
  };
}

type Limits = NonNullable<z.infer<typeof schema>['limits']>;

function limitsOf(limits: Limits): ApiKey['limits'] {
  return {
    requestsPerMinute: limits.requests_per_minute ?? undefined,
    tokensPerDay: limits.tokens_per_day ?? undefined,
    concurrentTurns: limits.concurrent_turns ?? undefined,
  };
}
