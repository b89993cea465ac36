/**
 * `/metrics`: for whoever sits on this machine, and for others with the admin token.
 */
import type { FastifyInstance } from 'fastify';
import { sendRefusal } from '../answer.ts';
import { isLocal } from '../api/caller.ts';
import type { Dependencies } from '../dependencies.ts';
import type { AdminAccess } from './access.ts';

export function metricsRoute(app: FastifyInstance, { metrics }: Dependencies, access: AdminAccess): void {
  app.get('/metrics', async (request, reply) => {
    const refused = isLocal(request) ? undefined : await access.refuse(request);
    if (refused !== undefined) return sendRefusal(reply, refused);
    return reply.type(metrics.contentType).send(await metrics.text());
  });
}
