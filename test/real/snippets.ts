/**
 * Every snippet as it is printed, run by the client that it is for against the built server: with the address of this
 * machine, which needs no key, and with one that does. Run with `npm run suite -- snippets`; Python's client comes from its
 * registry into a folder that is thrown away.
 */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { RequestWire } from '../../src/admin-api/request.ts';
import type { SnippetKind } from '../../src/cli/snippet.ts';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { Codex, installCodex, type Run } from '../support/codex.ts';
import { cleanEnv, Program, run } from '../support/program.ts';
import { Tally } from '../support/tally.ts';

/** What a configuration of Codex's may hold beside us: a line for the top, and a table. */
const MODEL = 'model = "gpt-5.5"\n';
const QUIET = 'check_for_update_on_startup = false\n';
const TABLES = `[analytics]\nenabled = false\n\n[features]  # as few as can be\nplugins = false\napps = false
remote_plugin = false\ndaemon_auto_start = false\n`;

const tally = new Tally();
const folder = await mkdtemp(join(tmpdir(), 'respool-snippets-'));
await using simulator = await startSimulator({
  accounts: [{ name: 'a', dialect: 'openai', token: 'sk-a' }],
});
const env = {
  ...cleanEnv(),
  NO_PROXY: '127.0.0.1,0.0.0.0',
  RESPOOL_DATA_DIR: join(folder, 'data'),
  RESPOOL_OPENAI_BASE_URL: simulator.openaiBaseUrl,
  RESPOOL_PUBLIC_HOSTS: '0.0.0.0',
};
const options = { cwd: folder, env };
const built = resolve('dist/respool.js');
await using server = new Program([process.execPath, built, 'serve'], {
  ...options,
  env: { ...env, RESPOOL_PORT: '0' },
});
const url = await server.saying(/listening\s+(http:\S+)/);
const { port } = new URL(url);

async function verb(args: readonly string[], input = '', more: NodeJS.ProcessEnv = {}): Promise<string> {
  const full = { ...options, env: { ...env, RESPOOL_PORT: port, ...more } };
  const { code, stdout, stderr } = await run([process.execPath, built, ...args], full, input);
  assert.equal(code, 0, stderr);
  return stdout;
}

/** The address that a snippet is made for, and the key that it asks its environment for. */
interface Place {
  readonly name: string;
  readonly flags: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly tenant: 'local' | 'the key';
}

async function places(): Promise<readonly Place[]> {
  await verb(['accounts', 'add', '--name', 'a'], 'sk-a\n');
  const key = (await verb(['keys', 'create', 'laptop'])).trim();
  // Leads to this machine as well, but no snippet takes it for this machine's own.
  const flags = ['--url', `http://0.0.0.0:${port}`];
  return [
    { name: 'this machine, no key', flags: [], env: {}, tenant: 'local' },
    { name: 'another address, a key', flags, env: { RSP_API_KEY: key }, tenant: 'the key' },
  ];
}

const printed = (kind: SnippetKind, place: Place) => verb(['snippet', kind, ...place.flags]);

async function log(): Promise<readonly RequestWire[]> {
  const lines = (await verb(['requests', '--json'])).trim().split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as RequestWire);
}

/** The turns that `act` has made, oldest first, as the server has noted them. */
async function rowsOf(place: Place, act: () => Promise<void>): Promise<readonly RequestWire[]> {
  const before = new Set((await log()).map((row) => row.id));
  await act();
  const fresh = (await log()).filter((row) => !before.has(row.id));
  assert.ok(fresh.length > 0, 'the server saw no turn');
  for (const row of fresh) {
    assert.equal(row.status, 'completed');
    assert.equal(row.tenant === 'local' ? 'local' : 'the key', place.tenant);
  }
  return fresh;
}

async function output(argv: readonly [string, ...string[]], place: Place): Promise<string> {
  const { code, stdout, stderr } = await run(argv, { ...options, env: { ...env, ...place.env } });
  assert.equal(code, 0, `${stdout} ${stderr}`);
  return stdout;
}

async function checkCurl(place: Place): Promise<void> {
  const text = await printed('curl', place);
  const rows = await rowsOf(place, async () => {
    const answer = JSON.parse(await output(['bash', '-c', text], place)) as Record<string, unknown>;
    assert.equal(answer['status'], 'completed');
    assert.match(JSON.stringify(answer['output']), /Say hello\./);
  });
  assert.deepEqual(
    rows.map((row) => row.door),
    ['json'],
  );
}

async function checkJavaScript(place: Place): Promise<void> {
  const file = join(folder, 'snippet.mjs');
  await writeFile(file, await printed('js', place));
  const rows = await rowsOf(place, async () => {
    assert.match(await output([process.execPath, file], place), /Say hello\./);
  });
  assert.deepEqual(
    rows.map((row) => row.door),
    ['sse'],
  );
}

async function checkPython(place: Place): Promise<void> {
  const file = join(folder, 'snippet.py');
  await writeFile(file, await printed('python', place));
  const rows = await rowsOf(place, async () => {
    const said = await output([join(folder, 'venv/bin/python'), file], place);
    assert.match(said, /My name is Ada\..*What is my name\?/);
  });
  assert.deepEqual(
    rows.map((row) => row.door),
    ['json', 'json'],
  );
}

async function installPython(): Promise<void> {
  const venv = join(folder, 'venv');
  const pip = [join(venv, 'bin/python'), '-m', 'pip', 'install', '--quiet', 'openai'] as const;
  for (const argv of [['python3', '-m', 'venv', venv], pip] as const) {
    const { code, stderr } = await run(argv, options);
    assert.equal(code, 0, stderr);
  }
}

/** Two turns, so that the second has something to remember. */
async function talk(codex: Codex, place: Place, door: 'ws' | 'sse'): Promise<void> {
  const rows = await rowsOf(place, async () => {
    ended(await codex.exec('my name is Ada'), /my name is Ada/);
    ended(await codex.resume('what is it'), /my name is Ada.*what is it/);
  });
  assert.deepEqual(new Set(rows.map((row) => row.door)), new Set([door]));
}

function ended(result: Run, words: RegExp): void {
  assert.equal(result.code, 0, `${result.stdout} ${result.stderr}`);
  assert.match(result.stdout, words);
  assert.doesNotMatch(result.stdout, /Reconnecting|Falling back/);
}

async function checkCodex(binary: string, place: Place, door: 'ws' | 'sse'): Promise<void> {
  const text = await verb(['snippet', 'codex', ...place.flags, ...(door === 'ws' ? [] : ['--http'])]);
  const config = `${MODEL}${QUIET}${text}\n${TABLES}`;
  await using codex = await Codex.prepare(binary, config, place.env);
  await talk(codex, place, door);
}

async function checkWritten(binary: string, place: Place): Promise<void> {
  const before = `# mine\r\n${MODEL}${QUIET}\n${TABLES}\t# no newline at the end`;
  await using codex = await Codex.prepare(binary, before, place.env);
  const home = { CODEX_HOME: join(codex.configPath, '..') };
  await verb(['snippet', 'codex', '--write', ...place.flags], '', home);
  await talk(codex, place, 'ws');
  await verb(['snippet', 'codex', '--undo'], '', home);
  const after = await readFile(codex.configPath);
  assert.ok(after.equals(Buffer.from(before)), after.toString());
}

try {
  await mkdir(join(folder, 'node_modules'));
  await symlink(resolve('node_modules/openai'), join(folder, 'node_modules/openai'));
  const binary = installCodex();
  await tally.check('the openai package of Python can be installed', installPython);
  for (const place of await places()) {
    await tally.check(`curl (${place.name})`, () => checkCurl(place));
    await tally.check(`JavaScript (${place.name})`, () => checkJavaScript(place));
    await tally.check(`Python (${place.name})`, () => checkPython(place));
    await tally.check(`Codex over WebSocket (${place.name})`, () => checkCodex(binary, place, 'ws'));
    await tally.check(`Codex over HTTP (${place.name})`, () => checkCodex(binary, place, 'sse'));
    await tally.check(`Codex after --write, and --undo (${place.name})`, () => checkWritten(binary, place));
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
tally.close();
