import { expect, test } from 'vitest';
import { openSocket, post, textOf } from '../support/doors.ts';
import { makeWorld } from '../support/world.ts';

const BAD_BODIES: readonly (readonly [string, string | Buffer, string | null])[] = [
  ['broken JSON', '{"model":', null],
  ['an array', '[1]', null],
  ['a string', '"hello"', null],
  ['no model', '{"input":"x"}', 'model'],
  ['a model that is no string', '{"model":5,"input":"x"}', 'model'],
  ['a member twice', '{"model":"a","model":"b"}', null],
  ['a bad escape', '{"model":"a","input":"\\x"}', null],
  ['bytes that are no UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), null],
  ['an input of the wrong kind', '{"model":"a","input":5}', 'input'],
  [
    'a conversation beside an anchor',
    '{"model":"a","previous_response_id":"r","conversation":"c"}',
    'previous_response_id',
  ],
  [
    'an anchor nobody issued',
    '{"model":"gpt-5.5","input":"x","previous_response_id":"resp_made_up"}',
    'previous_response_id',
  ],
];

test('a bad body is refused with the OpenAI envelope and upstream never hears of it', async () => {
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a'] });
  for (const [name, body, param] of BAD_BODIES) {
    const answer = await post(world.url, body);
    expect(answer.status, name).toBe(400);
    expect(answer.error, name).toMatchObject({
      type: 'invalid_request_error',
      param,
      message: expect.any(String),
    });
  }
  expect(world.simulator.seen).toEqual([]);
});

test('a bad frame is answered with an error frame and the socket goes on', async () => {
  await using world = await makeWorld({ kind: 'api_key', names: ['a'] });
  await using client = await openSocket(world.url);
  const frames = [
    ...BAD_BODIES.slice(0, 1).map(([, body]) => body as string),
    'garbage',
    '[]',
    '{"type":"unheard.of"}',
    '{"type":"response.create"}',
    '{"type":"response.create","model":"m","stream_id":"not good"}',
  ];
  for (const frame of frames) {
    const from = client.messages.length;
    client.send(frame);
    const answer = await client.next((event) => event.type === 'error', from);
    expect(answer['status']).toBe(400);
    expect(answer['error']).toMatchObject({ type: 'invalid_request_error' });
  }
  client.send({ type: 'response.steer', previous_response_id: 'r', input: 'x' });
  const steer = await client.next((event) => event.type === 'response.steer.failed');
  expect(steer['error']).toMatchObject({ code: 'steering_not_supported' });
  expect(world.simulator.seen).toEqual([]);
  expect(textOf(await client.turn({ input: 'still here' }))).toContain('user: still here ·');
});

test('unknown paths, wrong methods and wrong content types get the envelope too', async () => {
  await using world = await makeWorld({ kind: 'api_key', names: ['a'] });
  const calls: readonly (readonly [string, string, string | undefined, number])[] = [
    ['GET', '/v1/nothing', undefined, 404],
    ['GET', '/backend-api/nothing', undefined, 404],
    ['PUT', '/v1/responses', 'application/json', 404],
    ['POST', '/v1/responses', 'text/plain', 415],
  ];
  for (const [method, path, type, status] of calls) {
    const answer = await fetch(`${world.url}${path}`, {
      method,
      ...(type === undefined ? {} : { headers: { 'content-type': type }, body: '{"model":"m"}' }),
    });
    expect(answer.status, path).toBe(status);
    expect(await answer.json(), path).toMatchObject({
      error: { message: expect.any(String), code: expect.any(String) },
    });
  }
  expect(world.simulator.seen).toEqual([]);
});
