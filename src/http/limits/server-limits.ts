/**
 * What the server stands from any peer before a route is reached: times, sizes, numbers, and the answers to what is
 * no request at all. Knows no route.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { WebSocket } from '@fastify/websocket';
import type { FastifyHttpOptions, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { newRequestId } from '../../bridge/bridge.ts';
import { parseObject } from '../../protocol/frame.ts';
import { refusal } from '../../protocol/refusal.ts';
import { sendRefusal } from '../answer.ts';
import { meantBy } from '../api/wrong-path.ts';
import type { Dependencies } from '../dependencies.ts';
import { backpressureOf } from './backpressure.ts';
import { readBody } from './body-reader.ts';
import { boundConnections } from './connections.ts';
import { refuseConnection, refuseUpgrade } from './raw-answer.ts';

/** Longer than the idle time of the proxies and SDKs in use, so that it is they who close first. */
const KEEP_ALIVE_MS = 75_000;
const HEADERS_TIMEOUT_MS = 20_000;
/** Node looks for late headers in this rhythm; its own is half a minute. */
const CHECK_CONNECTIONS_MS = 2000;
/** What an operator sends: a name, a key, a file of logins. */
const MAX_ADMIN_BODY_BYTES = 4 * 1024 * 1024;
/** How long the rest of a body that nobody wants is thrown away, so that the client gets to read why. */
const LINGER_MS = 5000;
/** Above this the socket is closed with 1009; from the largest body up to it, an error frame says why. */
const MAX_MESSAGE_BYTES = 80 * 1024 * 1024;
/** A peer that was told to close has this long to do so; it may have much to send before it reads that. */
const CLOSE_TIMEOUT_MS = 30_000;

export const SERVER_BOUNDS = {
  keepAliveTimeout: KEEP_ALIVE_MS,
  // Bodies have a clock of their own, which asks for progress instead of for an end (body-reader.ts).
  requestTimeout: 0,
  http: {
    headersTimeout: HEADERS_TIMEOUT_MS,
    connectionsCheckingInterval: CHECK_CONNECTIONS_MS,
    // Node would answer without a word; here it is refused like any host that is not ours.
    requireHostHeader: false,
    // Everything else that is offered there, such as h2c, may be declined by ignoring it.
    shouldUpgradeCallback: ({ headers }: IncomingMessage) => headers.upgrade?.toLowerCase() === 'websocket',
  },
  clientErrorHandler: (error, socket) => refuseConnection(error.code, socket as Socket),
  frameworkErrors: (_error, { id }, reply) =>
    void sendRefusal(
      reply.header('x-request-id', id),
      refusal(400, 'invalid_path', 'The path of the request cannot be read.'),
    ),
} satisfies FastifyHttpOptions<Server>;

/** UTF-8 is checked where JSON is read, together with everything else about it (protocol/json-scan.ts). */
export const SOCKET_BOUNDS = {
  maxPayload: MAX_MESSAGE_BYTES,
  perMessageDeflate: false,
  skipUTF8Validation: true,
  closeTimeout: CLOSE_TIMEOUT_MS,
};

/**
 * After a broken frame ws has said why in its close frame. It then throws away what still comes, and the connection
 * must not be destroyed meanwhile: a peer that is reset while it sends loses the words it has not read yet.
 */
export function endBrokenSocket(_error: Error, socket: WebSocket): void {
  if (socket.readyState === socket.OPEN) socket.terminate();
}

/** Once the websocket plugin is there. */
export function holdBounds(server: FastifyInstance, dependencies: Dependencies): void {
  boundConnections(server.server, dependencies.config);
  readJsonBodies(server, dependencies);
  server.server.on('checkExpectation', refuseExpectation);
  server.websocketServer.on('wsClientError', (_error, socket) => refuseUpgrade(socket));
  server.websocketServer.on('headers', (headers: string[]) =>
    headers.push(`x-request-id: ${newRequestId()}`),
  );
  // After all that is asked of who calls, before its body.
  server.addHook('preParsing', async (request, reply) =>
    request.ws && !takesSockets(request.routeOptions.config) ? refuseHandshake(reply) : undefined,
  );
  // Before its body: what is sent to nowhere is not waited for.
  server.addHook('onRequest', async (request, reply) => (request.is404 ? refusePath(reply) : undefined));
  server.addHook('onSend', async (request, reply) => {
    backpressureOf(reply.raw)?.watch();
    // The websocket plugin ends the connection of a handshake that was refused.
    if (request.ws) reply.header('connection', 'close');
  });
  server.addHook('onResponse', async ({ raw }) => {
    if (!raw.complete) setTimeout(() => raw.complete || raw.destroy(), LINGER_MS).unref();
  });
}

/** What a route says of itself that takes WebSockets. */
export const TAKES_SOCKETS = { takesSockets: true } as const;

const takesSockets = (config: object): boolean => 'takesSockets' in config;

const METHODS = ['GET', 'POST', 'DELETE'] as const;

export function refusePath(reply: FastifyReply): FastifyReply {
  const { server, request } = reply;
  const isServed = (url: string): boolean => METHODS.some((method) => server.hasRoute({ method, url }));
  const meant = meantBy(request.raw.url ?? '', isServed);
  const message = 'There is nothing at this path, or not for this method.';
  return sendRefusal(reply, refusal(404, 'not_found', meant === undefined ? message : `${message} ${meant}`));
}

/** The websocket plugin would shake hands at any path, and close without a word what no route takes. */
function refuseHandshake(reply: FastifyReply): FastifyReply {
  const message = 'This path is no WebSocket. Open /v1/responses or /backend-api/codex/responses.';
  return sendRefusal(reply, refusal(404, 'not_found', message));
}

/** For every route that has no reader of its own; a login is asked for by people who have not shown a token yet. */
function readJsonBodies(server: FastifyInstance, { bodies }: Dependencies): void {
  server.removeAllContentTypeParsers();
  server.addContentTypeParser(
    'application/json',
    async (_request: FastifyRequest, payload: IncomingMessage) => {
      const reservation = bodies.reserve();
      const read = await readBody(payload, { mostBytes: MAX_ADMIN_BODY_BYTES, reservation });
      reservation.free();
      if (!read.ok) throw withStatus(read.refused.status, read.refused.error.message);
      if (read.bytes.length === 0) return undefined;
      return parseObject(read.bytes) ?? Promise.reject(withStatus(400, 'The body is not a JSON object.'));
    },
  );
}

function withStatus(statusCode: number, message: string): Error {
  return Object.assign(new Error(message), { statusCode });
}

function refuseExpectation(_request: IncomingMessage, response: ServerResponse): void {
  const refused = refusal(417, 'expectation_failed', "Of 'expect' only '100-continue' is known here.");
  response.writeHead(refused.status, {
    'content-type': 'application/json',
    'x-request-id': newRequestId(),
    connection: 'close',
  });
  response.end(JSON.stringify({ error: refused.error }));
}
