import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DOORS, openDoor } from '../support/doors.ts';
import { makeWorld, type World } from '../support/world.ts';

const PROMPT = { id: 'pmpt_1', variables: { city: 'Rome' } };
const RESPONSE = {
  id: 'resp_1',
  object: 'response',
  created_at: 1,
  status: 'completed',
  model: 'of-the-prompt',
  output: [],
};

/** The simulator keeps no prompts. */
const bodies: Record<string, unknown>[] = [];
const upstream = createServer(async (request, response) => {
  bodies.push(JSON.parse((await request.toArray()).join('')) as Record<string, unknown>);
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const event = (type: string, response: object, sequence_number: number): string =>
    `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number, response })}\n\n`;
  response.write(event('response.created', { ...RESPONSE, status: 'in_progress' }, 0));
  response.end(event('response.completed', RESPONSE, 1));
});

let world: World;
beforeAll(async () => {
  upstream.listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  const base = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}/v1`;
  const env = { RESPOOL_OPENAI_BASE_URL: base };
  world = await makeWorld({ kind: 'api_key', names: ['a'], transport: 'http', env });
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  upstream.closeAllConnections();
  upstream.close();
});

test.each(DOORS)('a stored prompt brings its model along (%s)', async (door) => {
  bodies.length = 0;
  await using client = await openDoor(door, world.url);
  const answer = await client.turn({ model: undefined, prompt: PROMPT, input: 'hello' });
  expect(answer).toMatchObject({ status: 200, response: { model: 'of-the-prompt' } });
  expect(bodies).toHaveLength(1);
  expect(bodies[0]).not.toHaveProperty('model');
  expect(bodies[0]).toMatchObject({ prompt: PROMPT });
});

test.each(DOORS)('a key that may use certain models has to name one (%s)', async (door) => {
  bodies.length = 0;
  const made = await world.admin('POST', '/api/keys', { name: door, models: ['gpt-5.5'] });
  const { key } = made as { key: string };
  await using client = await openDoor(door, world.url, { authorization: `Bearer ${key}` });
  expect(await client.turn({ model: undefined, prompt: PROMPT })).toMatchObject({
    status: 400,
    error: { param: 'model', message: expect.stringContaining('certain models') },
  });
  expect(bodies).toEqual([]);
  expect(await client.turn({ model: 'gpt-5.5', prompt: PROMPT })).toMatchObject({ status: 200 });
});

test('a compaction and a count of tokens need a model all the same', async () => {
  for (const route of ['compact', 'input_tokens']) {
    const answer = await fetch(`${world.url}/v1/responses/${route}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ prompt: PROMPT, input: 'hello' }),
    });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ error: { param: 'model' } });
  }
});

test('where only ChatGPT logins could serve it, a stored prompt without a model is refused with the reason', async () => {
  await using one = await makeWorld({ kind: 'chatgpt', names: ['a'] });
  await using client = await openDoor('json', one.url);
  expect(await client.turn({ model: undefined, prompt: PROMPT })).toMatchObject({
    status: 400,
    error: { message: expect.stringContaining('API-key account') },
  });
});
