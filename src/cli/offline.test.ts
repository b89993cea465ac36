import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { offlineContext } from '../../test/support/fake-admin.ts';
import { temporaryStore, transcriptNode, turnOf } from '../../test/support/temporary-store.ts';
import { makeWorld } from '../../test/support/world.ts';
import { runCli } from './cli.ts';

let dataDir = '';
let env: Record<string, string> = {};
beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'respool-offline-'));
  env = { RESPOOL_DATA_DIR: dataDir, RESPOOL_PORT: await freePort() };
});
afterEach(() => rmSync(dataDir, { recursive: true }));

/** A port on which nobody listens, because whoever did has just left. */
async function freePort(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return String(port);
}

async function run(...argv: string[]) {
  const context = offlineContext(env);
  const code = await runCli(argv, context);
  return { code, out: context.printed.join('\n'), notes: context.notes.join('\n') };
}

test('accounts are added, paused, listed and removed without a server', async () => {
  expect(await run('accounts', 'add', '--name', 'main', '--key', 'sk-1')).toMatchObject({ code: 0 });
  expect((await run('accounts', 'pause', 'main')).out).toContain('is paused');
  const list = await run('accounts', 'list');
  expect(list.out).toMatch(/main +api_key .* paused/);
  expect(list.notes).toBe(`No server runs; this is the database in ${dataDir}.`);
  expect((await run('accounts', 'rm', 'main')).code).toBe(0);
  expect((await run('accounts', 'list')).notes).toContain('No account yet');
});

test('login files are imported without a server', async () => {
  const file = join(dataDir, 'key.json');
  writeFileSync(file, JSON.stringify({ OPENAI_API_KEY: 'sk-b' }));
  expect((await run('accounts', 'import', file)).out).toMatch(/^key \(acc_\w+\) is ready\.$/);
});

test('a key made without a server is listed and revoked without one', async () => {
  expect((await run('keys', 'create', 'laptop')).out).toMatch(/^rsp_/);
  expect((await run('keys', 'list')).out).toContain('laptop');
  expect((await run('keys', 'revoke', 'laptop')).code).toBe(0);
});

test('the request log is read without a server', async () => {
  await using temporary = await temporaryStore({ dataDir });
  await temporary.store.commitTurn(turnOf(transcriptNode('r1')));
  await temporary.store.close();
  expect((await run('requests', '--limit', '5')).out).toContain('request r1');
  await temporary.reopen();
});

test('without a server there is no session, and a remark says why', async () => {
  await run('keys', 'create', 'laptop');
  const { out, notes } = await run('sessions', 'list');
  expect(out).toBe('');
  expect(notes).toMatch(/No server runs.*No session is held/s);
});

test('what only a server can do says so', async () => {
  await run('keys', 'create', 'laptop');
  for (const argv of [['status'], ['sessions', 'release', 's1'], ['accounts', 'login']]) {
    const { code, notes } = await run(...argv);
    expect([code, notes]).toEqual([1, expect.stringMatching(/^No server listens at .* start it/)]);
  }
});

test('a list without a server and without a database makes no data directory', async () => {
  expect(await run('accounts', 'list')).toMatchObject({
    code: 1,
    notes: expect.stringContaining('npm start'),
  });
  expect(readdirSync(dataDir)).toEqual([]);
});

test('a refusal reads as it does from a server', async () => {
  const { code, notes } = await run('accounts', 'add', '--name', 'a', '--key', 'k', '--proxy', 'ftp://x');
  expect(code).toBe(1);
  expect(notes).toContain('proxy');
});

test('a wrong secret key ends the verb with exit code 78', async () => {
  await run('keys', 'create', 'laptop');
  env = { ...env, RESPOOL_SECRET_KEY: Buffer.alloc(32, 1).toString('base64') };
  expect(await run('keys', 'list')).toMatchObject({
    code: 78,
    notes: expect.stringContaining('secret key does not fit'),
  });
});

test('a server that starts in between answers the next request', async () => {
  await using world = await makeWorld({ kind: 'api_key', names: ['a'] });
  env = { ...env, RESPOOL_PORT: new URL(world.url).port, RESPOOL_ADMIN_TOKEN: world.adminToken };
  const { out, notes } = await run('accounts', 'list');
  expect(out).toMatch(/ a +api_key/);
  expect(notes).toBe('');
});

test('two verbs at once wait for each other', async () => {
  const names = ['one', 'two', 'three'];
  const made = await Promise.all(names.map((name) => run('keys', 'create', name)));
  expect(made.map(({ code }) => code)).toEqual([0, 0, 0]);
  const { out } = await run('keys', 'list');
  for (const name of names) expect(out).toContain(name);
});

test('a server is found by its data directory alone, and nothing is opened beside it', async () => {
  await using world = await makeWorld({ kind: 'api_key', names: ['a'] });
  env = { RESPOOL_DATA_DIR: world.dataDir };
  const { out, notes } = await run('accounts', 'list');
  expect(out).toMatch(/ a +api_key/);
  expect(notes).toBe('');
  expect((await run('status')).code).toBe(0);
  expect((await run('db', 'backup')).out).toContain(world.dataDir);
  expect((await run('snippet', 'curl')).out).toContain(world.url);
});

test('the server of another data directory is left alone, whatever listens at the address', async () => {
  await using world = await makeWorld({ kind: 'api_key', names: ['theirs'] });
  await run('accounts', 'add', '--name', 'ours', '--key', 'sk-1');
  env = { ...env, RESPOOL_PORT: new URL(world.url).port };
  const { out, notes } = await run('accounts', 'list');
  expect(out).toMatch(/ours/);
  expect(out).not.toMatch(/theirs/);
  expect(notes).toContain('No server runs');
});

test('a copy is made, and put back, while no server runs', async () => {
  await run('keys', 'create', 'laptop');
  const copy = join(dataDir, 'copy.db');
  expect((await run('db', 'backup', copy)).code).toBe(0);
  expect((await run('db', 'check', copy)).code).toBe(0);
  expect((await run('db', 'restore', copy)).code).toBe(0);
  expect((await run('keys', 'list')).out).toContain('laptop');
});
