/**
 * The model lists: in the public form for SDKs, in the backend's own form for Codex, which reads much more of it.
 */
import { createHash } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { nameOf, publicModel } from '../../accounts/model-catalogue.ts';
import { refusal } from '../../protocol/refusal.ts';
import { sendRefusal } from '../answer.ts';
import type { Dependencies } from '../dependencies.ts';
import type { CallerOf } from './caller.ts';

interface Query {
  readonly client_version?: string;
}

export function modelRoutes(app: FastifyInstance, dependencies: Dependencies, callerOf: CallerOf): void {
  app.get<{ Querystring: Query }>('/v1/models', async (request, reply) => {
    if (request.query.client_version !== undefined) return codexModels(request, reply);
    const models = await dependencies.catalogue.list(undefined, { allowed: callerOf(request).allowed });
    return { object: 'list', data: models.map(publicModel) };
  });

  app.get<{ Params: { id: string } }>('/v1/models/:id', async (request, reply) => {
    const models = await dependencies.catalogue.list(undefined, { allowed: callerOf(request).allowed });
    const found = models.find((entry) => nameOf(entry) === request.params.id);
    if (found !== undefined) return publicModel(found);
    const message = `The model '${request.params.id}' does not exist or no account may use it.`;
    return sendRefusal(reply, refusal(404, 'model_not_found', message, { param: 'model' }));
  });

  for (const path of ['/backend-api/codex/models', '/backend-api/codex/v1/models']) {
    app.get<{ Querystring: Query }>(path, async (request, reply) => codexModels(request, reply));
  }

  /** Where no account has a list in this form it is empty, and Codex uses the models that it was built with. */
  async function codexModels(
    request: FastifyRequest<{ Querystring: Query }>,
    reply: FastifyReply,
  ): Promise<unknown> {
    const { allowed } = callerOf(request);
    const models = await dependencies.catalogue.list('chatgpt', {
      allowed,
      clientVersion: request.query.client_version,
    });
    if (models.length === 0 && dependencies.pool.rows(allowed).some((row) => row.kind === 'chatgpt')) {
      sendRefusal(
        reply,
        refusal(404, 'models_unavailable', 'No ChatGPT account in the pool can list its models now.'),
      );
      return reply;
    }
    const body = JSON.stringify({ models });
    const etag = `"${createHash('sha1').update(body).digest('base64url')}"`;
    if (request.headers['if-none-match'] === etag) return reply.code(304).send();
    return reply.header('etag', etag).type('application/json').send(body);
  }
}
