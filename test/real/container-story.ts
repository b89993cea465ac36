/** The life of one container, from its first start to the one after a stop. container.ts builds what it runs. */
import assert from 'node:assert/strict';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { durationMs, readCompose, serviceOf } from '../support/compose.ts';
import { Container, insideOf } from '../support/container.ts';
import { imageOf, readDockerfile, said } from '../support/dockerfile.ts';
import { idOf, openDoor, post, textOf } from '../support/doors.ts';
import type { Program } from '../support/program.ts';
import { Tally } from '../support/tally.ts';

const URL_INSIDE = 'http://127.0.0.1:8411';
/** Opens a file for writing at each path and tells what came of it. */
const TRY_TO_WRITE = `for (const path of process.argv.slice(1)) {
  try { fs.writeFileSync(path, ''); console.log(path, 'written'); } catch (e) { console.log(path, e.code); }
}`;

const root = String(process.argv[2]);
const stage = imageOf(readDockerfile(await readFile('docker/Dockerfile', 'utf8')));
const service = serviceOf(readCompose(await readFile('docker/compose.yaml', 'utf8')), 'respool');
const graceMs = durationMs(service['stop_grace_period']);
const tally = new Tally();
await using simulator = await startSimulator({
  accounts: [{ name: 'a', dialect: 'openai', token: 'sk-a' }],
});
// A named volume begins as what the image has there, its owner included.
const volume = join(root, said(stage, 'VOLUME'));
const container = await Container.create({ root, stage }, service, volume, {
  RESPOOL_OPENAI_BASE_URL: simulator.openaiBaseUrl,
});

async function checkContent(): Promise<void> {
  const entries = await readdir(join(root, said(stage, 'WORKDIR')));
  assert.deepEqual(entries.sort(), ['LICENSE', 'dist', 'node_modules', 'package.json']);
  const modules = await readdir(join(root, 'app/node_modules'));
  assert.ok(modules.includes('better-sqlite3') && !modules.includes('vitest'), modules.join(' '));
}

async function statusOf(pid: number): Promise<Readonly<Record<string, string>>> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8');
  return Object.fromEntries(text.split('\n').map((line) => line.split(/:\s*/, 2)));
}

async function checkRights(pid: number): Promise<void> {
  const status = await statusOf(pid);
  const { uid } = await stat(volume);
  assert.notEqual(uid, 0);
  assert.deepEqual(new Set(status['Uid']?.split('\t')), new Set([String(uid)]));
  for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) {
    assert.match(String(status[set]), /^0+$/, set);
  }
  assert.equal(status['NoNewPrivs'], '1');
}

async function checkLimits(pid: number): Promise<void> {
  const { openFiles } = container;
  const limits = await readFile(`/proc/${pid}/limits`, 'utf8');
  assert.match(limits, new RegExp(`^Max open files +${openFiles} +${openFiles} `, 'm'));
}

async function checkWrites(): Promise<void> {
  const allowed = ['/data/x', '/tmp/x'];
  const refused = ['/x', '/app/x', '/app/dist/x', '/etc/x', '/usr/x', '/usr/local/x', '/home/x'];
  const { stdout } = await container.exec(['node', '-e', TRY_TO_WRITE, ...allowed, ...refused]);
  for (const path of allowed) assert.match(stdout, new RegExp(`^${path} written$`, 'm'));
  for (const path of refused) assert.match(stdout, new RegExp(`^${path} (EROFS|ENOENT)$`, 'm'));
}

async function firstLife(server: Program): Promise<{ readonly key: string; readonly id: string }> {
  const key = await server.saying(/first key\s+(rsp_\w+)/);
  const pid = await insideOf(server);
  const bearer = { authorization: `Bearer ${key}` };
  let id = '';
  await tally.check('it starts, says where it is, and accepts work', async () => {
    assert.equal((await fetch(`${URL_INSIDE}/readyz`)).status, 200);
  });
  await tally.check('the health check of the image exits with 0', async () => {
    const { code, stderr } = await container.healthCheck();
    assert.equal(code, 0, stderr);
  });
  await tally.check('it is an ordinary user without any capability', () => checkRights(pid));
  const { nofile } = service['ulimits'] as { nofile: string };
  const files = `${container.openFiles} files (compose says ${nofile})`;
  await tally.check(`it may open ${files}`, () => checkLimits(pid));
  await tally.check('only the volume and /tmp can be written', checkWrites);
  await tally.check('an account is added by a verb inside', async () => {
    const verb = ['node', 'dist/respool.js', 'accounts', 'add', '--name', 'a'] as const;
    const { code, stderr } = await container.exec(verb, 'sk-a\n');
    assert.equal(code, 0, stderr);
  });
  await tally.check('a turn goes through with the first key, and not with another', async () => {
    const body = { model: 'gpt-5.5', input: 'my name is Ada' };
    const refused = await post(URL_INSIDE, body, { authorization: `Bearer ${key}x` });
    assert.equal(refused.status, 401);
    const answer = await post(URL_INSIDE, body, bearer);
    assert.equal(answer.status, 200);
    id = idOf(answer);
  });
  await tally.check('SIGTERM lets a running turn end, then the server, with exit code 0', async () => {
    await stopDuringATurn(server, pid, bearer);
  });
  return { key, id };
}

async function stopDuringATurn(server: Program, pid: number, bearer: Record<string, string>): Promise<void> {
  simulator.script('a', { deltas: 20, paceMs: 25 });
  const before = simulator.seen.length;
  await using door = await openDoor('sse', URL_INSIDE, bearer);
  const running = door.turn({ input: 'take your time' });
  await simulator.waitFor(({ seen }) => seen.length > before);
  const [code, answer] = await Promise.all([server.stop(pid, graceMs), running]);
  assert.equal(answer.response?.['status'], 'completed');
  assert.equal(code, 0, server.said);
}

async function secondLife(server: Program, key: string, id: string): Promise<void> {
  await server.saying(/listening/);
  await tally.check('it has the same account and key after a restart on the same volume', async () => {
    assert.match(server.said, /accounts\s+1 of 1 ready/);
    assert.doesNotMatch(server.said, /first key/);
  });
  await tally.check('a conversation goes on by previous_response_id', async () => {
    const body = { model: 'gpt-5.5', input: 'what is it?', previous_response_id: id };
    const answer = await post(URL_INSIDE, body, { authorization: `Bearer ${key}` });
    assert.equal(answer.status, 200);
    assert.match(textOf(answer), /my name is Ada.*what is it/);
  });
  await tally.check('SIGTERM ends it in time when nothing runs', async () => {
    assert.equal(await server.stop(await insideOf(server), graceMs), 0);
  });
}

await tally.check('the image holds what serves, and nothing that builds or tests', checkContent);
await tally.check('the container lives, and lives again', async () => {
  await using first = container.start();
  const { key, id } = await firstLife(first);
  await using second = container.start();
  await secondLife(second, key, id);
});
tally.close();
