/**
 * What `npm pack` makes, installed into an empty folder and used from there as anybody would with `npx respool`.
 * Run with `npm run suite -- package`; packing builds, and npm asks its registry for what its cache does not hold.
 */
import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { cleanEnv, Program, type ProgramOptions, run } from '../support/program.ts';
import { Tally } from '../support/tally.ts';

/** The package itself and what it brings. */
const MAX_PACKAGES = 5;
const BESIDE_DIST = ['LICENSE', 'README.md', 'package.json'];
const OLD_NODE =
  'data:text/javascript,' +
  encodeURIComponent(
    "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.20.2' } })",
  );

const tally = new Tally();
const folder = await mkdtemp(join(tmpdir(), 'respool-package-'));
const home = join(folder, 'anywhere');
await mkdir(home);

interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

async function pack(): Promise<Packed> {
  const options = { cwd: process.cwd(), env: cleanEnv() };
  const { code, stdout, stderr } = await run(
    ['npm', 'pack', '--json', '--pack-destination', folder],
    options,
  );
  assert.equal(code, 0, stderr);
  const [packed] = JSON.parse(stdout.slice(stdout.search(/^\[/m))) as Packed[];
  assert.ok(packed !== undefined);
  return packed;
}

async function checkFiles(packed: Packed): Promise<void> {
  const dist = await readdir('dist', { recursive: true, withFileTypes: true });
  const built = dist
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.map'))
    .map((entry) => join(entry.parentPath, entry.name));
  const migrations = await readdir('migrations', { recursive: true });
  for (const name of migrations.filter((path) => /\.\w+$/.test(path))) {
    assert.ok(built.includes(join('dist/migrations', name)), `the build left out ${name}`);
  }
  assert.deepEqual(packed.files.map(({ path }) => path).sort(), [...BESIDE_DIST, ...built].sort());
}

async function install(packed: Packed): Promise<void> {
  const flags = ['--prefer-offline', '--no-audit', '--no-fund', '--prefix', home];
  const { code, stderr } = await run(['npm', 'install', join(folder, packed.filename), ...flags], {
    cwd: home,
    env: cleanEnv(),
  });
  assert.equal(code, 0, stderr);
}

async function checkInstalled(): Promise<void> {
  const lock = JSON.parse(await readFile(join(home, 'node_modules/.package-lock.json'), 'utf8')) as {
    packages: Record<string, { readonly hasInstallScript?: boolean }>;
  };
  const names = Object.keys(lock.packages);
  assert.ok(names.length <= MAX_PACKAGES, names.join(', '));
  for (const [name, { hasInstallScript }] of Object.entries(lock.packages)) {
    assert.notEqual(hasInstallScript, true, `${name} runs a script when it is installed`);
  }
  const sqlite = await readdir(join(home, 'node_modules/better-sqlite3'));
  assert.ok(!sqlite.includes('build'), 'SQLite was compiled');
}

/** An older Node must get no further than the one file that says so. */
async function checkOldNode(): Promise<void> {
  const bin = join(home, 'node_modules/respool/dist/respool.js');
  const text = await readFile(bin, 'utf8');
  assert.match(text, /^#!\/usr\/bin\/env node\n/);
  const linked = Array.from(text.matchAll(/\b(?:from|import) ?["']([^"']+)["']/g), ([, name]) => name);
  for (const name of linked) assert.match(String(name), /^node:/);
  const argv = [process.execPath, '--import', OLD_NODE, bin, 'serve'] as const;
  const { code, stdout, stderr } = await run([...argv], { cwd: home, env: cleanEnv() });
  assert.equal(code, 1);
  assert.equal(stdout, '');
  assert.match(stderr, /^respool needs Node 24 or newer; this is 20\.20\.2\..*\n$/);
}

async function respool(verb: readonly string[], options: ProgramOptions, input = ''): Promise<string> {
  const { code, stdout, stderr } = await run(['npx', 'respool', ...verb], options, input);
  assert.equal(code, 0, stderr);
  return stdout;
}

async function turn(url: string, key?: string): Promise<string> {
  const answer = await fetch(`${url}/v1/responses`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(key && { authorization: `Bearer ${key}` }) },
    body: '{"model":"gpt-5.5","input":"hello from a package"}',
  });
  const text = await answer.text();
  assert.equal(answer.status, 200, text);
  return text;
}

async function checkUse(): Promise<void> {
  await using simulator = await startSimulator({
    accounts: [{ name: 'a', dialect: 'openai', token: 'sk-a' }],
  });
  const settings = {
    RESPOOL_DATA_DIR: join(folder, 'data'),
    RESPOOL_OPENAI_BASE_URL: simulator.openaiBaseUrl,
    RESPOOL_PORT: '0',
  };
  const options = { cwd: home, env: { ...cleanEnv(), ...settings } };
  // npx keeps signals to itself, so the server is started as npx would start it.
  await using server = new Program([join(home, 'node_modules/.bin/respool'), 'serve'], options);
  const url = await server.saying(/listening\s+(http:\S+)/);
  const desk = { ...options, env: { ...options.env, RESPOOL_PORT: new URL(url).port } };
  await tally.check('accounts add reads a key from stdin', async () => {
    await respool(['accounts', 'add', '--name', 'a'], desk, 'sk-a\n');
  });
  await tally.check('a turn is served', async () => {
    assert.match(await turn(url), /user: hello from a package/);
  });
  await tally.check('status knows the server', async () => {
    assert.match(await respool(['status'], desk), /version: 0\.\d+\.\d+/);
  });
  await tally.check('keys create prints a key that serves', async () => {
    const key = (await respool(['keys', 'create', 'laptop'], desk)).trim();
    assert.match(key, /^rsp_\w+$/);
    await turn(url, key);
  });
  await tally.check('SIGTERM ends it with exit code 0', async () => {
    assert.equal(await server.stop(), 0, server.said);
  });
}

/** What a clone needs to serve once it was built, without what building took. */
async function checkProduction(): Promise<void> {
  const clone = join(folder, 'clone');
  for (const name of ['package.json', 'package-lock.json', 'dist']) {
    await cp(name, join(clone, name), { recursive: true });
  }
  const options = { cwd: clone, env: { ...cleanEnv(), RESPOOL_PORT: '0' } };
  const installed = await run(['npm', 'ci', '--omit=dev', '--prefer-offline', '--no-audit'], options);
  assert.equal(installed.code, 0, installed.stderr);
  await using server = new Program([process.execPath, 'dist/respool.js', 'serve'], options);
  const url = await server.saying(/listening\s+(http:\S+)/);
  assert.equal((await fetch(`${url}/readyz`)).status, 200);
  assert.equal(await server.stop(), 0, server.said);
}

try {
  const packed = await pack();
  await tally.check('the package holds dist, and three files beside it', () => checkFiles(packed));
  await tally.check('it can be installed into an empty folder', () => install(packed));
  await tally.check(`at most ${MAX_PACKAGES} packages come, and none runs a script`, checkInstalled);
  await tally.check('an older Node is told so in one sentence', checkOldNode);
  await tally.check('it serves from there', checkUse);
  await tally.check('npm ci --omit=dev is enough for the built server', checkProduction);
} finally {
  await rm(folder, { recursive: true, force: true });
}
tally.close();
