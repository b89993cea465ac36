/**
 * Pages of other origins: those whose host the operator has named may call `/v1`, with a key of their own. Nothing else
 * of the server is for them, and no other page gets a header that would let it read anything.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Config } from '../../config.ts';
import { sendRefusal } from '../answer.ts';
import { refusePath } from '../limits/server-limits.ts';
import { namedPage, refuseAddress } from './caller.ts';

const SHARED = '/v1/';
const METHODS = 'GET, POST, DELETE';
const READABLE = [
  'x-request-id',
  'retry-after',
  'x-should-retry',
  'x-respool-dropped-params',
  'openai-processing-ms',
].join(', ');
/** Of a preflight's answer. */
const FRESH_S = 600;
/** Names of headers, as many as an SDK sends; the key is what decides, so none of them is worth a list. */
const HEADER_NAMES = /^[\w-]{1,64}(?:\s*,\s*[\w-]{1,64}){0,63}$/;

/** Before all other hooks, so that a page can read why it was refused. */
export function shareWithPages(server: FastifyInstance, config: Config): void {
  if (config.publicHosts.length === 0) return;
  server.addHook('onRequest', async (request, reply) => {
    if (!request.url.startsWith(SHARED)) return;
    reply.raw.setHeader('vary', 'origin');
    const origin = namedPage(request, config);
    if (origin === undefined) return;
    reply.raw.setHeader('access-control-allow-origin', origin);
    reply.raw.setHeader('access-control-expose-headers', READABLE);
  });
}

/** A browser asks without the key whether it may send it. */
export function preflightRoutes(app: FastifyInstance, config: Config): void {
  if (config.publicHosts.length === 0) return;
  app.addHook('onRequest', async (request, reply) => {
    const refused = refuseAddress(request, config);
    return refused === undefined ? undefined : sendRefusal(reply, refused);
  });
  app.options(`${SHARED}*`, async (request, reply) => {
    const asks = request.headers['access-control-request-method'] !== undefined;
    return asks && namedPage(request, config) !== undefined ? allow(request, reply) : refusePath(reply);
  });
}

function allow({ headers }: FastifyRequest, reply: FastifyReply): FastifyReply {
  const wanted = headers['access-control-request-headers'] ?? '';
  const local = headers['access-control-request-private-network'] === 'true';
  return reply
    .code(204)
    .headers({
      'access-control-allow-methods': METHODS,
      ...(HEADER_NAMES.test(wanted) ? { 'access-control-allow-headers': wanted } : {}),
      ...(local ? { 'access-control-allow-private-network': 'true' } : {}),
      'access-control-max-age': String(FRESH_S),
    })
    .send();
}
