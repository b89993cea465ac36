import { expect, test } from 'vitest';
import { testContext } from '../../../test/support/fake-admin.ts';
import { VERSION } from '../../server/version.ts';
import { doctor, examine } from './doctor.ts';
import type { Probe, Reached } from './result.ts';

const NOW = 1_800_000_000_000;
const answered = (body: string): Reached => ({ kind: 'answered', status: 200, body, date: NOW });
const READY = { name: 'a', status: 'ready', status_reason: null };

/** A machine on which all is well, except for what is changed. */
const healthy = (
  more: Partial<Probe> & { asked?: Record<string, unknown>; reached?: Record<string, Reached> } = {},
): Probe => ({
  env: { RESPOOL_DATA_DIR: '/data', CODEX_HOME: '/home/x/.codex' },
  nodeVersion: 'v24.1.0',
  now: NOW,
  mode: (path) => (path === '/data' ? 0o700 : path.startsWith('/data/') ? 0o600 : undefined),
  text: () => undefined,
  writable: () => true,
  disk: () => ({ freeBytes: 50 * 1024 ** 3, totalBytes: 100 * 1024 ** 3, type: 0xef53 }),
  openFiles: () => 32_768,
  serving: async () => undefined,
  reach: async (url) =>
    more.reached?.[new URL(url).host] ?? answered(url.endsWith('/healthz') ? '{"status":"ok"}' : ''),
  ask: async (path) =>
    ({
      '/api/status': { version: VERSION },
      '/api/accounts': { data: [READY] },
      '/api/keys': { data: [] },
      ...more.asked,
    })[path],
  checkDatabase: () => [],
  ...more,
});
const env = (more: Record<string, string>) => ({ ...healthy().env, ...more });
const codex = (lines: string) => (path: string) =>
  path === '/home/x/.codex/config.toml'
    ? `[model_providers.respool]\nname = "respool"\nbase_url = "http://127.0.0.1:8411/v1"\nwire_api = "responses"\n${lines}`
    : undefined;

test('where all is well nothing is complained of', async () => {
  const results = await examine(healthy());
  expect(results.filter((result) => result.is !== 'ok')).toEqual([]);
  expect(results.length).toBeGreaterThan(10);
});

test.each<[string, Probe, 'warn' | 'fail', RegExp]>([
  ['an unknown variable', healthy({ env: env({ RESPOOL_PROT: '1' }) }), 'fail', /RESPOOL_PROT.*RESPOOL_PORT/],
  [
    'a bad value',
    healthy({ env: env({ RESPOOL_PORT: 'many' }) }),
    'fail',
    /RESPOOL_PORT is not a whole number/,
  ],
  ['an old Node', healthy({ nodeVersion: 'v20.20.2' }), 'fail', /Node v20/],
  [
    'a data directory that cannot be written',
    healthy({ writable: () => false }),
    'fail',
    /cannot be written/,
  ],
  ['a secret key that others can read', healthy({ mode: () => 0o644 }), 'fail', /secret\.key can be read/],
  [
    'a .env that others can read',
    healthy({ mode: (path) => (path === '.env' ? 0o644 : 0o600) }),
    'warn',
    /\.env can be read/,
  ],
  [
    'a full disk',
    healthy({ disk: () => ({ freeBytes: 1024 ** 2, totalBytes: 1024 ** 3, type: 1 }) }),
    'fail',
    /only 1 MiB/,
  ],
  [
    'a network file system',
    healthy({ disk: () => ({ freeBytes: 1e12, totalBytes: 1e12, type: 0x6969 }) }),
    'warn',
    /network file system/,
  ],
  ['a damaged database', healthy({ checkDatabase: () => ['page 7'] }), 'fail', /damaged: page 7/],
  [
    'a wrong secret key',
    healthy({
      checkDatabase: () => {
        throw new Error('The secret key does not fit');
      },
    }),
    'fail',
    /does not fit/,
  ],
  ['too few open files', healthy({ openFiles: () => 1024 }), 'warn', /1024 open files/],
  [
    'proxy variables that nothing reads',
    healthy({ env: env({ HTTPS_PROXY: 'http://p' }) }),
    'warn',
    /HTTPS_PROXY/,
  ],
  [
    'a public address without a name',
    healthy({ env: env({ RESPOOL_HOST: '0.0.0.0' }) }),
    'warn',
    /listens on 0\.0\.0\.0/,
  ],
  [
    'trust in everybody',
    healthy({ env: env({ RESPOOL_TRUSTED_PROXIES: '0.0.0.0/0' }) }),
    'fail',
    /anybody may claim/,
  ],
  ['no transcripts', healthy({ env: env({ RESPOOL_TRANSCRIPTS: 'off' }) }), 'warn', /do not survive/],
  ['transcripts in memory', healthy({ env: env({ RESPOOL_TRANSCRIPTS: 'memory' }) }), 'warn', /a restart/],
  [
    'an upstream that refuses',
    healthy({ reached: { 'api.openai.com': { kind: 'refused' } } }),
    'warn',
    /refuses connections/,
  ],
  [
    'an upstream without a name',
    healthy({ reached: { 'chatgpt.com': { kind: 'unreachable', code: 'ENOTFOUND' } } }),
    'warn',
    /ENOTFOUND/,
  ],
  [
    'an upstream that is this server',
    healthy({ env: env({ RESPOOL_OPENAI_BASE_URL: 'http://127.0.0.1:8411/v1' }) }),
    'fail',
    /this server itself/,
  ],
  ['a clock that is off', healthy({ now: NOW + 600_000 }), 'warn', /600 s off/],
  ['a Codex provider called OpenAI', healthy({ text: codex('name = "OpenAI"') }), 'warn', /called OpenAI/],
  [
    'a Codex that calls another port',
    healthy({ text: codex(''), env: env({ RESPOOL_PORT: '9000' }) }),
    'warn',
    /calls port 8411/,
  ],
  ['a Codex that speaks another API', healthy({ text: codex('wire_api = "chat"') }), 'warn', /Responses API/],
  [
    'something else on the port',
    healthy({ reached: { '127.0.0.1:8411': answered('<html>') } }),
    'fail',
    /something else answers/,
  ],
  [
    'a server that does not answer',
    healthy({
      serving: async () => 'http://127.0.0.1:9000',
      reached: { '127.0.0.1:9000': { kind: 'unreachable', code: 'TimeoutError' } },
    }),
    'fail',
    /does not answer at http:\/\/127\.0\.0\.1:9000/,
  ],
  [
    'a server of another data directory',
    healthy({ asked: { '/api/status': undefined } }),
    'fail',
    /admin token/,
  ],
  [
    'another version',
    healthy({ asked: { '/api/status': { version: '0.0.1' } } }),
    'warn',
    /version 0\.0\.1 is running/,
  ],
  ['no account', healthy({ asked: { '/api/accounts': { data: [] } } }), 'fail', /there is no account/],
  [
    'an account that needs a login',
    healthy({
      asked: {
        '/api/accounts': { data: [READY, { name: 'b', status: 'needs_login', status_reason: 'expired' }] },
      },
    }),
    'warn',
    /account b needs a login \(expired\)/,
  ],
  [
    'a suspended account',
    healthy({ asked: { '/api/accounts': { data: [READY, { name: 'b', status: 'suspended' }] } } }),
    'warn',
    /suspended/,
  ],
  [
    'a pool that is out',
    healthy({ asked: { '/api/accounts': { data: [{ name: 'a', status: 'exhausted' }] } } }),
    'fail',
    /no account can serve/,
  ],
  ['a public server without keys', healthy({ env: env({ RESPOOL_HOST: '0.0.0.0' }) }), 'fail', /no key/],
])('doctor finds %s', async (_, probe, is, says) => {
  const found = (await examine(probe)).filter((result) => result.is === is && says.test(result.says));
  expect(found.length).toBeGreaterThan(0);
  expect(found[0]).toMatchObject({ mend: expect.stringMatching(/\w{4}/) });
});

test('a server at another address than the configured one is found', async () => {
  const serving = async () => 'http://127.0.0.1:9000';
  const reached = {
    '127.0.0.1:8411': { kind: 'refused' },
    '127.0.0.1:9000': answered('{"status":"ok"}'),
  } as const;
  const results = await examine(healthy({ serving, reached }));
  expect(results).toContainEqual({ is: 'ok', says: `respool ${VERSION} is running` });
});

test('a failure is the exit code, and every point is a line that begins with its judgement', async () => {
  const context = testContext({});
  expect(await doctor(context, {}, healthy())).toBe(0);
  expect(await doctor(context, {}, healthy({ writable: () => false }))).toBe(1);
  const lines = context.printed.flatMap((text) => text.split('\n'));
  expect(lines.filter((line) => !/^(ok {4}.|(warn|fail) {2}.* → .)/.test(line))).toEqual([]);
});
