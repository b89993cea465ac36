/**
 * The fake login service: refresh with rotating tokens, the device flow, code exchange and revocation.
 * Refresh tokens work once; a used one is refused and kills the login, as the real service does.
 */
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { AccountState } from './account-state.ts';
import { notFound, refreshTokenReused } from './errors.ts';
import { type ErrorAnswer, isObject } from './wire.ts';
import type { LoginTrouble, World } from './world.ts';

const CLAIMS = 'https://api.openai.com/auth';

/** An unsigned token with the claims that clients decode. `serial` keeps two of one account apart. */
function fakeJwt(account: AccountState, serial: string): string {
  const { accountId, email, name } = account.account;
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    sub: `user-${name}`,
    email: email ?? `${name}@example.com`,
    iat: now,
    exp: now + 864_000,
    jti: serial,
    [CLAIMS]: {
      chatgpt_account_id: accountId ?? name,
      chatgpt_plan_type: account.plan,
      chatgpt_user_id: `user-${name}`,
    },
  };
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${encode({ alg: 'none', typ: 'JWT' })}.${encode(claims)}.simulated`;
}

/** An answer, or the lack of one: the connection ends, or stays open without a word. */
type Outcome = ErrorAnswer | 'hang_up' | 'hang';

/** Answers the login service's paths; 404 for anything else. */
export function answerIssuer(
  world: World,
  url: URL,
  { request, text }: { readonly request: IncomingMessage; readonly text: string },
): Outcome {
  if (request.method === 'GET' && url.pathname === '/oauth/authorize') return authorize(url);
  if (request.method !== 'POST') return notFound();
  const form = fieldsOf(request, text);
  const refreshes = url.pathname === '/oauth/token' && form['grant_type'] === 'refresh_token';
  if (refreshes) return refresh(world, form);
  if (world.loginService !== 'up') return troubled(world.loginService, () => answerForm(world, url, form));
  return answerForm(world, url, form);
}

function answerForm(world: World, url: URL, form: Form): ErrorAnswer {
  switch (url.pathname) {
    case '/oauth/token':
      return exchange(world, form);
    case '/oauth/revoke':
      return { status: 200, body: {} };
    case '/api/accounts/deviceauth/usercode':
      return deviceCode(world);
    case '/api/accounts/deviceauth/token':
      return devicePoll(world, String(form['device_auth_id'] ?? ''));
    default:
      return notFound();
  }
}

type Form = Readonly<Record<string, unknown>>;

function fieldsOf(request: IncomingMessage, text: string): Form {
  if (request.headers['content-type']?.includes('json') !== true) {
    return Object.fromEntries(new URLSearchParams(text));
  }
  const body: unknown = JSON.parse(text);
  return isObject(body) ? body : {};
}

const CALLBACKS = ['http://localhost:1455/auth/callback', 'http://localhost:1457/auth/callback'];

/** Sends the browser straight back with a code, as a user who clicks at once. */
function authorize(url: URL): ErrorAnswer {
  const asked = url.searchParams;
  const callback = asked.get('redirect_uri') ?? '';
  const proper =
    CALLBACKS.includes(callback) &&
    asked.get('response_type') === 'code' &&
    asked.get('code_challenge_method') === 'S256' &&
    (asked.get('client_id') ?? '') !== '' &&
    (asked.get('state') ?? '').length >= 32 &&
    (asked.get('scope') ?? '').split(' ').includes('offline_access');
  if (!proper) return { status: 400, body: { error: 'invalid_request' } };
  const back = new URL(callback);
  back.searchParams.set('code', `${challengeCode(asked.get('code_challenge') ?? '')}~${callback}`);
  back.searchParams.set('state', asked.get('state') ?? '');
  return { status: 302, body: '', headers: { location: back.href } };
}

const challengeCode = (challenge: string): string => `code.${challenge}`;

/** The code carries its own challenge and callback, so both can be checked without a memory of logins. */
function exchange(world: World, form: Form): ErrorAnswer {
  const verifier = String(form['code_verifier'] ?? '');
  const expected = challengeCode(createHash('sha256').update(verifier).digest('base64url'));
  const code = String(form['code'] ?? '');
  const [challenge, callback] = code.split('~');
  const account = world.nextLogin();
  const redirected = callback === undefined || callback === form['redirect_uri'];
  if (account === undefined || challenge !== expected || !redirected || world.usedCodes.has(code)) {
    return { status: 400, body: { error: 'invalid_grant', error_description: 'Unknown code.' } };
  }
  world.usedCodes.add(code);
  return tokens(world, account);
}

/** `answer` is carried out only where the trouble is that it gets lost. */
function troubled(trouble: LoginTrouble, answer: () => ErrorAnswer): Outcome {
  if (trouble !== 'lost') return trouble;
  answer();
  return 'hang_up';
}

function refresh(world: World, form: Form): Outcome {
  const token = String(form['refresh_token'] ?? '');
  world.refreshes.push(token);
  world.journal.changed();
  const trouble = world.refreshAnswers.shift() ?? world.loginService;
  if (trouble !== 'up') return troubled(trouble, () => renew(world, token));
  return renew(world, token);
}

function renew(world: World, token: string): ErrorAnswer {
  const account = [...world.accounts.values()].find((one) => one.refreshToken === token);
  if (account !== undefined) return tokens(world, account);
  const victim = world.usedRefreshTokens.get(token);
  if (victim !== undefined) victim.refreshToken = undefined;
  return refreshTokenReused();
}

function tokens(world: World, account: AccountState): ErrorAnswer {
  if (account.refreshToken !== undefined) world.usedRefreshTokens.set(account.refreshToken, account);
  const serial = account.nextId('rt');
  account.replaceToken(fakeJwt(account, serial));
  account.refreshToken = serial;
  const body = {
    id_token: fakeJwt(account, `id.${serial}`),
    access_token: account.token,
    refresh_token: serial,
    token_type: 'Bearer',
    expires_in: 864_000,
    scope: 'openid profile email offline_access',
  };
  world.journal.changed();
  return { status: 200, body };
}

const verifierOf = (device: string): string => `simulated-device-verifier-${device}`;

function deviceCode(world: World): ErrorAnswer {
  world.deviceLogins += 1;
  const devices = world.deviceLogins;
  const expires_at = new Date(Date.now() + 900_000).toISOString();
  const body = {
    device_auth_id: `da_${devices}`,
    user_code: `ABCD-${1000 + devices}`,
    interval: '1',
    expires_at,
  };
  return { status: 200, body };
}

/** Pending as often as was asked for, then the code that `exchange` takes. */
function devicePoll(world: World, device: string): ErrorAnswer {
  if (world.devicePendings > 0) {
    world.devicePendings -= 1;
    return { status: 403, body: { error: { code: 'authorization_pending', message: 'Pending.' } } };
  }
  const code_challenge = createHash('sha256').update(verifierOf(device)).digest('base64url');
  const body = {
    authorization_code: challengeCode(code_challenge),
    code_challenge,
    code_verifier: verifierOf(device),
  };
  return { status: 200, body };
}
