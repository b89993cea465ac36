/**
 * Who calls, decided before anything else is looked at: the tenant of a valid key, or the local user of this very
 * machine. A web page in somebody's browser is neither, whatever address it comes from.
 */
import { isIP } from 'node:net';
import type { FastifyRequest } from 'fastify';
import type { Config } from '../../config.ts';
import { type AccountId, LOCAL, type Tenant } from '../../domain/ids.ts';
import { type Refusal, refusal } from '../../protocol/refusal.ts';
import type { ApiKey, Keys } from '../../store/keys.ts';

export interface Caller {
  readonly tenant: Tenant;
  readonly allowed: readonly AccountId[] | undefined;
  readonly models: readonly string[] | undefined;
}

/** Who has sent a request that came past the door. */
export type CallerOf = (request: FastifyRequest) => Caller;

export type Identified =
  | { readonly ok: true; readonly caller: Caller }
  | { readonly ok: false; readonly refused: Refusal };

const LOOPBACK_NAMES = new Set(['localhost', '127.0.0.1', '[::1]', '::1']);
const FORWARDED = /^(forwarded|x-forwarded-.*|x-real-ip|true-client-ip|cf-.*)$/;

export function identify(request: FastifyRequest, config: Config, keys: Keys): Identified {
  const refused = refuseAddress(request, config);
  if (refused !== undefined) return { ok: false, refused };
  if (isForeignFetch(request)) return { ok: false, refused: foreignPage() };
  const bearer = bearerOf(request);
  const key = bearer === undefined ? undefined : keys.find(bearer);
  if (key !== undefined) return { ok: true, caller: callerBy(key) };
  if (bearer?.startsWith('rsp_'))
    return { ok: false, refused: badKey('This API key is unknown, expired or revoked.') };
  if (isLocal(request) && namedPage(request, config) === undefined) return { ok: true, caller: LOCAL_CALLER };
  const help = 'Send "Authorization: Bearer rsp_…" with a key made by: npx respool keys create NAME.';
  return { ok: false, refused: badKey(`An API key is needed. ${help}`) };
}

/** The caller as its key stands now, for connections that outlive a request; undefined when the key is gone. */
export function stillCaller({ tenant }: Caller, keys: Keys): Caller | undefined {
  if (tenant === LOCAL) return LOCAL_CALLER;
  const key = keys.valid(tenant);
  return key === undefined ? undefined : callerBy(key);
}

const LOCAL_CALLER: Caller = { tenant: LOCAL, allowed: undefined, models: undefined };

function callerBy({ id, accounts, models }: ApiKey): Caller {
  return { tenant: id, allowed: accounts, models };
}

export function badKey(message: string): Refusal {
  return refusal(401, 'invalid_api_key', message);
}

/** Foreign names in `Host` and foreign pages in `Origin`: how a browser is made to attack a server at home. */
export function refuseAddress(request: FastifyRequest, config: Config): Refusal | undefined {
  const twice = ONCE.find((name) => timesGiven(request, name) > 1);
  if (twice !== undefined) return refusal(400, 'duplicate_header', `The header '${twice}' was sent twice.`);
  const host = hostName(request.headers.host);
  if (host === undefined || !isKnownHost(host, config)) {
    return refusal(
      421,
      'misdirected_request',
      'This server does not answer for that host. Add its name to RESPOOL_PUBLIC_HOSTS.',
    );
  }
  return comesFromForeignPage(request, config) ? foreignPage() : undefined;
}

function foreignPage(): Refusal {
  return refusal(
    403,
    'origin_not_allowed',
    'Pages of that origin may not call this server. A page whose host is in RESPOOL_PUBLIC_HOSTS may call /v1, with fetch and an API key.',
  );
}

/** Node keeps the first of several; a proxy in front may have judged by the last. */
const ONCE = ['host', 'authorization'];

function timesGiven({ raw }: FastifyRequest, name: string): number {
  return raw.rawHeaders.filter((given, index) => index % 2 === 0 && given.toLowerCase() === name).length;
}

/**
 * A page is at home here when it came from the very address it calls, or from a public name. The same machine is not
 * enough: whatever else listens there, or is reached by its bare IP address, may be anybody's.
 */
function comesFromForeignPage({ headers }: FastifyRequest, config: Config): boolean {
  const { origin } = headers;
  if (origin === undefined) return false;
  const page = pageOf(origin);
  return page !== headers.host?.toLowerCase() && !isNamed(page, config);
}

/** The origin of a page elsewhere whose host the operator has named. Whatever runs there, it is not this machine's user. */
export function namedPage({ headers }: FastifyRequest, config: Config): string | undefined {
  const { origin, host } = headers;
  if (origin === undefined) return undefined;
  const page = pageOf(origin);
  return page !== host?.toLowerCase() && isNamed(page, config) ? origin : undefined;
}

const isNamed = (page: string | undefined, config: Config): boolean =>
  config.publicHosts.includes(hostName(page) ?? '');

/** Host and port; undefined for what is no page's origin, such as the `null` of a sandboxed frame. */
function pageOf(origin: string): string | undefined {
  const { host = '', origin: itself } = URL.parse(origin) ?? {};
  return host === '' || itself !== origin.toLowerCase() ? undefined : host;
}

/** Browsers leave `Origin` out where a page asks without wanting to read; this header then still tells. */
function isForeignFetch({ headers }: FastifyRequest): boolean {
  return headers.origin === undefined && FOREIGN_SITES.has(String(headers['sec-fetch-site']));
}

const FOREIGN_SITES = new Set(['cross-site', 'same-site']);

function hostName(host: string | undefined): string | undefined {
  return host === undefined ? undefined : host.toLowerCase().replace(/:\d+$/, '');
}

function isKnownHost(host: string, config: Config): boolean {
  const literal = isIP(host.replace(/^\[|\]$/g, '')) !== 0;
  return literal || LOOPBACK_NAMES.has(host) || config.publicHosts.includes(host);
}

function bearerOf(request: FastifyRequest): string | undefined {
  return /^Bearer\s+(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
}

/** A forwarded header means a proxy on this machine speaks for somebody else. */
export function isLocal(request: FastifyRequest): boolean {
  const { socket, headers } = request.raw;
  const peer = socket.remoteAddress ?? '';
  const loopback = peer === '::1' || peer.startsWith('127.') || peer.startsWith('::ffff:127.');
  const forwarded = Object.keys(headers).some((name) => FORWARDED.test(name));
  return loopback && !forwarded && LOOPBACK_NAMES.has(hostName(headers.host) ?? '');
}
