/**
 * Which headers cross the server, by allow-list in both directions. Everything that is not named here stays on its
 * own side: the client's credentials and address never go up, the account's identity never comes down.
 */

export type HeaderMap = Readonly<Record<string, string>>;

/** Headers by which a Codex client describes its own request; they go up as they came. */
const UP_FROM_CODEX = new Set([
  'version',
  'user-agent',
  'originator',
  'session_id',
  'session-id',
  'thread-id',
  'conversation_id',
  'x-client-request-id',
  'x-codex-beta-features',
  'x-codex-turn-metadata',
  'x-codex-window-id',
  'x-codex-parent-thread-id',
  'x-codex-root-turn-id',
  'x-codex-inference-call-id',
  'x-codex-routing-hint',
  'x-openai-subagent',
  'x-openai-internal-codex-responses-lite',
  'x-responsesapi-include-timing-metrics',
  'x-openai-memgen-request',
]);

/** Headers of an upstream answer that mean something to a Codex client and nothing about the account. */
const DOWN_TO_CODEX = new Set([
  'x-models-etag',
  'x-reasoning-included',
  'x-codex-turn-state',
  'openai-model',
]);

export function upstreamHeaders(client: 'codex' | 'generic', headers: HeaderMap): Record<string, string> {
  if (client === 'generic') return {};
  return Object.fromEntries(Object.entries(headers).filter(([name]) => UP_FROM_CODEX.has(name)));
}

/**
 * `openai-model` passes only when it names the model that was asked for: any other makes Codex tell its user that
 * the account was flagged.
 */
export function clientHeaders(
  client: 'codex' | 'generic',
  headers: HeaderMap,
  model: string,
): Record<string, string> {
  if (client === 'generic') return {};
  const passed = Object.entries(headers).filter(
    ([name, value]) => DOWN_TO_CODEX.has(name) && HEADER_VALUE.test(value),
  );
  return Object.fromEntries(passed.filter(([name, value]) => name !== 'openai-model' || value === model));
}

/** What may stand in a header that this server writes: a control byte of upstream's would make that impossible. */
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** The headers without figures of an account's limits. */
export function withoutLimits(headers: HeaderMap): HeaderMap {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !LIMIT.test(name)));
}

const LIMIT = /^x-codex-(?:primary|secondary|credits|active-limit|plan-type|rate-limit)/;

/** One value per header, names in lower case; repeated headers are joined as HTTP allows. */
export function flatHeaders(
  raw: Readonly<Record<string, string | readonly string[] | undefined>>,
): HeaderMap {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(raw)) {
    if (value !== undefined) flat[name.toLowerCase()] = typeof value === 'string' ? value : value.join(', ');
  }
  return flat;
}

/** A Codex client, by path or by what it calls itself: it understands vendor events and keep-alive frames. */
export function clientOf(path: string, headers: HeaderMap): 'codex' | 'generic' {
  if (path.startsWith('/backend-api/codex')) return 'codex';
  const names = [headers['originator'], headers['user-agent']];
  return names.some((name) => name?.toLowerCase().startsWith('codex')) ? 'codex' : 'generic';
}
