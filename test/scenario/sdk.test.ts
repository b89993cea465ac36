/** The official SDK as a client: what it does not understand, it throws at its user. */
import OpenAI from 'openai';
import { ResponsesWS } from 'openai/resources/responses/ws';
import { expect, test } from 'vitest';
import { type Kind, makeWorld } from '../support/world.ts';

const KINDS: readonly Kind[] = ['api_key', 'chatgpt'];
const model = 'gpt-5.5';

test.each(KINDS)('creates a response and follows up by its id (%s)', async (kind) => {
  await using world = await makeWorld({ kind });
  const client = new OpenAI({ baseURL: `${world.url}/v1`, apiKey: 'none' });
  const first = await client.responses.create({ model, input: 'one' });
  const second = await client.responses.create({ model, input: 'two', previous_response_id: first.id });
  expect(second.output_text).toContain('user: one / two ·');
  expect(second._request_id).toMatch(/^req_/);
  expect((await client.responses.retrieve(second.id)).output_text).toBe(second.output_text);
  const items = await client.responses.inputItems.list(second.id);
  expect(items.data.length).toBeGreaterThanOrEqual(1);
  await client.responses.delete(second.id);
  await expect(client.responses.retrieve(second.id)).rejects.toThrow('404');
});

test.each(KINDS)(
  'streams through the helper, which throws on any event it does not know (%s)',
  async (kind) => {
    await using world = await makeWorld({ kind });
    const client = new OpenAI({ baseURL: `${world.url}/v1`, apiKey: 'none' });
    const stream = client.responses.stream({ model, input: 'hello' });
    let text = '';
    stream.on('response.output_text.delta', (event) => {
      text += event.delta;
    });
    const final = await stream.finalResponse();
    expect(final.status).toBe('completed');
    expect(final.output_text).toBe(text);
    expect(text).toContain('user: hello ·');
  },
);

test.each(KINDS)('talks over its WebSocket class, and an error leaves the socket open (%s)', async (kind) => {
  await using world = await makeWorld({ kind });
  const client = new OpenAI({ baseURL: `${world.url}/v1`, apiKey: 'none' });
  const socket = new ResponsesWS(client);
  const seen: string[] = [];
  const texts: string[] = [];
  socket.send({ type: 'response.create', model, input: 'one' });
  for await (const event of socket) {
    if (event.type === 'error') {
      const { error } = (event.error as { error?: { error?: { code?: string } } }).error ?? {};
      seen.push(`error ${error?.code}`);
      socket.send({ type: 'response.create', model, input: 'three' });
    }
    if (event.type !== 'message' || event.message.type !== 'response.completed') continue;
    texts.push(
      event.message.response.output
        .flatMap((item) => (item.type === 'message' ? item.content : []))
        .map((part) => ('text' in part ? part.text : ''))
        .join(''),
    );
    const { id } = event.message.response;
    if (texts.length === 1)
      socket.send({ type: 'response.create', model, input: 'two', previous_response_id: id });
    if (texts.length === 2)
      socket.send({ type: 'response.create', model, input: 'x', previous_response_id: 'resp_made_up' });
    if (texts.length === 3) socket.close();
  }
  expect(seen).toEqual(['error previous_response_not_found']);
  expect(texts[1]).toContain('user: one / two ·');
  expect(texts[2]).toContain('user: three ·');
});

test('asks three times for what may pass and once for what will not', async () => {
  await using world = await makeWorld({ kind: 'api_key', names: ['a'] });
  const client = new OpenAI({ baseURL: `${world.url}/v1`, apiKey: 'none' });
  const spent = { type: 'usage_limit_reached', message: 'spent', resets_in_seconds: 900 };
  world.simulator.script('a', {
    fault: { kind: 'status', at: 'before_created', status: 429, body: { error: spent } },
  });
  await expect(client.responses.create({ model, input: 'hello' })).rejects.toThrow(OpenAI.RateLimitError);
  expect(await world.rows()).toHaveLength(1);
});

test('lists the models of the pool', async () => {
  await using world = await makeWorld({ kind: 'chatgpt' });
  const client = new OpenAI({ baseURL: `${world.url}/v1`, apiKey: 'none' });
  const ids = (await client.models.list()).data.map((entry) => entry.id);
  expect(ids).toContain(model);
  expect((await client.models.retrieve(model)).id).toBe(model);
});
