import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { acquireDataLock, type DataLock, type Holder, holderOf } from './data-lock.ts';

let dataDir = '';
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'respool-lock-'));
});
afterEach(() => rmSync(dataDir, { recursive: true }));

const acquire = (role: Holder['role'], waitMs = 0) => acquireDataLock(dataDir, role, waitMs);

async function held(role: Holder['role'], waitMs?: number): Promise<DataLock> {
  const acquired = await acquire(role, waitMs);
  if (acquired.kind !== 'held') throw new Error('somebody else holds it');
  return acquired.lock;
}

/** Another process that holds the lock until it is killed. */
async function otherHolder() {
  const script = `
    const { acquireDataLock } = await import(process.argv[1]);
    const { lock } = await acquireDataLock(process.argv[2], 'server', 0);
    lock.announce('http://127.0.0.1:9');
    process.stdout.write('held');
    setInterval(() => lock, 1000);`;
  const module = fileURLToPath(new URL('./data-lock.ts', import.meta.url));
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script, module, dataDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  return child;
}

test('a lock of another process is seen with its holder, and ends with that process, however it ends', async () => {
  const child = await otherHolder();
  const holder = { pid: child.pid, role: 'server', url: 'http://127.0.0.1:9' };
  expect(holderOf(dataDir)).toEqual(holder);
  expect(await acquire('server', 60_000)).toEqual({ kind: 'taken', by: holder });
  expect(await acquire('command', 60_000)).toEqual({ kind: 'taken', by: holder });
  child.kill('SIGKILL');
  await once(child, 'exit');
  // What it has left behind says nothing any more.
  expect(existsSync(join(dataDir, 'respool.lock.json'))).toBe(true);
  expect(holderOf(dataDir)).toBeUndefined();
  using _lock = await held('server');
  expect(holderOf(dataDir)).toEqual({ pid: process.pid, role: 'server' });
  const modes = readdirSync(dataDir).map((name) => statSync(join(dataDir, name)).mode & 0o077);
  expect(modes).toEqual([0, 0]);
});

test('who waits gets the lock when a command is done with it', async () => {
  const first = await held('command');
  expect(holderOf(dataDir)).toEqual({ pid: process.pid, role: 'command' });
  expect(await acquire('command')).toMatchObject({ kind: 'taken', by: { role: 'command' } });
  const second = held('server', 60_000);
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  (await second).announce('http://127.0.0.1:9');
  expect(holderOf(dataDir)?.url).toBe('http://127.0.0.1:9');
  (await second)[Symbol.dispose]();
  expect(holderOf(dataDir)).toBeUndefined();
});

test('looking for the holder makes nothing, and no look disturbs a lock', async () => {
  expect(holderOf(join(dataDir, 'nowhere'))).toBeUndefined();
  expect(holderOf(dataDir)).toBeUndefined();
  writeFileSync(join(dataDir, 'respool.lock.json'), '{"pid":1,"role":"server"}\n');
  expect(holderOf(dataDir)).toBeUndefined();
  expect(readdirSync(dataDir)).toEqual(['respool.lock.json']);
  using _lock = await held('server');
  for (let n = 0; n < 3; n += 1) expect(holderOf(dataDir)?.pid).toBe(process.pid);
  expect(await acquire('server')).toMatchObject({ kind: 'taken' });
});

test('a directory that cannot be made is named', async () => {
  writeFileSync(join(dataDir, 'file'), '');
  await expect(acquireDataLock(join(dataDir, 'file/below'), 'server', 0)).rejects.toThrow(
    /file\/below.*check that the directory exists/,
  );
});
