/**
 * The admin API without a server: the same routes, answered in this process over the database itself. Everything is
 * opened for one request and closed after it, so that a server that starts in between answers the next one.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config.ts';
import { buildAdminApp } from '../http/app.ts';
import { createLog } from '../log.ts';
import { baseUrl } from '../server/base-url.ts';
import { capacityOf, compose } from '../server/compose.ts';
import { holdAsCommand } from '../server/data-dir.ts';
import { ExitError } from '../server/exit-error.ts';
import { openOrStop } from '../server/server.ts';
import { type AdminApi, readAnswer } from './admin-client.ts';

type Request = Parameters<AdminApi['request']>;

/** What the database alone can answer: the rest is about what a server does. */
const ANSWERED: readonly RegExp[] = [
  /^(GET|POST) \/api\/accounts$/,
  /^(PATCH|DELETE) \/api\/accounts\/[^/]+$/,
  /^(GET|POST) \/api\/keys$/,
  /^DELETE \/api\/keys\/[^/]+$/,
  /^GET \/api\/requests(\?.*)?$/,
  /^GET \/api\/sessions$/,
];

/** `remark` is told once that no server runs, so that nobody takes an empty list of sessions for a quiet server. */
export function offlineApi(config: Config, remark: (text: string) => void): AdminApi {
  return {
    async request(...request) {
      const [method, path] = request;
      if (!ANSWERED.some((route) => route.test(`${method} ${path}`))) throw noServer(config);
      // Looking must not make a data directory in whatever folder somebody happens to be.
      if (method !== 'POST' && !existsSync(join(config.dataDir, 'respool.db'))) throw noServer(config);
      const answer = await answerOnce(config, request);
      remark(`No server runs; this is the database in ${config.dataDir}.`);
      return answer;
    },
  };
}

function noServer(config: Config): ExitError {
  return new ExitError(`No server listens at ${baseUrl(config)}: start it with "npm start".`);
}

async function answerOnce(config: Config, [method, path, body]: Request): Promise<unknown> {
  const log = createLog('silent');
  await using opened = new AsyncDisposableStack();
  opened.use(await holdAsCommand(config, 'try again'));
  const store = opened.adopt(await openOrStop(config, log), (one) => one.close());
  const { dependencies } = opened.adopt(compose({ config, log, store, capacity: capacityOf(log) }), (built) =>
    built.close(),
  );
  const server = opened.adopt(await buildAdminApp(dependencies), (app) => app.close());
  const { payload, statusCode } = await server.inject({
    method,
    url: path,
    headers: { authorization: `Bearer ${dependencies.adminToken}`, host: 'localhost' },
    ...(body !== undefined && { payload: body as object }),
  });
  return await readAnswer(new Response(payload || null, { status: statusCode }), config);
}
