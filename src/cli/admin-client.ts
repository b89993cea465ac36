/**
 * The verbs' way to a running server: its admin API under the address and the token that the same
 * environment gives. Knows no verb and no shape of an answer.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ErrorWire } from '../admin-api/answer.ts';
import type { Config } from '../config.ts';
import { baseUrl } from '../server/base-url.ts';
import { runningServer } from '../server/data-dir.ts';
import { ExitError } from '../server/exit-error.ts';
import type { Holder } from '../store/database/data-lock.ts';
import { settingsFrom } from './settings.ts';

/** `path` begins with `/api/`. Gives the parsed answer; a refusal or an unreachable server throws `ExitError`. */
export interface AdminApi {
  request(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, body?: unknown): Promise<unknown>;
}

/** Serves the same requests from the database itself; asked for only when no server listens. */
export type Offline = (config: Config) => Promise<AdminApi>;

/** An answer that takes longer than this comes from something that is not our server, or from a stuck one. */
const ANSWER_TIMEOUT_MS = 30_000;

export function adminApi(env: NodeJS.ProcessEnv, offline?: Offline): AdminApi {
  return {
    async request(method, path, body) {
      const config = settingsFrom(env);
      const server = await runningServer(config);
      for (const url of addressesOf(config, server)) {
        const answer = await send(`${url}${path}`, {
          method,
          headers: await headersFor(config, body),
          ...(body !== undefined && { body: JSON.stringify(body) }),
          signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
        });
        if (answer !== 'refused') return readAnswer(answer, config);
      }
      if (server !== undefined) throw unreached(config, server);
      if (offline) return (await offline(config)).request(method, path, body);
      throw new ExitError(`No server listens at ${baseUrl(config)}: start it with "npm start".`);
    },
  };
}

/**
 * A data directory with a database knows its server, so whoever listens at the configured address without holding it
 * is another's. Without one, the server may be anywhere, such as in a container.
 */
function addressesOf(config: Config, server: Holder | undefined): ReadonlySet<string> {
  if (server !== undefined) return new Set([server.url ?? baseUrl(config), baseUrl(config)]);
  return new Set(existsSync(join(config.dataDir, 'respool.db')) ? [] : [baseUrl(config)]);
}

function unreached({ dataDir }: Config, { pid, url }: Holder): ExitError {
  const where =
    url === undefined ? 'does not listen yet: try again' : `does not answer at ${url}: look at its log`;
  return new ExitError(`The server of ${dataDir} (process id ${pid}) ${where}.`);
}

async function headersFor(config: Config, body: unknown): Promise<Record<string, string>> {
  const token = config.adminToken ?? (await storedToken(config));
  return {
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
    ...(body !== undefined && { 'content-type': 'application/json' }),
  };
}

/** Undefined when there is none: the server then says so itself, and a server that does not run says nothing. */
async function storedToken(config: Config): Promise<string | undefined> {
  try {
    return (await readFile(join(config.dataDir, 'admin-token'), 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new ExitError(`The admin token cannot be read: ${(error as Error).message}`);
  }
}

async function send(url: string, init: RequestInit): Promise<Response | 'refused'> {
  try {
    return await fetch(url, init);
  } catch (error) {
    const cause = (error as Error).cause as NodeJS.ErrnoException | undefined;
    if (cause?.code === 'ECONNREFUSED') return 'refused';
    const reason = cause?.message || (error as Error).message;
    throw new ExitError(`The server at ${new URL(url).origin} did not answer (${reason}): look at its log.`);
  }
}

/** The parsed answer; a refusal throws `ExitError` with its message. */
export async function readAnswer(answer: Response, config: Config): Promise<unknown> {
  const body = parseJson(await answer.text());
  if (answer.ok) return body;
  if (answer.status === 401) {
    throw new ExitError(
      `The server did not accept the admin token: run this where ${join(config.dataDir, 'admin-token')} is the ` +
        "server's own, or set RESPOOL_ADMIN_TOKEN.",
    );
  }
  throw new ExitError(messageIn(body) ?? `The server answered ${answer.status}: look at its log.`);
}

function messageIn(body: unknown): string | undefined {
  const message = (body as Partial<ErrorWire> | undefined)?.error?.message;
  return typeof message === 'string' ? message : undefined;
}

function parseJson(source: string): unknown {
  try {
    return source === '' ? undefined : JSON.parse(source);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
