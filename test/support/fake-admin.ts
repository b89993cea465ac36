/** A small server that stands where the admin API would, and a context that remembers what a verb said. */
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { adminApi } from '../../src/cli/admin-client.ts';
import type { CommandContext } from '../../src/cli/context.ts';
import { offlineApi } from '../../src/cli/offline.ts';

export const ADMIN_TOKEN = 'admin-token-of-the-test';

/** A database in the working directory would be taken for that of the verb. */
const NO_DATA = join(import.meta.dirname, 'no-data');

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
  readonly body: unknown;
}

/** What the server answers: a status with a body. */
export type Answers = (request: SeenRequest) => { readonly status?: number; readonly body?: unknown };

export interface FakeAdmin extends AsyncDisposable {
  readonly seen: readonly SeenRequest[];
  /** The environment that leads a verb here. */
  readonly env: Record<string, string>;
}

export async function startFakeAdmin(answers: Answers): Promise<FakeAdmin> {
  const seen: SeenRequest[] = [];
  const server = createServer(async (request, response) => {
    const asked = await read(request);
    seen.push(asked);
    const { status = 200, body } = answers(asked);
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(body === undefined ? '' : JSON.stringify(body));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    seen,
    env: { RESPOOL_PORT: String(port), RESPOOL_ADMIN_TOKEN: ADMIN_TOKEN, RESPOOL_DATA_DIR: NO_DATA },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function read(request: IncomingMessage): Promise<SeenRequest> {
  const body = await text(request);
  return {
    method: request.method ?? '',
    path: request.url ?? '',
    authorization: request.headers.authorization,
    body: body === '' ? undefined : JSON.parse(body),
  };
}

export interface TestDesk extends CommandContext {
  readonly printed: string[];
  readonly notes: string[];
}

/** `stdin` is what is piped in; `rounds` is how often a verb may pause before it is told to stop. */
export function testContext(
  env: Record<string, string>,
  given: { stdin?: string; rounds?: number } = {},
): TestDesk {
  const printed: string[] = [];
  const notes: string[] = [];
  let rounds = given.rounds ?? 0;
  return {
    env,
    printed,
    notes,
    admin: adminApi(env),
    print: (line) => void printed.push(line),
    note: (line) => void notes.push(line),
    readInput: async () => given.stdin ?? '',
    askSecret: async () => (given.stdin ?? '').trim(),
    readLines: async function* () {
      yield* (given.stdin ?? '').split('\n').filter((line) => line !== '');
    },
    pause: async () => (rounds-- > 0 ? 'go_on' : 'stop'),
  };
}

/** A context whose verbs fall back to the database, as those of a real process do. */
export function offlineContext(env: Record<string, string>, given: { stdin?: string } = {}): TestDesk {
  const context = testContext(env, given);
  return {
    ...context,
    admin: adminApi(env, async (config) => offlineApi(config, (text) => context.note(text))),
  };
}
