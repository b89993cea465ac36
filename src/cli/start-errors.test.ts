import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createLog } from '../log.ts';
import { ExitError } from '../server/exit-error.ts';
import { startServer } from '../server/server.ts';
import { holderOf } from '../store/database/data-lock.ts';
import { settingsFrom } from './settings.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'respool-start-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** How the start ends that should not succeed. */
async function startedWith(env: Readonly<Record<string, string>>): Promise<ExitError> {
  try {
    const settings = { RESPOOL_DATA_DIR: join(folder, 'data'), RESPOOL_PORT: '0', ...env };
    const server = await startServer(settingsFrom(settings), createLog('silent'));
    await server.stop();
  } catch (error) {
    if (error instanceof ExitError) return error;
    throw error;
  }
  throw new Error('the server has started');
}

const key = (): string => randomBytes(32).toString('base64');

test('every setting that is wrong is named at once', async () => {
  const stop = await startedWith({ RESPOOL_PORT: 'http', RESPOOL_LOG_LEVEL: 'loud', RESPOOL_PROT: '1' });
  expect(stop.exitCode).toBe(78);
  for (const name of ['RESPOOL_PORT', 'RESPOOL_LOG_LEVEL', 'RESPOOL_PROT'])
    expect(stop.message).toContain(name);
});

test('a port in use is named, and what to do about it', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const port = String((other.address() as AddressInfo).port);
  const stop = await startedWith({ RESPOOL_PORT: port });
  other.close();
  expect(stop.message).toMatch(new RegExp(`^Port ${port} is in use\\. Stop .* or set RESPOOL_PORT`));
  expect(stop.exitCode).toBe(1);
});

test('a start that fails gives back what it had opened', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const threads = () =>
    process.getActiveResourcesInfo().filter((name) => /^(MessagePort|Worker)$/.test(name));
  const before = threads();
  await startedWith({ RESPOOL_PORT: String((other.address() as AddressInfo).port) });
  expect(threads()).toEqual(before);
  other.close();
  expect(holderOf(join(folder, 'data'))).toBeUndefined();
});

test('a data directory in use is named, with the process and the address of its server', async () => {
  const settings = settingsFrom({ RESPOOL_DATA_DIR: join(folder, 'data'), RESPOOL_PORT: '0' });
  const server = await startServer(settings, createLog('silent'));
  const stop = await startedWith({});
  await server.stop();
  expect(stop.exitCode).toBe(1);
  expect(stop.message).toContain(`process id ${process.pid} at ${server.url}: stop it`);
  await (await startServer(settings, createLog('silent'))).stop();
});

test('an address of no interface is named', async () => {
  const stop = await startedWith({ RESPOOL_HOST: '192.0.2.1' });
  expect(stop.message).toMatch(/192\.0\.2\.1.*Set RESPOOL_HOST/);
});

test('a name that no address has is named', async () => {
  const stop = await startedWith({ RESPOOL_HOST: 'no-such-host.invalid' });
  // Without any name service the machine cannot tell.
  expect([1, 78]).toContain(stop.exitCode);
  expect(stop.message).toMatch(/^[^\n]*no-such-host\.invalid.*Set RESPOOL_HOST/);
});

test('a migration that fails is named, and what to go back to', async () => {
  const settings = settingsFrom({ RESPOOL_DATA_DIR: join(folder, 'data'), RESPOOL_PORT: '0' });
  await (await startServer(settings, createLog('silent'))).stop();
  const db = new Database(join(folder, 'data/respool.db'));
  // As if its tables were there without it.
  const newest = 'select max(created_at) from __drizzle_migrations';
  db.exec(`delete from __drizzle_migrations where created_at = (${newest})`);
  db.close();
  const stop = await startedWith({});
  expect(stop.exitCode).toBe(1);
  expect(stop.message).toMatch(/could not be brought to this version.*restore the newest copy in .*backups/);
});

test('what nobody has thought of is one sentence, too', async () => {
  const log = createLog('silent');
  const settings = settingsFrom({ RESPOOL_DATA_DIR: join(folder, 'data'), RESPOOL_PORT: '0' });
  const broken = { ...settings, trustedProxies: ['not\nan address'] };
  const stop = await startServer(broken, log).catch((error: unknown) => error as ExitError);
  expect(stop).toMatchObject({
    exitCode: 1,
    message: expect.stringMatching(/^respool cannot start \(.*report it\.$/),
  });
});

test('another secret key than that of the database is refused, and nothing is changed', async () => {
  const env = { RESPOOL_SECRET_KEY: key() };
  const settings = { RESPOOL_DATA_DIR: join(folder, 'data'), RESPOOL_PORT: '0', ...env };
  await (await startServer(settingsFrom(settings), createLog('silent'))).stop();
  const before = await readFile(join(folder, 'data/respool.db'));
  const stop = await startedWith({ RESPOOL_SECRET_KEY: key() });
  expect(stop.exitCode).toBe(78);
  expect(stop.message).toMatch(/secret key/i);
  expect((await readFile(join(folder, 'data/respool.db'))).equals(before)).toBe(true);
});

test('a file that is no database is refused, and left as it is', async () => {
  const garbage = Buffer.alloc(8192, 'not a database ');
  await mkdir(join(folder, 'data'));
  await writeFile(join(folder, 'data/respool.db'), garbage);
  const stop = await startedWith({});
  expect(stop.exitCode).toBe(78);
  expect(stop.message).toMatch(/move it away or restore a backup/);
  expect((await readFile(join(folder, 'data/respool.db'))).equals(garbage)).toBe(true);
});

test.each([
  ['is a file', 'file'],
  ['cannot be made', 'file/data'],
])('a data directory that %s is named', async (_, path) => {
  await writeFile(join(folder, 'file'), '');
  const stop = await startedWith({ RESPOOL_DATA_DIR: join(folder, path) });
  expect(stop.exitCode).toBe(78);
  expect(stop.message).toContain(join(folder, path));
});
