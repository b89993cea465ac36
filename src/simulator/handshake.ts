/**
 * The plain HTTP side of an upgrade: who may have a socket, and every way in which a handshake is refused. Knows
 * nothing of frames.
 */
import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { AccountState } from './account-state.ts';
import { limitHeaders } from './dialect-chatgpt.ts';
import type { Behaviour, Dialect, WebsocketOffer } from './script.ts';
import type { ErrorAnswer, Headers } from './wire.ts';
import { authenticate, requestHeaders, type World } from './world.ts';

const PATHS: Readonly<Record<string, Dialect>> = {
  '/v1/responses': 'openai',
  '/backend-api/codex/responses': 'chatgpt',
};

const JSON_TYPE: Headers = { 'content-type': 'application/json' };
const TEXT_TYPE: Headers = { 'content-type': 'text/plain; charset=utf-8' };
const PAGE_TYPE: Headers = { 'content-type': 'text/html' };

/** What servers that speak no WebSocket have been seen to answer. None of it carries an OpenAI envelope. */
const REFUSALS: Readonly<Record<Exclude<WebsocketOffer, 'on'>, ErrorAnswer>> = {
  // uvicorn, and so every ASGI server on it: an upgrade of a path without a WebSocket route.
  refused_403: { status: 403, body: '', headers: {} },
  refused_400: { status: 400, body: 'Bad Request: unsupported upgrade', headers: TEXT_TYPE },
  refused_404: { status: 404, body: { detail: 'Upgrade not offered' }, headers: JSON_TYPE },
  refused_405: {
    status: 405,
    body: { detail: 'Method Not Allowed' },
    headers: { ...JSON_TYPE, allow: 'POST' },
  },
  refused_426: { status: 426, body: { detail: 'Upgrade not offered' }, headers: JSON_TYPE },
  refused_500: { status: 500, body: 'Internal Server Error', headers: TEXT_TYPE },
  refused_503_page: {
    status: 503,
    body: '<html><head><title>503 Service Temporarily Unavailable</title></head><body>nginx</body></html>',
    headers: PAGE_TYPE,
  },
};

/** The account that may upgrade; undefined after a refusal was written. */
export function upgradingAccount(
  request: IncomingMessage,
  stream: Duplex,
  world: World,
): AccountState | undefined {
  const dialect = PATHS[new URL(request.url ?? '/', 'http://simulator').pathname];
  if (dialect === undefined) return refuseUpgrade(stream, { status: 404, body: 'Not Found' });
  const who = authenticate(world, dialect, requestHeaders(request));
  if (!('account' in who)) {
    if (who.rule !== undefined) world.journal.refuse(undefined, who.rule, who.answer);
    return refuseUpgrade(stream, { ...who.answer, headers: { ...JSON_TYPE, ...who.answer.headers } });
  }
  who.account.upgrades += 1;
  const offered = who.account.account.websocket ?? 'on';
  if (offered === 'on') return who.account;
  world.journal.changed();
  return refuseUpgrade(stream, REFUSALS[offered]);
}

function refuseUpgrade(stream: Duplex, { status, body, headers = {} }: ErrorAnswer): undefined {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const all = { ...headers, 'content-length': Buffer.byteLength(text) };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  const reason = STATUS_CODES[status] ?? 'Refused';
  stream.end(`HTTP/1.1 ${status} ${reason}\r\n${lines.join('\r\n')}\r\nconnection: close\r\n\r\n${text}`);
}

/** `on`: the handshake goes through (a `close` fault closes the socket right after it). */
export function strikeUpgrade({ fault }: Behaviour, stream: Duplex): 'on' | 'over' {
  if (fault === undefined || fault.kind === 'close') return 'on';
  if (fault.kind === 'status')
    refuseUpgrade(stream, { ...fault, headers: { ...JSON_TYPE, ...fault.headers } });
  else if (fault.kind === 'eof') stream.end();
  else if (fault.kind !== 'silence') stream.destroy();
  return 'over';
}

/** The limits as they are now: whoever keeps the socket for an hour keeps reading these figures. */
export function upgradeHeaders(account: AccountState): readonly string[] {
  const headers = account.account.dialect === 'chatgpt' ? limitHeaders(account) : {};
  return Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
}
