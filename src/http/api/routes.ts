/**
 * The paths that clients call, under `/v1` and under the backend's own names.
 */
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { TurnRequest } from '../../bridge/turn-request.ts';
import { refusal } from '../../protocol/refusal.ts';
import { shuttingDown } from '../../turn/refusals.ts';
import { sendRefusal } from '../answer.ts';
import type { Dependencies } from '../dependencies.ts';
import { readBody } from '../limits/body-reader.ts';
import type { Reservation } from '../limits/memory-budget.ts';
import { overloaded } from '../limits/overload.ts';
import { TAKES_SOCKETS } from '../limits/server-limits.ts';
import { type Caller, type CallerOf, identify, stillCaller } from './caller.ts';
import { codexRoutes } from './codex.ts';
import { KeyReview } from './key-review.ts';
import { modelRoutes } from './models.ts';
import { answerJson } from './responses-json.ts';
import { answerSse } from './responses-sse.ts';
import { ClientSocket } from './responses-websocket.ts';
import { storedRoutes } from './stored-responses.ts';
import { arrivalOf, MAX_BODY_BYTES, takeBody, turnRequest } from './turn-request.ts';

type ReservationOf = (request: FastifyRequest) => Reservation;

/** Codex appends `/responses` to whatever base it was given; an extra `/v1` after `codex` is a common one. */
const ROOTS = ['/v1', '/backend-api/codex', '/backend-api/codex/v1'];
const LIVE = 'responses';

export function clientRoutes(
  app: FastifyInstance,
  dependencies: Dependencies,
  sockets: Set<ClientSocket>,
): void {
  const callers = new WeakMap<FastifyRequest, Caller>();
  const reservationOf = keepBodies(app, dependencies);
  app.addHook('onRequest', async (request, reply) => {
    const identified = identify(request, dependencies.config, dependencies.store.keys);
    if (!identified.ok) return sendRefusal(reply, identified.refused);
    callers.set(request, identified.caller);
    if (dependencies.bridge.isDraining && request.raw.headers.upgrade !== undefined)
      return sendRefusal(reply, shuttingDown());
    return undefined;
  });

  const review = new KeyReview(dependencies.store.keys);

  const callerOf: CallerOf = (request) => {
    const caller = callers.get(request);
    if (caller === undefined) throw new Error('a request reached its route without a caller');
    return caller;
  };

  const shedding = {
    onRequest: async (_request: FastifyRequest, reply: FastifyReply) =>
      dependencies.load.state === 'overloaded' ? sendRefusal(reply, overloaded()) : undefined,
  };
  const way = { callerOf, reservationOf, review };
  for (const root of ROOTS) {
    app.post(`${root}/${LIVE}`, shedding, turnRoute(dependencies, { ...way, route: 'responses' }));
    app.post(`${root}/${LIVE}/compact`, shedding, turnRoute(dependencies, { ...way, route: 'compact' }));
    // Asked by programs that want to know whether anything is here.
    app.head(`${root}/${LIVE}`, async (_request, reply) => reply.send());
    app.route({
      method: 'GET',
      url: `${root}/${LIVE}`,
      exposeHeadRoute: false,
      config: TAKES_SOCKETS,
      handler: async (_request, reply) => sendRefusal(reply, needsUpgrade()),
      wsHandler: (socket, request) => {
        const arrival = arrivalOf(request, callerOf(request));
        const client = new ClientSocket({ socket, stream: request.raw.socket, arrival }, dependencies);
        sockets.add(client);
        const forget = review.add(client);
        socket.once('close', () => {
          sockets.delete(client);
          forget();
        });
      },
    });
  }
  const counting = turnRoute(dependencies, { ...way, route: 'input_tokens' });
  app.post('/v1/responses/input_tokens', shedding, counting);
  modelRoutes(app, dependencies, callerOf);
  codexRoutes(app, dependencies, callerOf);
  storedRoutes(app, dependencies, callerOf);
}

/**
 * Bodies are kept as they came, and read once, in turn-request.ts. Each request has a reservation of what all bodies may
 * hold, until its connection is done with it.
 */
function keepBodies(app: FastifyInstance, dependencies: Dependencies): ReservationOf {
  const reservations = new WeakMap<FastifyRequest, Reservation>();
  const reservationOf: ReservationOf = (request) =>
    reservations.get(request) ?? dependencies.bodies.reserve();
  app.addHook('onRequest', async (request, reply) => {
    const reservation = dependencies.bodies.reserve();
    reservations.set(request, reservation);
    reply.raw.once('close', () => reservation.free());
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (request: FastifyRequest, payload: IncomingMessage) =>
    readBody(payload, { mostBytes: MAX_BODY_BYTES, reservation: reservationOf(request) }),
  );
  return reservationOf;
}

interface TurnWay {
  readonly callerOf: CallerOf;
  readonly reservationOf: ReservationOf;
  readonly review: KeyReview;
  readonly route: TurnRequest['route'];
}

/** A unary turn or an event stream, as the body asks. */
function turnRoute(dependencies: Dependencies, { callerOf, reservationOf, review, route }: TurnWay) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    const asked = await takeBody(request, reservationOf(request));
    if (!asked.ok) return sendRefusal(reply, asked.refused);
    const { envelope } = asked;
    const door = envelope.stream === 'yes' && route === 'responses' ? 'sse' : 'json';
    const way = { door, route, socketStream: undefined, id: request.id } as const;
    const taken = turnRequest(envelope, arrivalOf(request, callerOf(request)), way, dependencies.pool);
    if (!taken.ok) return sendRefusal(reply, taken.refused);
    const caller = callerOf(request);
    const forget = review.add({
      // The close of its connection ends the turn.
      reviewKey: () => void (stillCaller(caller, dependencies.store.keys) ?? reply.raw.destroy()),
    });
    if (door === 'sse') await answerSse(dependencies, taken.request, reply);
    else await answerJson(dependencies.bridge, taken.request, reply);
    forget();
    return reply;
  };
}

function needsUpgrade() {
  return refusal(426, 'upgrade_required', 'Open this path as a WebSocket, or POST to it.', {
    headers: { upgrade: 'websocket' },
  });
}
