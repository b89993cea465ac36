/**
 * The HTTP server, composed but not listening: limits, errors, routes. Knows no way of starting or stopping a
 * process.
 */
import websocket from '@fastify/websocket';
import fastify, { type FastifyError, type FastifyInstance } from 'fastify';
import { newRequestId } from '../bridge/bridge.ts';
import { refusal } from '../protocol/refusal.ts';
import { adminRoutes } from './admin.ts';
import { sendRefusal } from './answer.ts';
import { clientRoutes } from './client-routes.ts';
import { dashboardRoutes } from './dashboard.ts';
import type { Parts } from './parts.ts';
import type { ClientSocket } from './responses-socket.ts';
import { LARGEST_BODY_BYTES } from './turn-intake.ts';

/** Above this the socket is closed with 1009; between the two, an error frame says why. */
const LARGEST_MESSAGE_BYTES = 80 * 1024 * 1024;
const KEEP_ALIVE_MS = 75_000;
const HEADERS_TIMEOUT_MS = 20_000;

export interface App {
  readonly server: FastifyInstance;
  /** Closes client sockets without a turn; those that have one close after it. */
  closeIdleSockets(): void;
}

export async function buildApp(parts: Parts): Promise<App> {
  const sockets = new Set<ClientSocket>();
  const server = fastify({
    genReqId: newRequestId,
    bodyLimit: LARGEST_BODY_BYTES,
    keepAliveTimeout: KEEP_ALIVE_MS,
    requestTimeout: 0,
    http: { headersTimeout: HEADERS_TIMEOUT_MS },
    forceCloseConnections: true,
    trustProxy: parts.config.trustedProxies.length > 0 ? [...parts.config.trustedProxies] : false,
  });
  server.addHook('onRequest', async (request, reply) => void reply.header('x-request-id', request.id));
  server.setErrorHandler((error: FastifyError, _request, reply) =>
    sendRefusal(reply, refusalOf(error, parts)),
  );
  server.setNotFoundHandler((request, reply) =>
    sendRefusal(
      reply,
      refusal(404, 'not_found', `There is nothing at ${request.method} ${request.url.split('?')[0]}.`),
    ),
  );
  await server.register(websocket, {
    options: { maxPayload: LARGEST_MESSAGE_BYTES, perMessageDeflate: false, skipUTF8Validation: true },
  });
  await server.register(async (app) => clientRoutes(app, parts, sockets));
  await server.register(async (app) => adminRoutes(app, parts));
  await server.register(async (app) => dashboardRoutes(app, parts.config));
  healthRoutes(server, parts);
  return {
    server,
    closeIdleSockets: () => {
      for (const socket of sockets) if (socket.isIdle) socket.close(1001, 'the server is shutting down');
    },
  };
}

function refusalOf(error: FastifyError, { log }: Parts) {
  if (error.statusCode === 413) {
    return refusal(400, 'payload_too_large', 'The body is larger than 64 MiB.');
  }
  if (error.statusCode !== undefined && error.statusCode < 500) {
    return refusal(error.statusCode, 'invalid_request', error.message);
  }
  log.error({ reason: error.message, stack: error.stack }, 'request failed');
  return refusal(500, 'internal_error', 'Something went wrong in respool itself; the log has the reason.');
}

function healthRoutes(server: FastifyInstance, { bridge, store }: Parts): void {
  server.get('/healthz', async () => ({ status: 'ok' }));
  server.get('/readyz', async (_request, reply) => {
    const reason = bridge.isDraining
      ? 'draining'
      : store.writer.healthy
        ? undefined
        : 'database_not_writable';
    return reply.code(reason === undefined ? 200 : 503).send({ status: reason ?? 'ready' });
  });
}
