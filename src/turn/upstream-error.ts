/**
 * Everything by which an upstream can say no, brought into one shape before it is judged. The same refusal
 * arrives as an HTTP body, a refused upgrade, a WebSocket `error` frame in four dialects, or a `response.failed`
 * inside a stream that began with 200; after `normalise` they look alike.
 */

export type Headers = Readonly<Record<string, string>>;

export type UpstreamError =
  | {
      readonly via: 'http' | 'upgrade';
      readonly status: number;
      readonly headers: Headers;
      readonly body: unknown;
    }
  | { readonly via: 'frame'; readonly event: Readonly<Record<string, unknown>> }
  | { readonly via: 'close'; readonly code: number; readonly reason: string }
  | { readonly via: 'socket'; readonly code: string; readonly message: string }
  | { readonly via: 'timeout'; readonly what: 'connect' | 'first_event' | 'idle' | 'ping' | 'unary' }
  | { readonly via: 'eof' }
  | { readonly via: 'garbage' };

/** What the rows of `classify.ts` look at. `code`, `type` and `text` are in lower case. */
export interface Seen {
  readonly via: UpstreamError['via'];
  readonly status: number | undefined;
  readonly code: string;
  readonly type: string;
  /** `code`, or `type` where there is no code: `usage_limit_reached` usually comes as a type alone. */
  readonly key: string;
  readonly param: string;
  readonly message: string;
  readonly text: string;
  readonly headers: Headers;
  readonly plan: string | undefined;
  readonly resetAt: number | undefined;
  readonly error: Readonly<Record<string, unknown>>;
  /** The whole body, for bodies that are passed on verbatim. */
  readonly body: unknown;
}

type Dict = Readonly<Record<string, unknown>>;

const isDict = (value: unknown): value is Dict =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const dict = (value: unknown): Dict | undefined => (isDict(value) ? value : undefined);
const text = (value: unknown): string => (typeof value === 'string' ? value : '');

export function normalise(error: UpstreamError, now: number): Seen {
  switch (error.via) {
    case 'http':
    case 'upgrade':
      return seen(error.via, error, now);
    case 'frame': {
      const { event } = error;
      const headers = { ...lowerCased(event['headers']), ...lowerCased(dict(event['error'])?.['headers']) };
      return seen('frame', { status: frameStatus(event), headers, body: event }, now);
    }
    default:
      return seen(error.via, { status: undefined, headers: {}, body: { error: describe(error) } }, now);
  }
}

type Loss = Exclude<UpstreamError, { readonly via: 'http' | 'upgrade' } | { readonly via: 'frame' }>;

function describe(error: Loss): Dict {
  switch (error.via) {
    case 'close':
      return { code: `close_${error.code}`, message: error.reason };
    case 'socket':
      return { code: error.code, message: error.message };
    case 'timeout':
      return { code: `${error.what}_timeout`, message: '' };
    case 'eof':
      return { code: 'eof', message: '' };
    case 'garbage':
      return { code: 'garbage', message: '' };
  }
}

/** Upstreams have been seen to use `status`, `status_code`, and either of them inside `error`. */
function frameStatus(event: Dict): number | undefined {
  const error = dict(event['error']) ?? dict(dict(event['body'])?.['error']);
  const found = [event['status'], event['status_code'], error?.['status'], error?.['status_code']];
  return found.find((status) => typeof status === 'number');
}

interface Raw {
  readonly status: number | undefined;
  readonly headers: Headers;
  readonly body: unknown;
}

function seen(via: UpstreamError['via'], raw: Raw, now: number): Seen {
  const error = errorObject(raw.body);
  const headerCode = codeFromHeader(raw.headers);
  const code = (text(error['code']) || headerCode).toLowerCase();
  const type = text(error['type']).toLowerCase();
  const message = text(error['message']);
  return {
    via,
    status: raw.status,
    code,
    type,
    key: code || type,
    param: text(error['param']),
    message,
    text: message.toLowerCase().replace(/\.$/, ''),
    headers: raw.headers,
    plan: text(error['plan_type']) || raw.headers['x-codex-plan-type'] || undefined,
    resetAt: resetOf(error, message, raw.headers, now),
    error,
    body: raw.body,
  };
}

/** The error object, wherever this dialect keeps it; a string `detail` or a plain text body becomes its message. */
function errorObject(body: unknown): Dict {
  const top = dict(body);
  if (top === undefined) return { message: text(body) };
  const nested =
    dict(top['error']) ??
    dict(dict(top['body'])?.['error']) ??
    dict(dict(top['response'])?.['error']) ??
    dict(top['detail']);
  if (nested !== undefined) return nested;
  if (typeof top['error'] === 'string')
    return { code: top['error'], message: text(top['message']) || top['error'] };
  if (typeof top['detail'] === 'string') return { message: top['detail'] };
  // A flat `error` event: its own `type` is the event's name, not the error's.
  return { ...top, type: top['type'] === 'error' ? '' : top['type'] };
}

/** `x-error-json` is base64 of `{error:{code}}`; some 403s name their code only there. */
function codeFromHeader(headers: Headers): string {
  const packed = headers['x-error-json'];
  if (packed === undefined) return '';
  try {
    const parsed: unknown = JSON.parse(atob(packed));
    return text(dict(dict(parsed)?.['error'])?.['code']);
  } catch (cause) {
    if (cause instanceof SyntaxError || cause instanceof DOMException) return '';
    throw cause;
  }
}

function lowerCased(headers: unknown): Headers {
  const entries = Object.entries(dict(headers) ?? {}).filter(([, value]) => typeof value !== 'object');
  return Object.fromEntries(entries.map(([name, value]) => [name.toLowerCase(), String(value)]));
}

const MAX_RESET_MS = 366 * 86_400_000;
const MILLISECONDS_FROM = 1e12;

/**
 * When the account may serve again, in epoch ms. The candidates are tried in the order of their precision; one
 * that lies in the past or more than a year ahead is ignored, so that a broken clock cannot block an account.
 */
function resetOf(error: Dict, message: string, headers: Headers, now: number): number | undefined {
  const candidates = [
    instant(error['resets_at']),
    after(now, number(error['resets_in_seconds']), 1000),
    after(now, number(headers['retry-after-ms']), 1),
    retryAfter(headers['retry-after'], now),
    after(now, delayInWords(message), 1),
    exhaustedWindow(headers),
  ];
  return candidates.find((at) => at !== undefined && at > now && at <= now + MAX_RESET_MS);
}

function number(value: unknown): number | undefined {
  const parsed = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof parsed === 'number' && Number.isFinite(parsed) ? parsed : undefined;
}

function instant(value: unknown): number | undefined {
  const at = number(value);
  if (at === undefined) return undefined;
  return at > MILLISECONDS_FROM ? at : at * 1000;
}

function after(now: number, amount: number | undefined, unitMs: number): number | undefined {
  return amount === undefined ? undefined : now + amount * unitMs;
}

function retryAfter(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined;
  const seconds = number(value);
  if (seconds !== undefined) return now + seconds * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : date;
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** "Please try again in 1.9s", "… in 20ms", "… in 3 minutes". */
function delayInWords(message: string): number | undefined {
  const found =
    /try again in\s+(\d+(?:\.\d+)?)\s*(ms|milliseconds?|s|sec|seconds?|m|min|minutes?|h|hours?)\b/i.exec(
      message,
    );
  if (found === null) return undefined;
  const unit = (found[2] ?? 's').toLowerCase();
  const key = unit === 'ms' || unit.startsWith('milli') ? 'ms' : unit.charAt(0);
  return Number(found[1]) * (UNITS[key] ?? 1000);
}

/** The reset of whichever of the two windows stands at 100 %; the later one if both do. */
function exhaustedWindow(headers: Headers): number | undefined {
  const resets = ['primary', 'secondary']
    .filter((slot) => (number(headers[`x-codex-${slot}-used-percent`]) ?? 0) >= 100)
    .map((slot) => instant(headers[`x-codex-${slot}-reset-at`]))
    .filter((at) => at !== undefined);
  return resets.length === 0 ? undefined : Math.max(...resets);
}
