/**
 * A turn as one JSON answer. Nothing is visible before its end, so a loss at any point is still repaired unseen.
 */
import type { FastifyReply } from 'fastify';
import { member } from '../../bridge/attempt/response-collector.ts';
import type { Bridge } from '../../bridge/bridge.ts';
import type { Outcome, RunningTurn, TurnRequest } from '../../bridge/turn-request.ts';
import { onClientGone, sendRefusal, turnHeaders } from '../answer.ts';

export function answerJson(bridge: Bridge, request: TurnRequest, reply: FastifyReply): Promise<void> {
  return new Promise((resolve) => {
    const turn: RunningTurn = bridge.run(request, {
      frame: () => {},
      flush: () => {},
      end: (outcome) => {
        reply.headers(turnHeaders(turn, request.id));
        render(outcome, reply);
        resolve();
      },
    });
    onClientGone(reply, () => turn.leave());
  });
}

function render(outcome: Outcome, reply: FastifyReply): void {
  switch (outcome.kind) {
    case 'answered':
      reply.type('application/json').send(member(outcome.frame.data, 'response') ?? outcome.frame.data);
      return;
    case 'unary':
      reply.type('application/json').send(outcome.body);
      return;
    case 'refused':
      sendRefusal(reply, outcome.refusal);
      return;
    default:
      // The client is gone; the reply has to end for the server's own books.
      reply.raw.destroy();
  }
}
