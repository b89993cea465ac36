import { once } from 'node:events';
import { request } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeWorld, type World } from '../support/world.ts';

const PAGE = 'https://pool.example';
const TURN = JSON.stringify({ model: 'gpt-5.5', input: 'hello' });

let world: World;
let key: string;
beforeAll(async () => {
  const env = { RESPOOL_PUBLIC_HOSTS: 'pool.example' };
  world = await makeWorld({ kind: 'api_key', names: ['a'], env });
  ({ key } = (await world.admin('POST', '/api/keys', { name: 'page' })) as { key: string });
});
afterAll(() => world[Symbol.asyncDispose]());

/** `fetch` does not let a program say what page it is. */
async function ask(
  [method, path]: readonly [string, string],
  headers: Record<string, string>,
  body?: string,
): Promise<{ status: number; headers: Record<string, string | undefined>; text: string }> {
  const asked = request(`${world.url}${path}`, { method, headers });
  asked.end(body);
  const [answer] = await once(asked, 'response');
  return { status: answer.statusCode, headers: answer.headers, text: (await answer.toArray()).join('') };
}

const preflight = (origin: string, path = '/v1/responses', more: Record<string, string> = {}) =>
  ask(['OPTIONS', path], {
    origin,
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'authorization,content-type,openai-beta,x-stainless-os',
    ...more,
  });

test('a page of a named host may ask whether it may send a key', async () => {
  for (const path of ['/v1/responses', '/v1/responses/resp_1', '/v1/models']) {
    const answer = await preflight(PAGE, path, { 'access-control-request-private-network': 'true' });
    expect(answer.status).toBe(204);
    expect(answer.headers).toMatchObject({
      'access-control-allow-origin': PAGE,
      'access-control-allow-methods': 'GET, POST, DELETE',
      'access-control-allow-headers': 'authorization,content-type,openai-beta,x-stainless-os',
      'access-control-allow-private-network': 'true',
      vary: 'origin',
    });
    expect(answer.headers['access-control-allow-credentials']).toBeUndefined();
  }
});

test.each([
  ['another origin', 'https://evil.example', '/v1/responses', 403],
  ['a host that ends like a named one', 'https://not-pool.example', '/v1/responses', 403],
  ['a sandboxed frame', 'null', '/v1/responses', 403],
  ['a named host, about the admin API', PAGE, '/api/status', 404],
  ['a named host, about the paths of Codex', PAGE, '/backend-api/codex/responses', 404],
  ['a named host, about the dashboard', PAGE, '/', 404],
])('%s may not', async (_name, origin, path, status) => {
  const answer = await preflight(origin, path);
  expect(answer.status).toBe(status);
  expect(answer.headers['access-control-allow-origin']).toBeUndefined();
});

test.each([false, true])(
  'a page of a named host is served with a key, and reads the answer (stream: %s)',
  async (stream) => {
    const body = JSON.stringify({ model: 'gpt-5.5', input: 'hello', stream });
    const headers = { origin: PAGE, authorization: `Bearer ${key}`, 'content-type': 'application/json' };
    const answer = await ask(['POST', '/v1/responses'], headers, body);
    expect(answer.status).toBe(200);
    expect(answer.text).toContain('user: hello');
    expect(answer.headers).toMatchObject({ 'access-control-allow-origin': PAGE, vary: 'origin' });
    for (const name of ['x-request-id', 'retry-after', 'x-should-retry', 'x-respool-dropped-params']) {
      expect(answer.headers['access-control-expose-headers']).toContain(name);
    }
  },
);

test('without a key such a page is nobody, and can read that', async () => {
  const before = world.simulator.seen.length;
  for (const authorization of [undefined, 'Bearer dummy', 'Bearer rsp_wrong']) {
    const headers = { origin: PAGE, ...(authorization === undefined ? {} : { authorization }) };
    const answer = await ask(
      ['POST', '/v1/responses'],
      { ...headers, 'content-type': 'application/json' },
      TURN,
    );
    expect([answer.status, answer.headers['access-control-allow-origin']]).toEqual([401, PAGE]);
  }
  expect(world.simulator.seen.length).toBe(before);
});

test('a page of another origin reads nothing, and is told what would help', async () => {
  const headers = { origin: 'https://evil.example', authorization: `Bearer ${key}` };
  const answer = await ask(['GET', '/v1/models'], headers);
  expect(answer.status).toBe(403);
  expect(answer.text).toContain('RESPOOL_PUBLIC_HOSTS may call /v1, with fetch and an API key');
  expect(answer.headers['access-control-allow-origin']).toBeUndefined();
});

test('an answer for no page names none, and is not kept for one', async () => {
  const answer = await ask(['GET', '/v1/models'], {});
  expect(answer.status).toBe(200);
  expect(answer.headers['access-control-allow-origin']).toBeUndefined();
  expect(answer.headers['vary']).toBe('origin');
});
