/** Logins that end: renewed once, kept on disk before use, and never renewed twice with one token. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, test, vi } from 'vitest';
import { DOORS, openDoor, post } from '../support/doors.ts';
import { makeWorld } from '../support/world.ts';

test.each(DOORS)('a login that ends within minutes is renewed before its use (%s)', async (name) => {
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a'], loginEndsInSeconds: 60 });
  await using door = await openDoor(name, world.url);
  expect((await door.turn({ input: 'hello' })).status).toBe(200);
  expect(world.simulator.refreshes).toEqual(['rt-a']);
  const [row] = await world.rows();
  expect(row?.attempts.map((attempt) => attempt.outcome)).toEqual(['completed']);
});

test('200 turns at the end of three logins renew each once, and all are served', async () => {
  await using world = await makeWorld({ kind: 'chatgpt', loginEndsInSeconds: -60 });
  const turns = Array.from({ length: 200 }, (_, n) =>
    post(world.url, { model: 'gpt-5.5', input: `turn ${n}` }),
  );
  const answers = await Promise.all(turns);
  expect(answers.filter((answer) => answer.status !== 200)).toEqual([]);
  expect(world.simulator.refreshes.toSorted()).toEqual(['rt-a', 'rt-b', 'rt-c']);
  expect(world.simulator.refusals).toEqual([]);
});

test('a token that upstream no longer takes is renewed unseen, for all turns at once', async () => {
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a'] });
  world.simulator.replaceToken('a', 'another');
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => post(world.url, { model: 'gpt-5.5', input: 'hello' })),
  );
  expect(answers.map((answer) => answer.status)).toEqual(Array(20).fill(200));
  expect(world.simulator.refreshes).toEqual(['rt-a']);
});

test.each(['refresh_token_reused', 'refresh_token_expired', 'invalid_grant'])(
  'a login whose renewal is refused (%s) needs a person, and the turn goes elsewhere',
  async (code) => {
    await using world = await makeWorld({ kind: 'chatgpt', names: ['a', 'b'] });
    world.simulator.replaceToken('a', 'another');
    world.simulator.scriptRefresh({ status: 400, body: { error: { code, message: 'no' } } });
    expect((await post(world.url, { model: 'gpt-5.5', input: 'hello' })).status).toBe(200);
    expect(await world.account('a')).toMatchObject({ status: 'needs_login', status_reason: code });
  },
);

test('while the login service is in trouble an account serves on with what is left of its token', async () => {
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a'], loginEndsInSeconds: 60 });
  world.simulator.scriptRefresh({ status: 503, body: '<html>busy</html>' });
  expect((await post(world.url, { model: 'gpt-5.5', input: 'hello' })).status).toBe(200);
  expect((await post(world.url, { model: 'gpt-5.5', input: 'hello' })).status).toBe(200);
  expect(world.simulator.refreshes).toEqual(['rt-a']);
  expect(await world.account('a')).toMatchObject({ status: 'ready' });
});

test('a refresh token that may be spent is tried again only when nothing is left of the access token', async () => {
  await using world = await makeWorld({
    kind: 'chatgpt',
    names: ['a'],
    loginEndsInSeconds: 60,
    env: { RESPOOL_FAILOVER_BUDGET_MS: '500' },
  });
  const { token } = world.simulator.tokens('a');
  world.simulator.scriptRefresh('lost');
  const first = await post(world.url, { model: 'gpt-5.5', input: 'hello' });
  // The service has replaced the access token: what we have is refused, and the way to a new one is unsure.
  expect(first.status).toBe(429);
  expect(await world.account('a')).toMatchObject({ status: 'cooling' });
  world.simulator.replaceToken('a', token);
  await world.restart();
  await world.admin('POST', `/api/accounts/${world.ids.get('a')}/probe`);
  expect((await post(world.url, { model: 'gpt-5.5', input: 'hello' })).status).toBe(200);
  expect(world.simulator.refreshes).toEqual(['rt-a']);
});

/** A login service that has sent its answer on only when it is let go. */
async function slowIssuer(target: () => string) {
  const arrived = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  const server = createServer(async (request, response) => {
    const { method = 'GET', url = '/', headers } = request;
    const type = headers['content-type'] ?? '';
    const body = await text(request);
    const answer = await fetch(target() + url, { method, headers: { 'content-type': type }, body });
    const said = await answer.text();
    arrived.resolve();
    await released.promise;
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(said);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    arrived: arrived.promise,
    release: () => released.resolve(),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

test('a shut-down waits for a login that is being renewed, and keeps the new one', async () => {
  let simulated = '';
  await using issuer = await slowIssuer(() => simulated);
  await using world = await makeWorld({
    kind: 'chatgpt',
    names: ['a'],
    loginEndsInSeconds: 60,
    env: { RESPOOL_AUTH_BASE_URL: issuer.url, RESPOOL_DRAIN_MS: '1' },
  });
  simulated = world.simulator.authBaseUrl;
  const { url } = world;
  const cutOff = post(url, { model: 'gpt-5.5', input: 'hello' });
  await issuer.arrived;
  const restarted = world.restart();
  await vi.waitFor(() => expect(fetch(url)).rejects.toThrow());
  issuer.release();
  await restarted;
  await cutOff;
  expect(await world.account('a')).toMatchObject({ status: 'ready' });
  expect((await post(world.url, { model: 'gpt-5.5', input: 'hello' })).status).toBe(200);
  expect(world.simulator.refreshes).toEqual(['rt-a']);
  expect(world.simulator.refusals).toEqual([]);
});

test('a login service that hangs leaves a turn time for an account that serves', async () => {
  let simulated = '';
  await using issuer = await slowIssuer(() => simulated);
  await using world = await makeWorld({
    kind: 'chatgpt',
    names: ['a', 'b', 'c'],
    env: { RESPOOL_AUTH_BASE_URL: issuer.url, RESPOOL_FAILOVER_BUDGET_MS: '1000' },
  });
  simulated = world.simulator.authBaseUrl;
  for (const name of ['a', 'b']) world.simulator.replaceToken(name, 'another');
  const answer = await post(world.url, { model: 'gpt-5.5', input: 'hello' });
  issuer.release();
  expect(answer.status).toBe(200);
  expect(world.simulator.seen.at(-1)?.account).toBe('c');
});

test('a renewed login survives a restart', async () => {
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a'], loginEndsInSeconds: 60 });
  await post(world.url, { model: 'gpt-5.5', input: 'hello' });
  await world.restart();
  expect((await post(world.url, { model: 'gpt-5.5', input: 'hello' })).status).toBe(200);
  expect(world.simulator.refreshes).toEqual(['rt-a']);
  expect(world.simulator.refusals).toEqual([]);
});
