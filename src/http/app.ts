/**
 * The HTTP server, composed but not listening: limits, errors, routes. Knows no way of starting or stopping a
 * process.
 */
import websocket from '@fastify/websocket';
import fastify, { type FastifyError, type FastifyInstance } from 'fastify';
import { newRequestId } from '../bridge/bridge.ts';
import { refusal } from '../protocol/refusal.ts';
import { StoreUnavailable } from '../store/store-error.ts';
import { dashboardRoutes } from './admin/dashboard.ts';
import { adminRoutes } from './admin/routes.ts';
import { sendRefusal } from './answer.ts';
import { preflightRoutes, shareWithPages } from './api/cors.ts';
import type { ClientSocket } from './api/responses-websocket.ts';
import { clientRoutes } from './api/routes.ts';
import { Deliveries } from './deliveries.ts';
import type { Dependencies } from './dependencies.ts';
import {
  endBrokenSocket,
  holdBounds,
  refusePath,
  SERVER_BOUNDS,
  SOCKET_BOUNDS,
} from './limits/server-limits.ts';

export interface App {
  readonly server: FastifyInstance;
  /** Closes client sockets without a turn; those that have one close after it. */
  closeIdleSockets(): void;
  /** Resolves when clients have read all that was said to them; who has not by then is cut off. */
  deliver(limitMs: number): Promise<void>;
}

export async function buildApp(dependencies: Dependencies): Promise<App> {
  const sockets = new Set<ClientSocket>();
  const server = fastify({
    genReqId: newRequestId,
    ...SERVER_BOUNDS,
    forceCloseConnections: true,
    // Fastify's own words would be no envelope, and ours say the same.
    return503OnClosing: false,
    trustProxy:
      dependencies.config.trustedProxies.length > 0 ? [...dependencies.config.trustedProxies] : false,
  });
  const deliveries = new Deliveries();
  server.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
    reply.raw.once('close', deliveries.begin());
  });
  server.setErrorHandler((error: FastifyError, _request, reply) =>
    sendRefusal(reply, refusalOf(error, dependencies)),
  );
  server.setNotFoundHandler((_request, reply) => refusePath(reply));
  shareWithPages(server, dependencies.config);
  await server.register(websocket, { options: SOCKET_BOUNDS, errorHandler: endBrokenSocket });
  holdBounds(server, dependencies);
  await server.register(async (app) => preflightRoutes(app, dependencies.config));
  await server.register(async (app) => clientRoutes(app, dependencies, sockets));
  await server.register(async (app) => adminRoutes(app, dependencies));
  await server.register(async (app) => dashboardRoutes(app, dependencies.config));
  healthRoutes(server, dependencies);
  return {
    server,
    closeIdleSockets: () => {
      for (const socket of sockets) socket.closeIfDone();
    },
    deliver: async (limitMs) => {
      await deliveries.settled(limitMs);
      for (const socket of sockets) socket.cutOff();
    },
  };
}

/**
 * The admin API alone, for requests that never travel: without what only a real connection needs, and without the
 * doors of clients.
 */
export async function buildAdminApp(dependencies: Dependencies): Promise<FastifyInstance> {
  const server = fastify({ genReqId: newRequestId });
  server.setErrorHandler((error: FastifyError, _request, reply) =>
    sendRefusal(reply, refusalOf(error, dependencies)),
  );
  await server.register(async (app) => adminRoutes(app, dependencies));
  return server;
}

function refusalOf(error: FastifyError, { log }: Dependencies) {
  if (error instanceof StoreUnavailable) {
    return refusal(503, 'store_unavailable', error.message, { headers: { 'retry-after': '1' } });
  }
  if (error.statusCode !== undefined && error.statusCode < 500) {
    return refusal(error.statusCode, 'invalid_request', error.message);
  }
  log.error({ reason: error.message, stack: error.stack }, 'request failed');
  return refusal(500, 'internal_error', 'Something went wrong in respool itself; the log has the reason.');
}

function healthRoutes(server: FastifyInstance, { bridge, store }: Dependencies): void {
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
