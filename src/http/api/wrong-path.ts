/**
 * What was probably meant by a path that is none: a base URL without its `/v1`, with two of them, or with a route
 * already in it. Answers are chosen from fixed words, so that nothing of what a peer sent comes back to it. Pure.
 */

/** What people put before a route, and what other servers do. */
const PREFIXES: ReadonlySet<string> = new Set(['v1', 'api', 'openai', 'backend-api', 'codex', 'wham']);
const RESPONSES = 'responses';
const OF_RESPONSES: ReadonlySet<string> = new Set(['compact', 'input_tokens']);
const OF_A_RESPONSE: ReadonlySet<string> = new Set(['input_items', 'cancel']);
const OF_CODEX: ReadonlySet<string> = new Set([RESPONSES, 'responses/compact', 'models']);
const OF_WHAM: ReadonlySet<string> = new Set([
  'usage',
  'accounts/check',
  'settings/user',
  'security-setup',
  'rate-limit-reset-credits',
]);
/** Routes of the public API, served here or not. */
const PUBLIC: ReadonlySet<string> = new Set([
  'chat/completions',
  'completions',
  'messages',
  'messages/count_tokens',
  'embeddings',
  'moderations',
  'images/generations',
  'images/edits',
  'images/variations',
  'audio/speech',
  'audio/transcriptions',
  'audio/translations',
]);
const HEADS: ReadonlySet<string> = new Set([
  RESPONSES,
  'models',
  ...[...PUBLIC].map((route) => route.split('/')[0] ?? ''),
]);
const ID = ':id';

/** Whether there is a route of this pattern, whatever its method. */
export type IsServed = (pattern: string) => boolean;

/** In words that can follow a sentence; undefined where nothing is near. */
export function meantBy(url: string, isServed: IsServed): string | undefined {
  const [path = ''] = url.split('?');
  const segments = path.split('/').filter((segment) => segment !== '');
  const first = segments.findIndex((segment) => !PREFIXES.has(segment));
  if (first < 0) return undefined;
  const prefixes = segments.slice(0, first);
  const route = routeIn(segments.slice(first));
  if (route === undefined) return undefined;
  const pattern = placeOf(route, prefixes);
  if (!isServed(pattern)) return `This server speaks the Responses API: POST /v1/${RESPONSES}.`;
  const shown = pattern.replace(ID, '{id}');
  if (path === pattern) return `${shown} takes other methods.`;
  return `Probably ${shown} was meant${whatIsWrong(prefixes, pattern)}.`;
}

/** The route as a pattern, without what stands before it. */
function routeIn(rest: readonly string[]): string | undefined {
  const [head = '', ...tail] = rest;
  const whole = rest.join('/');
  if (PUBLIC.has(whole) || OF_WHAM.has(whole)) return whole;
  // A base URL that holds a route already has another one behind it.
  if (HEADS.has(head) && tail.includes(RESPONSES)) return RESPONSES;
  if (head === 'models') return tail.length === 0 ? head : `${head}/${ID}`;
  if (head !== RESPONSES) return undefined;
  const [name = '', action = ''] = tail;
  if (name === '' || OF_RESPONSES.has(name)) return [head, ...(name === '' ? [] : [name])].join('/');
  return [head, ID, ...(OF_A_RESPONSE.has(action) ? [action] : [])].join('/');
}

function placeOf(route: string, prefixes: readonly string[]): string {
  if (OF_WHAM.has(route)) return `/backend-api/wham/${route}`;
  const codex = prefixes.includes('backend-api') || prefixes.includes('codex');
  return codex && OF_CODEX.has(route) ? `/backend-api/codex/${route}` : `/v1/${route}`;
}

function whatIsWrong(prefixes: readonly string[], pattern: string): string {
  if (!pattern.startsWith('/v1/')) return '';
  const versions = prefixes.filter((segment) => segment === 'v1').length;
  if (versions === 0) return ': let the base URL end in /v1';
  return versions > 1
    ? ': the base URL has /v1 twice'
    : ': let the base URL end in /v1, and nothing behind it';
}
