import { expect, test } from 'vitest';
import { meantBy } from './wrong-path.ts';

const SERVED = new Set([
  '/v1/responses',
  '/v1/responses/compact',
  '/v1/responses/:id',
  '/v1/responses/:id/cancel',
  '/v1/models',
  '/v1/models/:id',
  '/backend-api/codex/responses',
  '/backend-api/codex/models',
  '/backend-api/wham/usage',
]);
const meant = (path: string): string | undefined => meantBy(path, (pattern) => SERVED.has(pattern));

test.each([
  ['/responses', '/v1/responses', 'end in /v1'],
  ['/responses/compact', '/v1/responses/compact', 'end in /v1'],
  ['/models', '/v1/models', 'end in /v1'],
  ['/models/gpt-5.5', '/v1/models/{id}', 'end in /v1'],
  ['/v1/v1/responses', '/v1/responses', 'twice'],
  ['/v1/v1/responses/resp_1/cancel?x=y', '/v1/responses/{id}/cancel', 'twice'],
  ['//v1/responses', '/v1/responses', ''],
  ['/v1/responses/', '/v1/responses', ''],
  ['/v1/responses/responses', '/v1/responses', 'nothing behind it'],
  ['/v1/chat/completions/responses', '/v1/responses', 'nothing behind it'],
  ['/openai/v1/responses', '/v1/responses', ''],
  ['/codex/responses', '/backend-api/codex/responses', ''],
  ['/backend-api/responses', '/backend-api/codex/responses', ''],
  ['/backend-api/codex/v1/v1/models', '/backend-api/codex/models', ''],
  ['/wham/usage', '/backend-api/wham/usage', ''],
  ['/v1/wham/usage', '/backend-api/wham/usage', ''],
  ['/v1/chat/completions', '/v1/responses', 'Responses API'],
  ['/chat/completions', '/v1/responses', 'Responses API'],
])('%s probably means %s', (path, route, words) => {
  const said = meant(path) ?? '';
  expect(`${said} `).toMatch(new RegExp(` ${route.replace(/[{}]/g, '\\$&')}[ .:]`));
  expect(said).toContain(words);
});

test('a route that is there has other methods', () => {
  expect(meant('/v1/models')).toBe('/v1/models takes other methods.');
});

test.each(['/', '/v1', '/v1/evil', '/evil/responses/x', '/api/keys', '/backend-api/evil', '/%zz'])(
  'nobody knows what %s means',
  (path) => {
    expect(meant(path)).toBeUndefined();
  },
);

test('a route that comes to be served is named', () => {
  expect(meantBy('/chat/completions', () => true)).toContain('/v1/chat/completions');
});
