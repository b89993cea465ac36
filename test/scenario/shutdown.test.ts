import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { openSocket, post, readAnswer } from '../support/doors.ts';
import { Program } from '../support/program.ts';
import { makeWorld } from '../support/world.ts';

/** More than the kernel takes of a reader that does not read, in one event. */
const LARGE = { deltas: 1, deltaBytes: 8_000_000 } as const;
const ENDS_WITHIN_MS = 10_000;

test('a server that was told to end ends, also after an answer that its reader made wait', async () => {
  await using simulator = await startSimulator({
    accounts: [{ name: 'a', dialect: 'openai', token: 'sk-a' }],
  });
  const dataDir = await mkdtemp(join(tmpdir(), 'respool-test-'));
  await using server = new Program([process.execPath, 'src/main.ts', 'serve'], {
    cwd: process.cwd(),
    env: {
      PATH: process.env['PATH'],
      RESPOOL_DATA_DIR: dataDir,
      RESPOOL_PORT: '0',
      RESPOOL_OPENAI_BASE_URL: simulator.openaiBaseUrl,
      RESPOOL_ADMIN_TOKEN: 'admin',
    },
  });
  const url = await server.saying(/listening\s+(http:\S+)/);
  await fetch(`${url}/api/accounts`, {
    method: 'POST',
    headers: { authorization: 'Bearer admin', 'content-type': 'application/json' },
    body: JSON.stringify({ kind: 'api_key', name: 'a', api_key: 'sk-a' }),
  });
  simulator.setDefault('a', LARGE);
  const answer = await post(url, { model: 'gpt-5.5', input: 'all', stream: true });
  expect(answer.events.at(-1)?.type).toBe('response.completed');
  expect(await server.stop(undefined, ENDS_WITHIN_MS)).toBe(0);
  await rm(dataDir, { recursive: true, force: true });
});

test('a server that ends lets answers be read to their end, and then closes sockets', async () => {
  await using world = await makeWorld({ kind: 'api_key', names: ['a'], env: { RESPOOL_DRAIN_MS: '10000' } });
  world.simulator.setDefault('a', LARGE);
  const ask = (stream: boolean): Promise<Response> =>
    fetch(`${world.url}/v1/responses`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'gpt-5.5', input: 'all', stream }),
    });
  await using client = await openSocket(world.url);
  const closed = new Promise<number>((resolve) => client.socket.once('close', resolve));
  client.send({ type: 'response.create', model: 'gpt-5.5', input: 'all' });
  await client.next((event) => event.type === 'response.created');
  client.socket.pause();
  const answers = await Promise.all([ask(false), ask(true)]);
  const again = world.restart();
  for (const { response } of await Promise.all(answers.map(readAnswer))) {
    expect(response).toMatchObject({ status: 'completed' });
  }
  client.socket.resume();
  await client.next((event) => event.type === 'response.completed');
  expect(await closed).toBe(1001);
  await again;
});
