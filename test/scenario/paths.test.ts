/** Which paths there are, what the others say, and what no answer lacks. */
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeWorld, type World } from '../support/world.ts';

let world: World;
beforeAll(async () => {
  world = await makeWorld({ kind: 'api_key', names: ['a'] });
});
afterAll(() => world[Symbol.asyncDispose]());

/** What is answered to a handshake. */
async function upgrade(path: string, headers: Record<string, string> = {}) {
  const asked = request(`${world.url}${path}`, {
    headers: {
      connection: 'upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'MDEyMzQ1Njc4OWFiY2RlZg==',
      ...headers,
    },
  });
  asked.end();
  const [answer] = (await Promise.race([once(asked, 'response'), once(asked, 'upgrade')])) as [
    IncomingMessage,
  ];
  const status = answer.statusCode;
  const id = answer.headers['x-request-id'];
  if (status === 101) {
    answer.socket.destroy();
    return { status, id, code: undefined };
  }
  const { error } = JSON.parse((await answer.toArray()).join('')) as { error: { code: string } };
  return { status, id, code: error.code };
}

test.each(['/', '/v1/models', '/v1/responses/resp_1', '/healthz', '/v1/nowhere', '/backend-api/wham/usage'])(
  'a handshake at %s, which is no WebSocket, is refused before it',
  async (path) => {
    expect(await upgrade(path)).toMatchObject({ status: 404, code: 'not_found' });
  },
);

test('who may not call at all is told so before anything about the path', async () => {
  const proxied = { 'x-forwarded-for': '203.0.113.9' };
  expect(await upgrade('/v1/models', proxied)).toMatchObject({ status: 401, code: 'invalid_api_key' });
  expect(await upgrade('/v1/models', { origin: 'https://evil.example' })).toMatchObject({ status: 403 });
  expect(await upgrade('/v1/models', { host: 'evil.example' })).toMatchObject({ status: 421 });
});

test.each(['/v1/responses', '/backend-api/codex/responses', '/backend-api/codex/v1/responses'])(
  '%s shakes hands, and answers a HEAD without a word',
  async (path) => {
    expect(await upgrade(path)).toMatchObject({ status: 101, id: expect.stringMatching(/^req_/) });
    const head = await fetch(`${world.url}${path}`, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
  },
);

test('the root answers a HEAD, also without a dashboard', async () => {
  expect((await fetch(`${world.url}/`, { method: 'HEAD' })).status).toBe(200);
});

test.each([
  ['/responses', '/v1/responses'],
  ['/v1/v1/responses', '/v1/responses'],
  ['/models', '/v1/models'],
  ['/chat/completions', '/v1/'],
  ['/backend-api/responses', '/backend-api/codex/responses'],
])('%s is nowhere, and %s is named', async (path, meant) => {
  const answer = await fetch(`${world.url}${path}`, { method: 'POST', body: '{}' });
  expect(answer.status).toBe(404);
  expect(await answer.json()).toMatchObject({
    error: { code: 'not_found', message: expect.stringContaining(meant) },
  });
});

test.each([
  ['/backend-api/wham/settings/user', {}],
  ['/backend-api/wham/security-setup', { notice: null }],
  ['/backend-api/wham/rate-limit-reset-credits', { credits: [], available_count: 0, total_earned_count: 0 }],
  ['/api/codex/settings/user', {}],
  ['/api/codex/security-setup', { notice: null }],
  ['/api/codex/rate-limit-reset-credits', { credits: [], available_count: 0, total_earned_count: 0 }],
])('Codex, which asks for %s in passing, gets an answer', async (path, body) => {
  const answer = await fetch(`${world.url}${path}`);
  expect([answer.status, await answer.json()]).toEqual([200, body]);
});

test('without a ChatGPT login Codex keeps the models it was built with, and notes no error', async () => {
  const url = `${world.url}/backend-api/codex/models?client_version=0.169.0`;
  const answer = await fetch(url);
  expect([answer.status, await answer.json()]).toEqual([200, { models: [] }]);
  const etag = answer.headers.get('etag') ?? '';
  expect((await fetch(url, { headers: { 'if-none-match': etag } })).status).toBe(304);
});

test.each([
  ['GET', '/'],
  ['HEAD', '/'],
  ['GET', '/healthz'],
  ['GET', '/readyz'],
  ['GET', '/metrics'],
  ['GET', '/nowhere'],
  ['GET', '/v1/%zz'],
  ['GET', '/v1/models'],
  ['GET', '/v1/responses'],
  ['GET', '/v1/responses/resp_1'],
  ['POST', '/v1/responses'],
  ['PUT', '/v1/responses'],
  ['OPTIONS', '/v1/responses'],
  ['GET', '/api/status'],
  ['POST', '/api/keys'],
])('%s %s has a request id', async (method, path) => {
  const answer = await fetch(`${world.url}${path}`, { method });
  expect(answer.headers.get('x-request-id')).toMatch(/^req_/);
  await answer.arrayBuffer();
});
