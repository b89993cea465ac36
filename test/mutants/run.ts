/**
 * Whether the tests of the core notice mistakes in it: `npm run suite -- mutants`. Each mutant is one change in a copy of
 * the sources, and has to make `src/turn` fail. Words after it choose mutants by their names.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { closeSuite } from '../support/tally.ts';
import { MUTANTS, type Mutant } from './mutants.ts';

const ROOT = join(import.meta.dirname, '../..');
const LIMIT_MS = 120_000;

/** A copy of what the tests of src/turn need. */
async function copySources(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'respool-mutants-'));
  for (const path of ['src', 'test/support', 'test/vitest.config.ts', 'package.json', 'tsconfig.json']) {
    await cp(join(ROOT, path), join(folder, path), { recursive: true });
  }
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  return folder;
}

/** `false`: a test has failed. */
function passes(folder: string): Promise<boolean> {
  const args = [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--config',
    'test/vitest.config.ts',
    '--root',
    '.',
    'src/turn',
  ];
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: folder, timeout: LIMIT_MS }, (error) => resolve(error === null));
  });
}

async function survives(mutant: Mutant, folder: string): Promise<boolean> {
  const path = join(folder, 'src/turn', mutant.file);
  const original = await readFile(path, 'utf8');
  assert.equal(
    original.split(mutant.from).length,
    2,
    `${mutant.name}: its place is not found once in ${mutant.file}`,
  );
  await writeFile(
    path,
    original.replace(mutant.from, () => mutant.to),
  );
  const alive = await passes(folder);
  await writeFile(path, original);
  return alive;
}

async function work(queue: Mutant[], survivors: string[]): Promise<void> {
  const folder = await copySources();
  for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
    const alive = await survives(mutant, folder);
    console.log(`${alive ? 'not ok  survives: ' : 'ok      dies: '}${mutant.name}`);
    if (alive) survivors.push(mutant.name);
  }
  await rm(folder, { recursive: true, force: true });
}

const wanted = process.argv.slice(2);
const chosen = MUTANTS.filter(({ name }) => wanted.every((word) => name.includes(word)));
const unchanged = await copySources();
assert.ok(await passes(unchanged), 'the tests of src/turn fail without any mutant');
await rm(unchanged, { recursive: true, force: true });
const survivors: string[] = [];
const queue = [...chosen];
await Promise.all(Array.from({ length: availableParallelism() }, () => work(queue, survivors)));
closeSuite(chosen.length - survivors.length, survivors.length);
