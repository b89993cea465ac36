/**
 * The settings a process was started with, read once from its environment. Knows nothing of what they are
 * used for, and never exits or prints: whoever starts the process decides what to do with the problems.
 */
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import * as z from 'zod';

export interface Config {
  readonly host: string;
  readonly port: number;
  /** Absolute. */
  readonly dataDir: string;
  readonly adminToken?: string;
  /** 32 bytes. */
  readonly secretKey?: Buffer;
  /** Base addresses carry no slash at the end. */
  readonly openaiBaseUrl: string;
  readonly chatgptBaseUrl: string;
  readonly authBaseUrl: string;
  readonly transcripts: 'disk' | 'memory' | 'off';
  readonly transcriptsDiskBytes: number;
  readonly retentionDays: number;
  readonly firstEventTimeoutMs: number;
  readonly streamIdleTimeoutMs: number;
  readonly upstreamPingMs: number;
  readonly failoverBudgetMs: number;
  readonly keepaliveMs: number;
  readonly sessionIdleMs: number;
  readonly drainMs: number;
  /** Lower case, without a port. */
  readonly publicHosts: readonly string[];
  /** Addresses or CIDRs. */
  readonly trustedProxies: readonly string[];
  readonly logLevel: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';
}

export type LoadedConfig =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly problems: readonly string[] };

/** One variable: `default` is what it holds when unset or empty, as text; `meaning` is one line for people. */
export interface Variable {
  readonly name: string;
  readonly default: string;
  readonly meaning: string;
}

/** Every variable the server reads. `.env.example` and the README's table are checked against this list. */
export const ENVIRONMENT: readonly Variable[] = [
  ['HOST', '127.0.0.1', 'address to listen on'],
  ['PORT', '8411', 'port to listen on'],
  ['DATA_DIR', './data', 'where the database, the secret key and the admin token live'],
  ['ADMIN_TOKEN', '', 'bearer of the admin API; made at the first start and kept in the data directory'],
  ['ADMIN_TOKEN_FILE', '', 'file that holds the admin token'],
  ['SECRET_KEY', '', '32 bytes in base64 that encrypt tokens and transcripts; made at the first start'],
  ['SECRET_KEY_FILE', '', 'file that holds the secret key'],
  ['OPENAI_BASE_URL', 'https://api.openai.com/v1', 'upstream of api_key accounts'],
  ['CHATGPT_BASE_URL', 'https://chatgpt.com/backend-api', 'upstream of chatgpt accounts'],
  ['AUTH_BASE_URL', 'https://auth.openai.com', 'service that issues and renews chatgpt logins'],
  ['TRANSCRIPTS', 'disk', 'disk (encrypted, survives restarts), memory or off'],
  ['TRANSCRIPTS_DISK_MB', '512', 'most that transcripts take on disk; the least recently used ones go first'],
  ['RETENTION_DAYS', '30', 'days a line of the request log is kept'],
  ['FIRST_EVENT_TIMEOUT_MS', '60000', 'longest wait for the first upstream event of an attempt'],
  ['STREAM_IDLE_TIMEOUT_MS', '300000', 'longest silence of upstream inside a stream'],
  ['UPSTREAM_PING_MS', '15000', 'interval of pings on upstream sockets; two unanswered ones end the socket'],
  ['FAILOVER_BUDGET_MS', '20000', 'time after the first failure of a turn in which a new attempt may start'],
  ['KEEPALIVE_MS', '10000', 'longest silence a streaming client sees while its turn is pending'],
  ['SESSION_IDLE_MS', '900000', 'idle time after which the upstream socket of a session is closed'],
  ['DRAIN_MS', '30000', 'time running turns may take to finish after SIGTERM'],
  ['PUBLIC_HOSTS', '', 'further host names clients may use, separated by commas'],
  ['TRUSTED_PROXIES', '', 'addresses or CIDRs whose forwarded headers count, separated by commas'],
  ['LOG_LEVEL', 'info', 'fatal, error, warn, info, debug, trace or silent'],
].map(([name = '', fallback = '', meaning = '']) => ({
  name: `RESPOOL_${name}`,
  default: fallback,
  meaning,
}));

/** A timer set beyond this fires at once in Node, so a longer duration would mean the opposite. */
const MAX_TIMER_MS = 2 ** 31 - 1;
const SECRET_KEY_BYTES = 32;
const MIB = 1024 * 1024;
/** A tebibyte: more is a slip of the finger. */
const MAX_DISK_MIB = MIB;

const numberFrom = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d+$/, 'is not a whole number')
    .transform(Number)
    .refine((value) => value >= min && value <= max, `must lie between ${min} and ${max}`);

const durationMs = numberFrom(1, MAX_TIMER_MS);

const baseUrl = z
  .string()
  .refine(
    (text) => /^https?:$/.test(URL.parse(text)?.protocol ?? ''),
    'is not an http:// or https:// address',
  )
  .transform((text) => text.replace(/\/+$/, ''));

const commaList = (valid: (entry: string) => boolean, complaint: string) =>
  z
    .string()
    .transform((text) => text.split(',').map((entry) => entry.trim().toLowerCase()))
    .transform((entries) => entries.filter((entry) => entry !== ''))
    .refine((entries) => entries.every(valid), complaint);

const secretKey = z
  .string()
  .regex(/^[\w+/-]*={0,2}$/, 'is not base64')
  .transform((text) => Buffer.from(text, 'base64'))
  .refine((key) => key.length === SECRET_KEY_BYTES, `must be ${SECRET_KEY_BYTES} bytes in base64`);

const schema = z.object({
  RESPOOL_HOST: z.string().regex(/^[^\s/]+$/, 'is not an address or host name'),
  RESPOOL_PORT: numberFrom(0, 65_535),
  RESPOOL_DATA_DIR: z.string().transform((path) => resolve(path)),
  RESPOOL_ADMIN_TOKEN: z.string().regex(/^\S+$/, 'must not contain spaces').optional(),
  RESPOOL_SECRET_KEY: secretKey.optional(),
  RESPOOL_OPENAI_BASE_URL: baseUrl,
  RESPOOL_CHATGPT_BASE_URL: baseUrl,
  RESPOOL_AUTH_BASE_URL: baseUrl,
  RESPOOL_TRANSCRIPTS: z.enum(['disk', 'memory', 'off'], 'must be disk, memory or off'),
  RESPOOL_TRANSCRIPTS_DISK_MB: numberFrom(1, MAX_DISK_MIB),
  RESPOOL_RETENTION_DAYS: numberFrom(1, 36_500),
  RESPOOL_FIRST_EVENT_TIMEOUT_MS: durationMs,
  RESPOOL_STREAM_IDLE_TIMEOUT_MS: durationMs,
  RESPOOL_UPSTREAM_PING_MS: durationMs,
  RESPOOL_FAILOVER_BUDGET_MS: durationMs,
  RESPOOL_KEEPALIVE_MS: durationMs,
  RESPOOL_SESSION_IDLE_MS: durationMs,
  RESPOOL_DRAIN_MS: numberFrom(0, MAX_TIMER_MS),
  RESPOOL_PUBLIC_HOSTS: commaList(isHostName, 'must be host names without scheme, port or path'),
  RESPOOL_TRUSTED_PROXIES: commaList(isNetwork, 'must be addresses or CIDRs such as 10.0.0.0/8'),
  RESPOOL_LOG_LEVEL: z.enum(
    ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
    'must be fatal, error, warn, info, debug, trace or silent',
  ),
});

/** Reads the environment and the files it names; either a whole configuration or every problem at once. */
export function loadConfig(env: NodeJS.ProcessEnv): LoadedConfig {
  const given = new Map(
    Object.entries(env).filter(
      (entry): entry is [string, string] => entry[0].startsWith('RESPOOL_') && !!entry[1]?.trim(),
    ),
  );
  const problems = unknownNames([...given.keys()]);
  problems.push(...readSecretFile(given, 'RESPOOL_ADMIN_TOKEN'));
  problems.push(...readSecretFile(given, 'RESPOOL_SECRET_KEY'));
  const defaults = ENVIRONMENT.filter((variable) => variable.default !== '' || isList(variable.name));
  const parsed = schema.safeParse({
    ...Object.fromEntries(defaults.map((variable) => [variable.name, variable.default])),
    ...Object.fromEntries([...given].map(([name, value]) => [name, value.trim()])),
  });
  problems.push(...(parsed.error?.issues ?? []).map((issue) => `${String(issue.path[0])} ${issue.message}`));
  if (problems.length > 0 || !parsed.data) return { ok: false, problems };
  return { ok: true, config: toConfig(parsed.data) };
}

function toConfig(values: z.infer<typeof schema>): Config {
  return {
    host: values.RESPOOL_HOST,
    port: values.RESPOOL_PORT,
    dataDir: values.RESPOOL_DATA_DIR,
    ...(values.RESPOOL_ADMIN_TOKEN !== undefined && { adminToken: values.RESPOOL_ADMIN_TOKEN }),
    ...(values.RESPOOL_SECRET_KEY !== undefined && { secretKey: values.RESPOOL_SECRET_KEY }),
    openaiBaseUrl: values.RESPOOL_OPENAI_BASE_URL,
    chatgptBaseUrl: values.RESPOOL_CHATGPT_BASE_URL,
    authBaseUrl: values.RESPOOL_AUTH_BASE_URL,
    transcripts: values.RESPOOL_TRANSCRIPTS,
    transcriptsDiskBytes: values.RESPOOL_TRANSCRIPTS_DISK_MB * MIB,
    retentionDays: values.RESPOOL_RETENTION_DAYS,
    firstEventTimeoutMs: values.RESPOOL_FIRST_EVENT_TIMEOUT_MS,
    streamIdleTimeoutMs: values.RESPOOL_STREAM_IDLE_TIMEOUT_MS,
    upstreamPingMs: values.RESPOOL_UPSTREAM_PING_MS,
    failoverBudgetMs: values.RESPOOL_FAILOVER_BUDGET_MS,
    keepaliveMs: values.RESPOOL_KEEPALIVE_MS,
    sessionIdleMs: values.RESPOOL_SESSION_IDLE_MS,
    drainMs: values.RESPOOL_DRAIN_MS,
    publicHosts: values.RESPOOL_PUBLIC_HOSTS,
    trustedProxies: values.RESPOOL_TRUSTED_PROXIES,
    logLevel: values.RESPOOL_LOG_LEVEL,
  };
}

const isList = (name: string) => name === 'RESPOOL_PUBLIC_HOSTS' || name === 'RESPOOL_TRUSTED_PROXIES';

/** Puts the content of `<name>_FILE` in the place of `name`. The file's content is never part of a problem. */
function readSecretFile(given: Map<string, string>, name: string): string[] {
  const file = given.get(`${name}_FILE`);
  if (file === undefined) return [];
  if (given.has(name)) return [`${name} and ${name}_FILE are both set: keep one of them`];
  try {
    const content = readFileSync(file.trim(), 'utf8').trim();
    if (content === '') return [`${name}_FILE names an empty file: ${file}`];
    given.set(name, content);
    return [];
  } catch (error) {
    return [`${name}_FILE cannot be read: ${(error as Error).message}`];
  }
}

function unknownNames(names: readonly string[]): string[] {
  const known = ENVIRONMENT.map((variable) => variable.name);
  return names
    .filter((name) => !known.includes(name))
    .map((name) => `${name} is not a known variable; did you mean ${nearest(name, known)}?`);
}

function nearest(name: string, known: readonly string[]): string {
  return known.toSorted((a, b) => distance(name, a) - distance(name, b))[0] ?? '';
}

/** Levenshtein distance, one row at a time. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 0; i < a.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++) {
      const replaced = (row[j] ?? 0) + (a[i] === b[j] ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

function isHostName(text: string): boolean {
  return isIP(text) !== 0 || /^[a-z0-9_]([a-z0-9._-]*[a-z0-9])?$/.test(text);
}

function isNetwork(text: string): boolean {
  const [address = '', prefix, ...rest] = text.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (version === 4 ? 32 : 128));
}
