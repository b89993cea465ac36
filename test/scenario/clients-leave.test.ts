import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { openSocket } from '../support/doors.ts';
import { makeWorld, type World } from '../support/world.ts';

const SLOW = { paceMs: 50, deltas: 100 };

async function expectCancelled(world: World): Promise<void> {
  await world.simulator.waitFor((simulator) => simulator.seen.at(-1)?.status === 'aborted', 1000);
  const seen = world.simulator.seen.at(-1);
  expect(seen?.status).toBe('aborted');
  await expect.poll(async () => (await world.rows()).map((row) => row.status)).toEqual(['cancelled']);
  expect((await world.rows())[0]?.attempts.map((attempt) => attempt.outcome)).toEqual(['cancelled']);
}

test.each([
  ['api_key', 'auto'],
  ['chatgpt', 'http'],
] as const)(
  'a reader that hangs up closes its turn upstream within a second (%s, %s)',
  async (kind, transport) => {
    await using world = await makeWorld({ kind, transport, names: ['a'] });
    world.simulator.setDefault('a', SLOW);
    const stop = new AbortController();
    const answer = await fetch(`${world.url}/v1/responses`, {
      method: 'POST',
      signal: stop.signal,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'gpt-5.5', input: 'hello', stream: true }),
    });
    await answer.body?.getReader().read();
    stop.abort();
    await expectCancelled(world);
  },
);

test('a JSON client that gives up waiting does too', async () => {
  await using world = await makeWorld({ kind: 'api_key', names: ['a'] });
  world.simulator.setDefault('a', SLOW);
  const stop = new AbortController();
  const body = JSON.stringify({ model: 'gpt-5.5', input: 'hello' });
  const headers = { 'content-type': 'application/json' };
  const asked = fetch(`${world.url}/v1/responses`, { method: 'POST', signal: stop.signal, headers, body });
  await world.simulator.waitFor((simulator) => simulator.seen.length === 1);
  stop.abort();
  await expect(asked).rejects.toThrow();
  await expectCancelled(world);
});

test('so does a socket that drops', async () => {
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a'] });
  world.simulator.setDefault('a', SLOW);
  await using client = await openSocket(world.url);
  client.send({ type: 'response.create', model: 'gpt-5.5', input: 'hello' });
  await client.next((event) => event.type === 'response.output_text.delta');
  client.socket.terminate();
  await expectCancelled(world);
});

test('a client that leaves while its body is still decoded has left', async () => {
  await using world = await makeWorld({ kind: 'api_key', transport: 'http', names: ['a'] });
  world.simulator.setDefault('a', SLOW);
  const said = [{ role: 'user', content: 'q'.repeat(40_000_000) }];
  const body = gzipSync(JSON.stringify({ model: 'gpt-5.5', stream: true, input: said }));
  const { host, port } = new URL(world.url);
  const socket = connect(Number(port), '127.0.0.1');
  socket.write(
    `POST /v1/responses HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/json\r\n` +
      `content-encoding: gzip\r\ncontent-length: ${body.length}\r\n\r\n`,
  );
  socket.write(body, () => void setImmediate(() => socket.destroy()));
  await expect
    .poll(async () => (await world.rows()).map((row) => row.status), { timeout: 5000 })
    .toEqual(['cancelled']);
  expect(world.simulator.seen.filter(({ status }) => status === 'answered')).toEqual([]);
});
