/**
 * The one way to write a log line: JSON for machines, short readable lines on a terminal. Knows no part of
 * the server; what must never be logged is listed here so that no caller has to remember it.
 */
import { type DestinationStream, type Logger, levels, pino, stdSerializers } from 'pino';
import type { Config } from './config.ts';
import { LogLines } from './log-lines.ts';

export type Log = Logger;

/** Members that hold a secret, an address of a person, or what somebody typed. */
const PRIVATE: ReadonlySet<string> = new Set([
  ...['authorization', 'cookie', 'set-cookie', 'proxy-authorization', 'chatgpt-account-id'],
  ...['accessToken', 'refreshToken', 'idToken', 'access_token', 'refresh_token', 'id_token', 'token'],
  ...['apiKey', 'api_key', 'key', 'secretKey', 'adminToken', 'email', 'auth_json'],
  ...['input', 'output', 'instructions', 'prompt', 'body'],
]);
const DEEPEST = 8;

/**
 * The same with every private member hidden, wherever it is. Walks the few members of a line itself: pino's redaction
 * looks up each path at each depth, which cost more than all else about a line.
 */
function withoutPrivate(value: unknown, depth = 0): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (depth > DEEPEST) return '[too deep]';
  if (Array.isArray(value)) return value.map((item) => withoutPrivate(item, depth + 1));
  const shown: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(value)) {
    shown[name] = PRIVATE.has(name) ? '[private]' : shownMember(member, depth);
  }
  return shown;
}

/** What says itself how it is written, an error or a date, is left to it; the serializer below sees to errors. */
function shownMember(member: unknown, depth: number): unknown {
  const kind: unknown = Array.isArray(member) ? null : Object.getPrototypeOf(member ?? 0);
  return kind === null || kind === Object.prototype ? withoutPrivate(member, depth + 1) : member;
}

const STDOUT = 1;
/** One for the process, however many servers it runs: two would cut into each other's lines. */
let stdoutLines: LogLines | undefined;

/**
 * A logger at `level`. Without `to`, lines go to stdout without making the event loop wait, and what is
 * still buffered is written when the process exits.
 */
export function createLog(level: Config['logLevel'], to?: DestinationStream): Log {
  const options = {
    level,
    base: null,
    formatters: { log: (line: object) => withoutPrivate(line) as Record<string, unknown> },
    serializers: { err: (error: Error) => withoutPrivate(stdSerializers.err(error)) },
  };
  return pino(options, to ?? (process.stdout.isTTY ? readable(process.stdout) : stdout()));
}

function stdout(): LogLines {
  stdoutLines ??= new LogLines(STDOUT);
  return stdoutLines;
}

/** A stream that turns pino's JSON lines into `time LEVEL message key=value …`. */
export function readable(to: { write(text: string): unknown }): DestinationStream {
  return { write: (line) => to.write(readableLine(JSON.parse(line))) };
}

function readableLine(line: Record<string, unknown>): string {
  const { time, level, msg, err, ...rest } = line;
  const clock = new Date(Number(time)).toLocaleTimeString('en-GB');
  const name = (levels.labels[Number(level)] ?? 'log').toUpperCase().padEnd(5);
  const details = Object.entries(rest).map(([key, value]) => `${key}=${asText(value)}`);
  const words = [clock, name, msg, ...details].filter((word) => word !== undefined);
  return `${words.join(' ')}\n${err === undefined ? '' : `${stackOf(err)}\n`}`;
}

function asText(value: unknown): string {
  return typeof value === 'string' && !/[\s"=]/.test(value) ? value : JSON.stringify(value);
}

function stackOf(error: unknown): string {
  const stack = typeof error === 'object' && error !== null && 'stack' in error ? error.stack : undefined;
  return typeof stack === 'string' ? stack : JSON.stringify(error);
}
