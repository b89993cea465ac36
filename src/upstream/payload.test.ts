import { expect, test } from 'vitest';
import type { AccountId } from '../domain/ids.ts';
import { readEnvelope } from '../protocol/request.ts';
import type { UpstreamAccount } from './account.ts';
import { buildPayload, type PayloadRequest } from './payload.ts';

const account = (kind: UpstreamAccount['kind']): UpstreamAccount => ({
  id: 'acc' as AccountId,
  kind,
  baseUrl: 'http://upstream',
  bearer: 'x',
  workspace: undefined,
  fedramp: 'no',
  installationId: 'of-the-account',
  transport: 'auto',
  proxy: undefined,
});

function build(text: string, kind: UpstreamAccount['kind'], more: Partial<PayloadRequest> = {}) {
  const read = readEnvelope(Buffer.from(text));
  if (!read.ok) throw new Error(read.refused.error.message);
  const { envelope } = read;
  const { bytes, dropped } = buildPayload({
    envelope,
    account: account(kind),
    transport: 'http',
    route: 'responses',
    items: 'as_sent',
    anchor: undefined,
    metadata: envelope.metadata,
    promptCacheKey: envelope.promptCacheKey,
    dropped: [],
    ...more,
  });
  return { text: bytes.toString(), json: JSON.parse(bytes.toString()) as Record<string, unknown>, dropped };
}

test('a body for the public API changes in nothing but what carries it', () => {
  const body =
    '{ "model":"m", "tools":[{"b":1,"a":2}],"x" : {"z":1,"a":[]},"input":[{"role":"user","content":"hi"}]}';
  expect(build(body, 'api_key').text).toBe(`${body.slice(0, -1)},"stream":true}`);
  expect(build(body, 'api_key', { transport: 'ws' }).text).toBe(
    `${body.slice(0, -1)},"type":"response.create"}`,
  );
});

test('what the ChatGPT backend forces is set, what it refuses is dropped and named', () => {
  const { json, dropped } = build(
    '{"model":"m","store":true,"temperature":1,"user":"u","stream_options":{},"stream_id":"s","service_tier":"auto","include":["x"],"input":"hi"}',
    'chatgpt',
  );
  expect(json).toEqual({
    model: 'm',
    store: false,
    stream: true,
    include: ['x', 'reasoning.encrypted_content'],
    input: [{ type: 'message', role: 'user', content: [{ type: 'input_text', text: 'hi' }] }],
  });
  expect(dropped.toSorted()).toEqual(['service_tier', 'stream_options', 'temperature', 'user']);
});

test('the backend knows no system role and no cache breakpoints', () => {
  const items = [
    { role: 'system', content: 'be brief' },
    { role: 'user', content: [{ type: 'input_text', text: 'hi', prompt_cache_breakpoint: {} }] },
  ];
  expect(build(JSON.stringify({ model: 'm', input: items }), 'chatgpt').json['input']).toEqual([
    { role: 'developer', content: 'be brief' },
    { role: 'user', content: [{ type: 'input_text', text: 'hi' }] },
  ]);
});

test('the account’s installation stands in for the client’s, wherever it is named', () => {
  const metadata = {
    thread_id: 't',
    'x-codex-installation-id': 'mine',
    'x-codex-turn-metadata': '{"installation_id":"mine","turn_id":"1"}',
  };
  const { text, json } = build(
    JSON.stringify({ model: 'm', client_metadata: metadata, input: [] }),
    'chatgpt',
  );
  expect(text).not.toContain('mine');
  expect(json['client_metadata']).toMatchObject({
    thread_id: 't',
    'x-codex-installation-id': 'of-the-account',
  });
});

test('an anchor and its items replace what the client sent', () => {
  const item = Buffer.from('{"type":"function_call_output","call_id":"c","output":"x"}');
  const { json } = build('{"model":"m","previous_response_id":"old","input":[1]}', 'chatgpt', {
    transport: 'ws',
    anchor: 'resp_2',
    items: [item],
  });
  expect(json).toMatchObject({
    type: 'response.create',
    previous_response_id: 'resp_2',
    input: [{ call_id: 'c' }],
  });
  expect(build('{"model":"m","previous_response_id":"old","input":[]}', 'chatgpt').json).not.toHaveProperty(
    'previous_response_id',
  );
});

test('a compaction carries less, and a field that was just refused is left out', () => {
  const { json } = build('{"model":"m","tools":[],"text":{},"top_logprobs":1,"input":[]}', 'chatgpt', {
    route: 'compact',
    transport: 'unary',
    dropped: ['top_logprobs'],
  });
  expect(json).toEqual({ model: 'm', input: [], parallel_tool_calls: false });
});
