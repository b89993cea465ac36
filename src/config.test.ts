import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { ENVIRONMENT, loadConfig } from './config.ts';

const folder = mkdtempSync(join(tmpdir(), 'respool-config-'));
afterAll(() => rmSync(folder, { recursive: true }));

const KEY = Buffer.alloc(32, 7);

function problemsOf(env: Record<string, string>): readonly string[] {
  const loaded = loadConfig(env);
  return loaded.ok ? [] : loaded.problems;
}

function configOf(env: Record<string, string>) {
  const loaded = loadConfig(env);
  if (!loaded.ok) throw new Error(loaded.problems.join('\n'));
  return loaded.config;
}

test('an empty environment gives the documented defaults', () => {
  expect(configOf({})).toEqual({
    host: '127.0.0.1',
    port: 8411,
    dataDir: resolve('./data'),
    openaiBaseUrl: 'https://api.openai.com/v1',
    chatgptBaseUrl: 'https://chatgpt.com/backend-api',
    authBaseUrl: 'https://auth.openai.com',
    transcripts: 'disk',
    transcriptsDiskBytes: 512 * 1024 * 1024,
    retentionDays: 30,
    firstEventTimeoutMs: 60_000,
    streamIdleTimeoutMs: 300_000,
    upstreamPingMs: 15_000,
    failoverBudgetMs: 20_000,
    keepaliveMs: 10_000,
    sessionIdleMs: 900_000,
    drainMs: 30_000,
    publicHosts: [],
    trustedProxies: [],
    logLevel: 'info',
  });
});

test('a variable that is set to nothing counts as unset', () => {
  const blank = Object.fromEntries(ENVIRONMENT.map((variable) => [variable.name, ' ']));
  expect(configOf(blank)).toEqual(configOf({}));
});

test.each([
  ['RESPOOL_HOST', '::1', { host: '::1' }],
  ['RESPOOL_PORT', '0', { port: 0 }],
  ['RESPOOL_DATA_DIR', '/var/lib/respool', { dataDir: '/var/lib/respool' }],
  ['RESPOOL_ADMIN_TOKEN', 'secret', { adminToken: 'secret' }],
  ['RESPOOL_SECRET_KEY', KEY.toString('base64'), { secretKey: KEY }],
  ['RESPOOL_SECRET_KEY', KEY.toString('base64url'), { secretKey: KEY }],
  ['RESPOOL_OPENAI_BASE_URL', 'http://127.0.0.1:9/v1/', { openaiBaseUrl: 'http://127.0.0.1:9/v1' }],
  ['RESPOOL_TRANSCRIPTS', 'off', { transcripts: 'off' }],
  ['RESPOOL_TRANSCRIPTS_DISK_MB', '4', { transcriptsDiskBytes: 4 * 1024 * 1024 }],
  ['RESPOOL_DRAIN_MS', '0', { drainMs: 0 }],
  ['RESPOOL_KEEPALIVE_MS', '25', { keepaliveMs: 25 }],
  ['RESPOOL_PUBLIC_HOSTS', ' Pool.example.com, ,10.1.2.3', { publicHosts: ['pool.example.com', '10.1.2.3'] }],
  [
    'RESPOOL_TRUSTED_PROXIES',
    '10.0.0.0/8,fd00::/8,::1',
    { trustedProxies: ['10.0.0.0/8', 'fd00::/8', '::1'] },
  ],
  ['RESPOOL_LOG_LEVEL', 'silent', { logLevel: 'silent' }],
])('%s=%s is accepted', (name, value, expected) => {
  expect(configOf({ [name]: value })).toMatchObject(expected);
});

test.each([
  ['RESPOOL_HOST', 'http://x', 'is not an address or host name'],
  ['RESPOOL_PORT', '65536', 'must lie between 0 and 65535'],
  ['RESPOOL_PORT', '80.5', 'is not a whole number'],
  ['RESPOOL_PORT', '-1', 'is not a whole number'],
  ['RESPOOL_ADMIN_TOKEN', 'two words', 'must not contain spaces'],
  ['RESPOOL_SECRET_KEY', 'c2hvcnQ=', 'must be 32 bytes in base64'],
  ['RESPOOL_SECRET_KEY', '!', 'is not base64'],
  ['RESPOOL_CHATGPT_BASE_URL', 'chatgpt.com', 'is not an http:// or https:// address'],
  ['RESPOOL_AUTH_BASE_URL', 'ftp://x', 'is not an http:// or https:// address'],
  ['RESPOOL_TRANSCRIPTS', 'ram', 'must be disk, memory or off'],
  ['RESPOOL_TRANSCRIPTS_DISK_MB', '0', 'must lie between 1 and 1048576'],
  ['RESPOOL_RETENTION_DAYS', '0', 'must lie between 1 and 36500'],
  ['RESPOOL_SESSION_IDLE_MS', '0', 'must lie between 1 and 2147483647'],
  ['RESPOOL_SESSION_IDLE_MS', '2147483648', 'must lie between 1 and 2147483647'],
  ['RESPOOL_PUBLIC_HOSTS', 'ok.example,https://no.example', 'must be host names'],
  ['RESPOOL_TRUSTED_PROXIES', '10.0.0.0/33', 'must be addresses or CIDRs'],
  ['RESPOOL_TRUSTED_PROXIES', '10.0.0.0/8/8', 'must be addresses or CIDRs'],
  ['RESPOOL_TRUSTED_PROXIES', 'proxy.example', 'must be addresses or CIDRs'],
  ['RESPOOL_LOG_LEVEL', 'loud', 'must be fatal, error'],
])('%s=%s is one problem that names the variable', (name, value, words) => {
  expect(problemsOf({ [name]: value })).toEqual([expect.stringContaining(`${name} ${words}`)]);
});

test('an unknown name is a problem that suggests the nearest known one', () => {
  expect(problemsOf({ RESPOOL_PROT: '1' })).toEqual([
    'RESPOOL_PROT is not a known variable; did you mean RESPOOL_PORT?',
  ]);
  expect(problemsOf({ RESPOOL_TRANSCRIPT: 'off' })[0]).toContain('RESPOOL_TRANSCRIPTS?');
});

test('names of other programs are none of our business', () => {
  expect(problemsOf({ PORT: 'x', RESPOOLX: 'y' })).toEqual([]);
});

test('all problems come at once', () => {
  const problems = problemsOf({ RESPOOL_PROT: '1', RESPOOL_PORT: 'x', RESPOOL_LOG_LEVEL: 'y' });
  expect(problems).toHaveLength(3);
});

test('a secret may come from a file, without the line end an editor leaves', () => {
  const token = join(folder, 'token');
  const key = join(folder, 'key');
  writeFileSync(token, 'from-file\n');
  writeFileSync(key, `${KEY.toString('base64')}\n`);
  const config = configOf({ RESPOOL_ADMIN_TOKEN_FILE: token, RESPOOL_SECRET_KEY_FILE: key });
  expect(config).toMatchObject({ adminToken: 'from-file', secretKey: KEY });
});

test('a file that is missing, empty or beside a value is a problem', () => {
  const empty = join(folder, 'empty');
  writeFileSync(empty, '\n');
  expect(problemsOf({ RESPOOL_ADMIN_TOKEN_FILE: join(folder, 'nowhere') })).toEqual([
    expect.stringMatching(/^RESPOOL_ADMIN_TOKEN_FILE cannot be read: .*nowhere/),
  ]);
  expect(problemsOf({ RESPOOL_SECRET_KEY_FILE: empty })[0]).toContain('names an empty file');
  expect(problemsOf({ RESPOOL_ADMIN_TOKEN_FILE: empty, RESPOOL_ADMIN_TOKEN: 'x' })[0]).toContain('both set');
});

test('a problem never repeats a secret', () => {
  const problems = problemsOf({ RESPOOL_SECRET_KEY: 'hunter2', RESPOOL_ADMIN_TOKEN: 'hunter2 hunter2' });
  expect(problems).toHaveLength(2);
  expect(problems.join()).not.toContain('hunter2');
});
