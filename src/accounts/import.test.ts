import { expect, test } from 'vitest';
import { decodeClaims, readLogin } from './import.ts';

const NOW = 1_800_000_000_000;
const LATER = NOW / 1000 + 864_000;
const AUTH = 'https://api.openai.com/auth';
const PROFILE = 'https://api.openai.com/profile';

const jwt = (claims: unknown) =>
  [{ alg: 'none' }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.') +
  '.';

const access = jwt({
  exp: LATER,
  sub: 'sub-1',
  [AUTH]: { chatgpt_account_id: 'ws-access', user_id: 'u-access' },
});
const id = jwt({
  email: 'person@example.com',
  [AUTH]: {
    chatgpt_account_id: 'ws-1',
    chatgpt_plan_type: 'pro',
    chatgpt_user_id: 'u-1',
    chatgpt_account_is_fedramp: true,
  },
});
const read = (json: unknown) => readLogin(json, () => NOW);

const LOGIN = {
  kind: 'chatgpt',
  email: 'person@example.com',
  plan: 'pro',
  accountId: 'ws-1',
  userId: 'u-1',
  accessToken: access,
  refreshToken: 'rt_1',
  idToken: id,
  accessExpiresAt: LATER * 1000,
  fedramp: true,
};

test.each([
  [
    'the auth.json of the Codex CLI',
    {
      auth_mode: 'chatgpt',
      OPENAI_API_KEY: null,
      tokens: { id_token: id, access_token: access, refresh_token: 'rt_1', account_id: 'ws-1' },
    },
  ],
  [
    'an auth.json without a mode',
    { tokens: { id_token: id, access_token: access, refresh_token: 'rt_1', account_id: 'ws-1' } },
  ],
  [
    'the camelCase export of codex-lb',
    {
      tokens: { idToken: id, accessToken: access, refreshToken: 'rt_1', accountId: 'ws-1' },
      lastRefreshAt: 'x',
    },
  ],
  [
    'the flat file of CLIProxyAPI',
    {
      type: 'codex',
      id_token: id,
      access_token: access,
      refresh_token: 'rt_1',
      account_id: 'ws-1',
      email: 'other',
    },
  ],
])('%s becomes a ChatGPT login', (_, json) => {
  expect(read(json)).toEqual({ ok: true, logins: [LOGIN] });
});

test.each([
  ['says so', { auth_mode: 'apikey', OPENAI_API_KEY: 'sk-1', tokens: null }],
  ['says nothing but holds a key', { OPENAI_API_KEY: 'sk-1' }],
])('a login that %s becomes an API key login', (_, json) => {
  expect(read(json)).toEqual({ ok: true, logins: [{ kind: 'api_key', key: 'sk-1' }] });
});

test('a ChatGPT login wins over a key that lies beside it', () => {
  const json = { auth_mode: 'chatgpt', OPENAI_API_KEY: 'sk-1', tokens: { access_token: access } };
  expect(read(json)).toMatchObject({ ok: true, logins: [{ kind: 'chatgpt' }] });
});

test('the access token tells what a missing id token cannot', () => {
  expect(read({ tokens: { access_token: access } })).toMatchObject({
    ok: true,
    logins: [
      { accountId: 'ws-access', userId: 'u-access', email: undefined, idToken: undefined, fedramp: false },
    ],
  });
});

test('the user id falls back to the subject and the e-mail to the profile', () => {
  const bare = jwt({ exp: LATER, sub: 'sub-9', [PROFILE]: { email: 'p@example.com' } });
  expect(read({ tokens: { access_token: bare, account_id: 'ws-9' } })).toMatchObject({
    ok: true,
    logins: [{ userId: 'sub-9', email: 'p@example.com', accountId: 'ws-9' }],
  });
});

test('an access token without an expiry takes the one written beside it', () => {
  const expired = new Date(NOW + 5000).toISOString();
  const json = { type: 'codex', access_token: jwt({}), account_id: 'ws-1', expired };
  expect(read(json)).toMatchObject({ ok: true, logins: [{ accessExpiresAt: NOW + 5000 }] });
});

test('an access token that says nothing of its end lasts eight days from its last renewal', () => {
  const tokens = { access_token: jwt({}), account_id: 'ws-1' };
  const days = (n: number) => n * 24 * 3_600_000;
  expect(read({ tokens })).toMatchObject({ ok: true, logins: [{ accessExpiresAt: NOW + days(8) }] });
  const last_refresh = new Date(NOW - days(2)).toISOString();
  expect(read({ tokens, last_refresh })).toMatchObject({
    ok: true,
    logins: [{ accessExpiresAt: NOW + days(6) }],
  });
});

test('an expired access token is usable as long as a refresh token comes with it', () => {
  const tokens = { access_token: jwt({ exp: 1 }), refresh_token: 'rt_1', account_id: 'ws-1' };
  expect(read({ tokens })).toMatchObject({ ok: true, logins: [{ accessExpiresAt: 1000 }] });
});

test('a list of logins gives all of them', () => {
  const both = read([{ OPENAI_API_KEY: 'sk-1' }, { tokens: { access_token: access } }]);
  expect(both.ok && both.logins.map((login) => login.kind)).toEqual(['api_key', 'chatgpt']);
});

test.each([
  ['no object', 'text', 'JSON object'],
  ['an empty list', [], 'no login'],
  ['an empty object', {}, 'access_token is missing'],
  [
    'the tokens of an agent identity',
    { auth_mode: 'agentIdentity', agent_identity: {} },
    'access_token is missing',
  ],
  [
    'an API key login without its key',
    { auth_mode: 'apikey', OPENAI_API_KEY: null },
    'OPENAI_API_KEY is empty',
  ],
  ['an opaque access token', { tokens: { access_token: 'opaque' } }, 'not a JWT'],
  ['a token with a broken payload', { tokens: { access_token: 'a.%%%.c' } }, 'not a JWT'],
  ['a token whose payload is a list', { tokens: { access_token: jwt([]) } }, 'not a JWT'],
  ['no account anywhere', { tokens: { access_token: jwt({ exp: LATER }) } }, 'names no ChatGPT account'],
  [
    'an expired token alone',
    { tokens: { access_token: jwt({ exp: 1 }), account_id: 'w' } },
    'no refresh_token',
  ],
  ['another provider', { type: 'gemini', access_token: access }, 'another provider'],
  ['a list with one bad entry', [{ OPENAI_API_KEY: 'sk-1' }, {}], 'access_token is missing'],
])('%s is refused with a reason', (_, json, words) => {
  expect(read(json)).toEqual({ ok: false, reason: expect.stringContaining(words) });
});

test('claims of the wrong type are ignored one by one', () => {
  const claims = decodeClaims(jwt({ exp: 'soon', email: 'a@example.com', [AUTH]: 'none' }));
  expect(claims).toEqual({ email: 'a@example.com' });
});
