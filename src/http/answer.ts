/**
 * How a refusal looks as an HTTP answer, and the headers that every answer carries.
 */
import type { FastifyReply } from 'fastify';
import type { ErrorWire } from '../admin-api/answer.ts';
import type { RunningTurn } from '../bridge/turn-request.ts';
import type { Refusal } from '../protocol/refusal.ts';

/** A body that upstream gave in its own form (`{"detail":…}`) stays in it on the backend's paths. */
export function sendRefusal(reply: FastifyReply, refused: Refusal): FastifyReply {
  const native = reply.request.url.startsWith('/backend-api') && refused.verbatim !== undefined;
  return reply
    .code(refused.status)
    .headers({ ...refused.headers })
    .type('application/json')
    .send(JSON.stringify(native ? refused.verbatim : ({ error: refused.error } satisfies ErrorWire)));
}

export function turnHeaders(turn: RunningTurn, requestId: string): Record<string, string> {
  const dropped =
    turn.droppedParams.length === 0 ? {} : { 'x-respool-dropped-params': turn.droppedParams.join(',') };
  return { ...turn.headers, ...dropped, 'x-request-id': requestId };
}

/** Calls `leave` when the client has left before its answer was complete, be it while its body was still decoded. */
export function onClientGone({ raw }: FastifyReply, leave: () => void): void {
  if (raw.destroyed) {
    leave();
    return;
  }
  raw.once('close', () => {
    if (!raw.writableFinished) leave();
  });
}
