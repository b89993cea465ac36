import { expect, test } from 'vitest';
import { createdId } from './response-collector.ts';

const idIn = (text: string) => createdId({ type: 'response.created', data: Buffer.from(text) });

test.each([
  [
    'as upstreams write it',
    '{"type":"response.created","sequence_number":0,"response":{"id":"resp_1","object":"x"}}',
  ],
  ['without a number', '{"type":"response.created","response":{"id":"resp_1"}}'],
  ['with members in another order', '{"response":{"object":"x","id":"resp_1"},"type":"response.created"}'],
  ['with spaces', '{ "type": "response.created", "response": { "id": "resp_1" } }'],
  [
    'behind a member that looks like it',
    '{"type":"response.created","echo":{"response":{"id":"resp_2"}},"response":{"id":"resp_1"}}',
  ],
  [
    'behind the echo of a long request',
    `{"type":"response.created","response":{"a":"${'x'.repeat(9000)}","id":"resp_1"}}`,
  ],
])('the id of a response is found %s', (_, text) => {
  expect(idIn(text)).toBe('resp_1');
});

test.each([['{"type":"response.created"}'], ['{"type":"response.created","response":{"id":7}}'], ['{']])(
  'no id is found in %s',
  (text) => {
    expect(idIn(text)).toBeUndefined();
  },
);
