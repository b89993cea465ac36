import { expect, test } from 'vitest';
import type { RequestWire } from '../../admin-api/request.ts';
import { curlOf } from './curl.ts';
import { hrefOf, parse } from './route.ts';

test.each(['', '#', '#/', '#/now'])('the address "%s" is the first page', (hash) => {
  expect(parse(hash)).toEqual({ page: 'now', item: undefined, query: {} });
});

test('an address says again what it was made from', () => {
  const href = hrefOf('requests', 'a b/c', { status: 'failed', key: undefined, session: '' });
  expect(parse(href)).toEqual({ page: 'requests', item: 'a b/c', query: { status: 'failed' } });
});

const row = {
  route: 'responses',
  model: "it's",
  previous_response_id: 'resp_1',
  door: 'sse',
  tenant: 'key_1',
} as RequestWire;

test('a copied turn names a key and holds none, and a quote cannot end its body', () => {
  const text = curlOf(row, 'http://127.0.0.1:8411');
  expect(text).toContain('curl http://127.0.0.1:8411/v1/responses \\');
  expect(text).toContain('Bearer $RSP_API_KEY');
  const body = /-d '(.*)'$/.exec(text)?.[1]?.replaceAll("'\\''", "'") ?? '';
  expect(JSON.parse(body)).toEqual({
    model: "it's",
    previous_response_id: 'resp_1',
    input: '…',
    stream: true,
  });
});

test('a turn of this machine is copied without a key', () => {
  expect(curlOf({ ...row, tenant: 'local' }, 'http://localhost')).not.toContain('authorization');
});
