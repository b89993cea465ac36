/** Servers as processes of their own: how a start fails, and who owns a data directory. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runCli } from '../../src/cli/cli.ts';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { post } from '../support/doors.ts';
import { offlineContext } from '../support/fake-admin.ts';
import { cleanEnv, Program, run } from '../support/program.ts';

const SERVE = [process.execPath, join(import.meta.dirname, '../../src/main.ts'), 'serve'] as const;

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'respool-start-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const envOf = (env: Record<string, string>) => ({
  ...cleanEnv(),
  RESPOOL_DATA_DIR: join(folder, 'data'),
  RESPOOL_PORT: '0',
  RESPOOL_LOG_LEVEL: 'silent',
  ...env,
});

/** A start that fails; the process has to end by itself. */
async function failedStart(env: Record<string, string>) {
  const { code, stdout, stderr } = await run(SERVE, { cwd: folder, env: envOf(env) });
  expect(stdout).toBe('');
  expect(stderr).not.toMatch(/^ +at /m);
  expect(stderr.trim().split('\n')).toHaveLength(1);
  return { code, said: stderr };
}

async function takenPort() {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const port = String((other.address() as AddressInfo).port);
  return { port, [Symbol.dispose]: () => void other.close() };
}

test('a server that cannot listen says one sentence with the mend, and its process ends', async () => {
  using taken = await takenPort();
  const { code, said } = await failedStart({ RESPOOL_PORT: taken.port });
  expect(code).toBe(1);
  expect(said).toMatch(/in use.*set RESPOOL_PORT/);
});

test('a running server owns its data directory, is found through it, and a second signal ends it at once', async () => {
  await using simulator = await startSimulator({
    accounts: [{ name: 'a', dialect: 'openai', token: 'sk-a' }],
  });
  simulator.setDefault('a', { fault: { kind: 'silence', at: 'before_created' } });
  const env = envOf({ RESPOOL_OPENAI_BASE_URL: simulator.openaiBaseUrl });
  await using server = new Program(SERVE, { cwd: folder, env });
  const url = await server.saying(/listening\s+(http:\S+)/);
  // The verbs are told the directory only; on the usual port there is somebody else, or nobody.
  const context = offlineContext({ RESPOOL_DATA_DIR: join(folder, 'data') });
  const second = await failedStart({});
  expect(second.code).toBe(1);
  expect(second.said).toContain(`process id ${server.pid} at ${url}:`);
  expect(await runCli(['accounts', 'add', '--name', 'a', '--key', 'sk-a'], context)).toBe(0);
  expect(await runCli(['status'], context)).toBe(0);
  expect(await runCli(['db', 'restore', 'nothing.db'], context)).toBe(1);
  expect(context.notes).toEqual([expect.stringContaining(`process id ${server.pid} at ${url}: stop it`)]);
  const turn = post(url, { model: 'gpt-5.5', input: 'hello' }).catch(() => 'cut off');
  await simulator.waitFor(({ seen }) => seen.length > 0);
  process.kill(Number(server.pid), 'SIGTERM');
  await expect.poll(() => fetch(`${url}/readyz`).then(({ status }) => status)).toBe(503);
  expect(await server.stop()).toBe(1);
  expect(await turn).toBe('cut off');
  expect(await runCli(['accounts', 'list'], context)).toBe(0);
  expect(context.notes.at(-1)).toMatch(/^No server runs/);
});
