import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cutUsage } from './usage.ts';

const wire = {
  input_tokens: 10,
  input_tokens_details: { cached_tokens: 4, cache_write_tokens: 0 },
  output_tokens: 7,
  output_tokens_details: { reasoning_tokens: 3 },
  total_tokens: 17,
};
const usage = { inputTokens: 10, cachedTokens: 4, outputTokens: 7, reasoningTokens: 3 };

const cut = (frame: unknown, indent = 0) => cutUsage(Buffer.from(JSON.stringify(frame, null, indent)));

test('the usage of a terminal event is found among any output, in any spacing', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.string(), fc.constantFrom(0, 2), (output, text, indent) => {
      const frame = {
        type: 'response.completed',
        response: { output, text: `"usage":{${text}`, usage: wire, user: text },
      };
      expect(cut(frame, indent)).toEqual(usage);
    }),
  );
});

test('a later member of the same name does not mislead', () => {
  expect(cut({ response: { usage: wire, metadata: { usage: 'none' } } })).toEqual(usage);
  expect(cut({ response: { usage: wire, metadata: { usage: { input_tokens: '}' } } } })).toEqual(usage);
  expect(
    cut({ response: { usage: wire, metadata: { 'my"usage': { input_tokens: 1, output_tokens: 1 } } } }),
  ).toEqual(usage);
});

test('the usage of a unary answer stands at its top level', () => {
  expect(cut({ object: 'response.compaction', usage: { input_tokens: 1, output_tokens: 2 } })).toEqual({
    inputTokens: 1,
    cachedTokens: 0,
    outputTokens: 2,
    reasoningTokens: 0,
  });
});

test('no usage, a null one or no JSON at all gives none', () => {
  expect(cut({ type: 'response.failed', response: { usage: null } })).toBeUndefined();
  expect(cut({ type: 'response.failed' })).toBeUndefined();
  expect(cutUsage(Buffer.from('{"usage":{'))).toBeUndefined();
});

test('a count that is none counts as nothing', () => {
  const text =
    '{"usage":{"input_tokens":1e999,"input_tokens_details":{"cached_tokens":-1},"output_tokens":-7,' +
    '"output_tokens_details":{"reasoning_tokens":0.5}}}';
  const none = { inputTokens: 0, cachedTokens: 0, outputTokens: 0, reasoningTokens: 0 };
  expect(cutUsage(Buffer.from(text))).toEqual(none);
});
