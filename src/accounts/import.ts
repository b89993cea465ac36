/**
 * Reads a login that another program left behind: the `auth.json` of the Codex CLI, an export of codex-lb,
 * a file of CLIProxyAPI. Pure; it decodes tokens to learn whose they are and verifies none of them, because
 * the backend that issued them will.
 */
import * as z from 'zod';

export interface ChatgptLogin {
  readonly kind: 'chatgpt';
  readonly email: string | undefined;
  readonly plan: string | undefined;
  /** The workspace. Together with `userId` it names the login; one workspace has many users. */
  readonly accountId: string;
  readonly userId: string | undefined;
  readonly accessToken: string;
  readonly refreshToken: string | undefined;
  readonly idToken: string | undefined;
  /** Epoch ms; a token that does not say so is taken for good for eight days after it was renewed. */
  readonly accessExpiresAt: number;
  readonly accessIssuedAt: number | undefined;
  readonly fedramp: boolean;
}

export interface ApiKeyLogin {
  readonly kind: 'api_key';
  readonly key: string;
}

export type ImportedLogin = ChatgptLogin | ApiKeyLogin;

/** `reason` is a sentence for the person who gave the file; it never repeats anything out of the file. */
export type ReadLogin =
  | { readonly ok: true; readonly logins: readonly ImportedLogin[] }
  | { readonly ok: false; readonly reason: string };

type Members = Readonly<Record<string, unknown>>;
type One =
  | { readonly ok: true; readonly login: ImportedLogin }
  | { readonly ok: false; readonly reason: string };

/** The claims of id and access tokens that we use, as the login pages of ChatGPT issue them. */
const claimsSchema = z.object({
  exp: z.number().optional().catch(undefined),
  iat: z.number().optional().catch(undefined),
  sub: z.string().optional().catch(undefined),
  email: z.string().optional().catch(undefined),
  'https://api.openai.com/profile': z.object({ email: z.string() }).partial().optional().catch(undefined),
  'https://api.openai.com/auth': z
    .object({
      chatgpt_account_id: z.string(),
      chatgpt_plan_type: z.string(),
      chatgpt_user_id: z.string(),
      user_id: z.string(),
      chatgpt_account_user_id: z.string(),
      chatgpt_account_is_fedramp: z.boolean(),
    })
    .partial()
    .optional()
    .catch(undefined),
});
type Claims = z.infer<typeof claimsSchema>;

/** The logins in one parsed file: a single login, or a list of them, which is taken whole or not at all. */
export function readLogin(json: unknown, now: () => number = Date.now): ReadLogin {
  const found = (Array.isArray(json) ? json : [json]).map((entry) => readOne(entry, now()));
  const refused = found.find((one) => !one.ok);
  if (refused) return refused;
  if (found.length === 0) return { ok: false, reason: 'The list holds no login.' };
  return { ok: true, logins: found.flatMap((one) => (one.ok ? [one.login] : [])) };
}

/** The claims of a token in JWT form, unverified; undefined when it is none. */
export function decodeClaims(token: string): Claims | undefined {
  const [header, payload, signature, ...rest] = token.split('.');
  if (!header || !payload || signature === undefined || rest.length > 0) return undefined;
  const parsed = claimsSchema.safeParse(parseJson(Buffer.from(payload, 'base64url').toString('utf8')));
  return parsed.data;
}

function readOne(json: unknown, now: number): One {
  if (!isMembers(json)) return refuse('This is not a login: a JSON object was expected.');
  const type = text(json, 'type');
  if (type !== undefined && type !== 'codex')
    return refuse('This login is for another provider than ChatGPT.');
  const key = text(json, 'OPENAI_API_KEY', 'openaiApiKey');
  const mode = text(json, 'auth_mode', 'authMode') ?? (key === undefined ? 'chatgpt' : 'apikey');
  if (mode !== 'apikey') return readTokens(json, now);
  if (key === undefined) return refuse('The login says it is an API key, but OPENAI_API_KEY is empty.');
  return { ok: true, login: { kind: 'api_key', key } };
}

function readTokens(json: Members, now: number): One {
  const tokens = isMembers(json['tokens']) ? json['tokens'] : json;
  const accessToken = text(tokens, 'access_token', 'accessToken');
  if (accessToken === undefined) return refuse('access_token is missing: sign in again with "codex login".');
  const access = decodeClaims(accessToken);
  if (access === undefined) return refuse('access_token is not a JWT, so this is not a ChatGPT login.');
  const idToken = text(tokens, 'id_token', 'idToken');
  const identity = idToken === undefined ? undefined : decodeClaims(idToken);
  const accountId = text(tokens, 'account_id', 'accountId') ?? claim('chatgpt_account_id', identity, access);
  if (accountId === undefined) return refuse('The login names no ChatGPT account.');
  const accessExpiresAt = expiryOf(access, json) ?? renewedAt(json, now) + UNSAID_LIFE_MS;
  const accessIssuedAt = access.iat === undefined ? undefined : access.iat * 1000;
  const refreshToken = text(tokens, 'refresh_token', 'refreshToken');
  if (accessExpiresAt <= now && refreshToken === undefined) {
    return refuse(
      'access_token has expired and there is no refresh_token: sign in again with "codex login".',
    );
  }
  const person = whoIs(identity, access, json);
  return {
    ok: true,
    login: {
      kind: 'chatgpt',
      ...person,
      accountId,
      accessToken,
      refreshToken,
      idToken,
      accessExpiresAt,
      accessIssuedAt,
    },
  };
}

function whoIs(identity: Claims | undefined, access: Claims, json: Members) {
  const of = (name: Parameters<typeof claim>[0]) => claim(name, identity, access);
  const email = emailIn(identity) ?? emailIn(access) ?? text(json, 'email');
  const user = of('chatgpt_user_id') ?? of('user_id') ?? of('chatgpt_account_user_id');
  return {
    email,
    plan: of('chatgpt_plan_type'),
    userId: user ?? identity?.sub ?? access.sub,
    fedramp: [identity, access].some((claims) => auth(claims)?.chatgpt_account_is_fedramp === true),
  };
}

/** As the Codex CLI has it: an unreadable token is renewed this long after the last time. */
const UNSAID_LIFE_MS = 8 * 24 * 3_600_000;

function renewedAt(json: Members, now: number): number {
  const written = Date.parse(text(json, 'last_refresh', 'lastRefreshAt') ?? '');
  return Number.isNaN(written) ? now : written;
}

/** The token's own word comes first; CLIProxyAPI keeps the instant in `expired` as well. */
function expiryOf(access: Claims, json: Members): number | undefined {
  if (access.exp !== undefined) return access.exp * 1000;
  const written = Date.parse(text(json, 'expired') ?? '');
  return Number.isNaN(written) ? undefined : written;
}

const auth = (claims: Claims | undefined) => claims?.['https://api.openai.com/auth'];
const emailIn = (claims: Claims | undefined) =>
  claims?.email ?? claims?.['https://api.openai.com/profile']?.email;

function claim(
  name:
    | 'chatgpt_account_id'
    | 'chatgpt_plan_type'
    | 'chatgpt_user_id'
    | 'user_id'
    | 'chatgpt_account_user_id',
  ...from: readonly (Claims | undefined)[]
): string | undefined {
  return from.map((claims) => auth(claims)?.[name]).find((value) => value !== undefined && value !== '');
}

function text(members: Members, ...names: readonly string[]): string | undefined {
  return names.map((name) => members[name]).find((value) => typeof value === 'string' && value !== '') as
    | string
    | undefined;
}

function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseJson(source: string): unknown {
  try {
    return JSON.parse(source);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function refuse(reason: string): One {
  return { ok: false, reason };
}
