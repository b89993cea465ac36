/**
 * How an account comes into the pool: what an operator sends, checked and turned into a login. The same login
 * again updates its account instead of making a second one.
 */
import { z } from 'zod';
import type { AccountChangesWire, NewAccountWire } from '../admin-api/account.ts';
import type { AccountDraft } from '../domain/account.ts';
import { type ImportedLogin, readLogin } from './import.ts';

const shared = {
  name: z.string().min(1).max(100).optional(),
  priority: z.number().int().min(-1000).max(1000).optional(),
  transport: z.enum(['auto', 'websocket', 'http']).optional(),
  proxy: z.url({ protocol: /^(https?|socks5)$/ }).nullish(),
};
const address = z.url({ protocol: /^https?$/ });

const bodySchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('api_key'),
    ...shared,
    api_key: z.string().trim().min(1),
    base_url: address.optional(),
  }),
  z.object({ kind: z.literal('chatgpt'), ...shared, auth_json: z.unknown() }),
]) satisfies z.ZodType<unknown, NewAccountWire>;

export type AccountInput =
  | { readonly ok: true; readonly drafts: readonly AccountDraft[] }
  | { readonly ok: false; readonly reason: string };

/** `reason` names the member at fault and never repeats a credential. */
export function readAccountInput(body: unknown): AccountInput {
  const parsed = bodySchema.safeParse(body);
  if (!parsed.success) return { ok: false, reason: problemsOf(parsed.error) };
  const { kind, name, priority, transport, proxy } = parsed.data;
  const options = {
    ...(priority === undefined ? {} : { priority }),
    ...(transport === undefined ? {} : { transport }),
    ...(proxy === undefined ? {} : { proxy: proxy ?? undefined }),
  };
  if (kind === 'api_key') {
    const { api_key: key, base_url: baseUrl } = parsed.data;
    const draft = { ...draftOf({ kind: 'api_key', key }, name), ...options };
    return {
      ok: true,
      drafts: [baseUrl === undefined ? draft : { ...draft, baseUrl, identity: `${baseUrl} ${key}` }],
    };
  }
  const read = readLogin(parsed.data.auth_json);
  if (!read.ok) return read;
  return { ok: true, drafts: read.logins.map((login) => ({ ...draftOf(login, name), ...options })) };
}

function problemsOf(error: z.ZodError): string {
  return error.issues.map((issue) => `${issue.path.join('.') || 'body'}: ${issue.message}`).join('; ');
}

export function draftOf(login: ImportedLogin, name: string | undefined): AccountDraft {
  if (login.kind === 'api_key') {
    return {
      kind: 'api_key',
      name: name ?? 'API key',
      credentials: { kind: 'api_key', apiKey: login.key },
      identity: login.key,
    };
  }
  const { email, plan, ...credentials } = login;
  return {
    kind: 'chatgpt',
    name: name ?? email ?? login.accountId,
    email,
    plan,
    credentials,
    identity: `${login.accountId} ${login.userId ?? ''}`,
  };
}

const changesSchema = z.strictObject({
  ...shared,
  paused: z.boolean().optional(),
  max_used_percent: z.number().min(1).max(100).optional(),
}) satisfies z.ZodType<unknown, AccountChangesWire>;

/** The members of `PATCH /api/accounts/{id}`. */
export function readChanges(body: unknown) {
  const parsed = changesSchema.safeParse(body);
  if (!parsed.success) return { ok: false, reason: problemsOf(parsed.error) } as const;
  const { max_used_percent: maxUsedPercent, proxy, ...rest } = parsed.data;
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  return {
    ok: true,
    changes: {
      ...given,
      ...(maxUsedPercent === undefined ? {} : { maxUsedPercent }),
      ...(proxy === undefined ? {} : { proxy: proxy ?? undefined }),
    },
  } as const;
}
