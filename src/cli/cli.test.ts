import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { ADMIN_TOKEN, startFakeAdmin, testContext } from '../../test/support/fake-admin.ts';
import { baseUrl } from '../server/base-url.ts';
import { adminApi } from './admin-client.ts';
import { runCli } from './cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'respool-cli-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A port on which nobody listens, because whoever did has just left. */
async function freePort(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return String(port);
}

test.each([
  [[], 2],
  [['--help'], 0],
  [['--version'], 0],
  [['accounts', 'add', '--help'], 0],
  [['nonsense'], 2],
  [['status', '--nonsense'], 2],
  [['accounts', 'add'], 2],
  [['accounts', 'add', '--name', 'a', '--priority', 'high'], 2],
  [['keys', 'create', 'a', '--expires', 'someday'], 2],
  [['snippet', 'cobol'], 2],
])('%j exits with %i', async (argv, code) => {
  expect(await runCli(argv, testContext({}))).toBe(code);
});

test('help goes to stdout and names every verb', async () => {
  const context = testContext({});
  await runCli(['--help'], context);
  for (const verb of ['serve', 'demo', 'accounts', 'keys', 'sessions', 'requests', 'status', 'snippet']) {
    expect(context.printed.join('\n')).toContain(`  ${verb}`);
  }
});

test('a bad environment exits with 78 and lists every problem', async () => {
  const context = testContext({ RESPOOL_PORT: 'x', RESPOOL_PROT: '1' });
  expect(await runCli(['status'], context)).toBe(78);
  expect(context.notes.join()).toMatch(/RESPOOL_PROT.*RESPOOL_PORT is not/s);
});

test('without a server a verb says how to start one', async () => {
  const port = await freePort();
  const context = testContext({ RESPOOL_PORT: port, RESPOOL_DATA_DIR: folder });
  expect(await runCli(['status'], context)).toBe(1);
  expect(context.notes).toEqual([
    `No server listens at http://127.0.0.1:${port}: start it with "npm start".`,
  ]);
});

test('without a server the offline way is taken when there is one', async () => {
  const asked: unknown[] = [];
  const offline = async () => ({ request: async (...request: unknown[]) => asked.push(request) });
  const api = adminApi({ RESPOOL_PORT: await freePort(), RESPOOL_ADMIN_TOKEN: 'x' }, offline);
  await api.request('POST', '/api/keys', { name: 'a' });
  expect(asked).toEqual([['POST', '/api/keys', { name: 'a' }]]);
});

test('the token comes from the data directory unless the environment has one', async () => {
  await using admin = await startFakeAdmin(() => ({ body: {} }));
  writeFileSync(join(folder, 'admin-token'), 'stored\n');
  const { RESPOOL_PORT = '' } = admin.env;
  await runCli(['status'], testContext({ RESPOOL_PORT, RESPOOL_DATA_DIR: folder }));
  await runCli(['status'], testContext({ ...admin.env, RESPOOL_DATA_DIR: folder }));
  expect(admin.seen.map((request) => request.authorization)).toEqual([
    'Bearer stored',
    `Bearer ${ADMIN_TOKEN}`,
  ]);
});

test.each([
  [401, undefined, 'did not accept the admin token'],
  [404, { error: { message: 'No such session.' } }, 'No such session.'],
  [500, undefined, 'The server answered 500'],
])('an answer of %i is one sentence on stderr', async (status, body, words) => {
  await using admin = await startFakeAdmin(() => ({ status, body }));
  const context = testContext(admin.env);
  expect(await runCli(['sessions', 'release', 's1'], context)).toBe(1);
  expect(context.notes).toEqual([expect.stringContaining(words)]);
});

test('an answer in another shape is a failure, not a crash', async () => {
  await using admin = await startFakeAdmin(() => ({ body: { data: [{ id: 1 }] } }));
  const context = testContext(admin.env);
  expect(await runCli(['keys', 'list'], context)).toBe(1);
  expect(context.notes.join()).toContain('data.0.id');
});

test.each([
  ['0.0.0.0', 'http://127.0.0.1:1'],
  ['::', 'http://[::1]:1'],
  ['::1', 'http://[::1]:1'],
  ['pool.example', 'http://pool.example:1'],
])('a server that listens on %s is called at %s', (host, url) => {
  expect(baseUrl({ host, port: 1 })).toBe(url);
});
