import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { ADMIN_TOKEN, type SeenRequest, startFakeAdmin, testContext } from '../../test/support/fake-admin.ts';
import { runCli } from './cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'respool-cli-'));
afterAll(() => rmSync(folder, { recursive: true }));

const account = (id: string, name: string) => ({
  id,
  name,
  kind: 'api_key',
  status: 'ready',
  plan: null,
  available_at: null,
  priority: 0,
  windows: [{ name: '5h', used_percent: 41.7, window_minutes: 300, resets_at: 1 }],
  active_turns: 2,
});
const POOL = [account('acc_1', 'first'), account('acc_2', 'twin'), account('acc_3', 'twin')];
const serve = ({ method }: SeenRequest) =>
  method === 'GET' ? { body: { data: POOL } } : { status: method === 'POST' ? 201 : 200, body: POOL[0] };

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const accessToken = `${part({})}.${part({ exp: 4_000_000_000 })}.`;
const login = { tokens: { access_token: accessToken, refresh_token: 'rt', account_id: 'ws' } };

test('add sends the key that was piped in, and the admin token', async () => {
  await using admin = await startFakeAdmin(serve);
  const context = testContext(admin.env, { stdin: 'sk-piped\n' });
  const code = await runCli(['accounts', 'add', '--name', 'first', '--priority', '5'], context);
  expect(code).toBe(0);
  expect(admin.seen).toEqual([
    {
      method: 'POST',
      path: '/api/accounts',
      authorization: `Bearer ${ADMIN_TOKEN}`,
      body: { kind: 'api_key', name: 'first', api_key: 'sk-piped', priority: 5 },
    },
  ]);
  expect(context.printed).toEqual(['first (acc_1) is ready. Used: 5h 42%.']);
});

test('add passes every option on', async () => {
  await using admin = await startFakeAdmin(serve);
  const options = ['--name', 'a', '--key', 'sk-1', '--base-url', 'http://x/v1', '--transport', 'http'];
  await runCli(['accounts', 'add', ...options], testContext(admin.env));
  const body = { kind: 'api_key', name: 'a', api_key: 'sk-1', base_url: 'http://x/v1', transport: 'http' };
  expect(admin.seen[0]?.body).toEqual(body);
});

test('add without any key is a usage error and asks the server nothing', async () => {
  await using admin = await startFakeAdmin(serve);
  expect(await runCli(['accounts', 'add', '--name', 'a'], testContext(admin.env))).toBe(2);
  expect(admin.seen).toEqual([]);
});

test('list shows a table whose columns line up', async () => {
  await using admin = await startFakeAdmin(serve);
  const context = testContext(admin.env);
  await runCli(['accounts', 'list'], context);
  const lines = context.printed.join('\n').split('\n');
  expect(lines).toHaveLength(4);
  expect(lines[1]).toContain('5h 42%');
  expect(new Set(lines.slice(1).map((line) => line.indexOf('ready')))).toEqual(
    new Set([lines[0]?.indexOf('STATUS')]),
  );
});

test('list gives the whole answer as JSON on request', async () => {
  await using admin = await startFakeAdmin(serve);
  const context = testContext(admin.env);
  await runCli(['accounts', 'list', '--json'], context);
  expect(JSON.parse(context.printed.join('\n'))).toEqual({ data: POOL });
});

test.each([
  [['pause', 'first'], { method: 'PATCH', path: '/api/accounts/acc_1', body: { paused: true } }],
  [['resume', 'acc_2'], { method: 'PATCH', path: '/api/accounts/acc_2', body: { paused: false } }],
  [['rm', 'acc_3'], { method: 'DELETE', path: '/api/accounts/acc_3' }],
])('%j finds the account by id or unique name', async (argv, expected) => {
  await using admin = await startFakeAdmin(serve);
  expect(await runCli(['accounts', ...argv], testContext(admin.env))).toBe(0);
  expect(admin.seen.at(-1)).toMatchObject(expected);
});

test.each([
  ['nobody', 'There is no account "nobody"'],
  ['twin', 'use one of the ids acc_2, acc_3'],
])('rm %s changes nothing and says why', async (name, words) => {
  await using admin = await startFakeAdmin(serve);
  const context = testContext(admin.env);
  expect(await runCli(['accounts', 'rm', name], context)).toBe(1);
  expect(context.notes.join()).toContain(words);
  expect(admin.seen.map((request) => request.method)).toEqual(['GET']);
});

test('import takes every file of a folder, names the unusable one and fails in the end', async () => {
  await using admin = await startFakeAdmin(serve);
  writeFileSync(join(folder, 'a.json'), JSON.stringify(login));
  writeFileSync(join(folder, 'b.json'), JSON.stringify({ OPENAI_API_KEY: 'sk-b' }));
  writeFileSync(join(folder, 'c.json'), 'no json');
  writeFileSync(join(folder, 'notes.txt'), 'not looked at');
  const context = testContext(admin.env);
  expect(await runCli(['accounts', 'import', folder], context)).toBe(1);
  expect(admin.seen.map((request) => request.body)).toEqual([
    { kind: 'chatgpt', auth_json: login },
    { kind: 'api_key', name: 'b', api_key: 'sk-b' },
  ]);
  expect(context.notes[0]).toMatch(/^c\.json: This is not a login/);
  expect(context.notes[1]).toContain('ends the login for both');
});

test('import reads stdin, also a list, one account at a time', async () => {
  await using admin = await startFakeAdmin(serve);
  const context = testContext(admin.env, { stdin: JSON.stringify([login, login]) });
  expect(await runCli(['accounts', 'import', '-'], context)).toBe(0);
  expect(admin.seen.map((request) => request.body)).toEqual([
    { kind: 'chatgpt', auth_json: login },
    { kind: 'chatgpt', auth_json: login },
  ]);
});

test('import without a path looks where the Codex CLI keeps its login', async () => {
  await using admin = await startFakeAdmin(serve);
  writeFileSync(join(folder, 'auth.json'), JSON.stringify(login));
  const context = testContext({ ...admin.env, CODEX_HOME: folder });
  expect(await runCli(['accounts', 'import'], context)).toBe(0);
  expect(admin.seen).toHaveLength(1);
});

test('import names a login that the server refuses and goes on with the next', async () => {
  await using admin = await startFakeAdmin(() => ({
    status: 400,
    body: { error: { message: 'No, thanks.' } },
  }));
  const [one, two] = [join(folder, 'one.json'), join(folder, 'two.json')];
  for (const path of [one, two]) writeFileSync(path, JSON.stringify(login));
  const context = testContext(admin.env);
  expect(await runCli(['accounts', 'import', one, two], context)).toBe(1);
  expect(context.notes).toEqual(['one.json: No, thanks.', 'two.json: No, thanks.']);
});

test('import of a path that is not there says so', async () => {
  const context = testContext({});
  expect(await runCli(['accounts', 'import', join(folder, 'nowhere.json')], context)).toBe(1);
  expect(context.notes.join()).toContain('nowhere.json cannot be read');
});

test('login shows the code, waits, and says what the account has', async () => {
  const login = { id: 'login_1', url: 'https://issuer/codex/device', user_code: 'ABCD-1234', expires_at: 1 };
  let looks = 0;
  await using admin = await startFakeAdmin(({ method, path }) => {
    if (path === '/api/accounts') return { body: { data: POOL } };
    if (method === 'POST') return { status: 201, body: { ...login, status: 'pending' } };
    looks += 1;
    return {
      body: {
        ...login,
        ...(looks < 2 ? { status: 'pending' } : { status: 'complete', account_id: 'acc_1' }),
      },
    };
  });
  const context = testContext(admin.env, { rounds: 5 });
  expect(await runCli(['accounts', 'login'], context)).toBe(0);
  expect(context.printed.join('\n')).toContain('ABCD-1234');
  expect(context.printed.at(-1)).toBe('first (acc_1) is ready. Used: 5h 42%.');
});

test('a browser login takes the pasted address, and a wrong one does not end it', async () => {
  const login = { id: 'login_1', url: 'https://issuer/authorize', expires_at: 1 };
  const pasted: unknown[] = [];
  await using admin = await startFakeAdmin(({ method, path, body }) => {
    if (path === '/api/accounts') return { body: { data: POOL } };
    if (path === '/api/logins') return { status: 201, body: { ...login, status: 'pending' } };
    if (method === 'POST') {
      pasted.push((body as { url: string }).url);
      if (pasted.length === 1) return { status: 400, body: { error: { message: 'another login' } } };
      return { body: { ...login, status: 'complete', account_id: 'acc_1' } };
    }
    return {
      body: {
        ...login,
        ...(pasted.length < 2 ? { status: 'pending' } : { status: 'failed', error: 'late' }),
      },
    };
  });
  const context = testContext(admin.env, { rounds: 1000, stdin: 'http://wrong\nhttp://right\n' });
  expect(await runCli(['accounts', 'login', '--browser'], context)).toBe(1);
  expect(pasted).toEqual(['http://wrong', 'http://right']);
  expect(context.notes).toContain('another login');
  expect(context.notes.at(-1)).toContain('late');
});
