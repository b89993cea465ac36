/**
 * Responses after the fact: read, listed, deleted, cancelled. The account that keeps a response is asked for it;
 * otherwise the transcript answers, so that a backend which keeps nothing can be used as if it did.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { upstreamAccountOf } from '../accounts/account.ts';
import type { ResponseId, Tenant } from '../ids.ts';
import { parseObject } from '../protocol/frame.ts';
import { scanObject } from '../protocol/json-scan.ts';
import { joinArray, rewriteObject } from '../protocol/json-splice.ts';
import { refusal } from '../protocol/refusal.ts';
import type { TranscriptNode } from '../store/transcript-node.ts';
import { responsesRoot } from '../upstream/account.ts';
import type { UnaryAnswer } from '../upstream/http.ts';
import { sendRefusal } from './answer.ts';
import type { CallerOf } from './client-routes.ts';
import type { Parts } from './parts.ts';

type Named = FastifyRequest<{ Params: { id: string }; Querystring: Record<string, string> }>;
type Method = 'GET' | 'POST' | 'DELETE';

export function storedRoutes(app: FastifyInstance, parts: Parts, callerOf: CallerOf): void {
  const stored = new StoredResponses(parts);
  app.get('/v1/responses/:id', async (request: Named, reply) =>
    stored.retrieve(callerOf(request).tenant, request, reply),
  );
  app.get('/v1/responses/:id/input_items', async (request: Named, reply) =>
    stored.inputItems(callerOf(request).tenant, request, reply),
  );
  app.delete('/v1/responses/:id', async (request: Named, reply) =>
    stored.remove(callerOf(request).tenant, request, reply),
  );
  app.post('/v1/responses/:id/cancel', async (request: Named, reply) =>
    stored.cancel(callerOf(request).tenant, request, reply),
  );
}

class StoredResponses {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async retrieve(tenant: Tenant, request: Named, reply: FastifyReply): Promise<unknown> {
    const upstream = await this.#askOwner(tenant, request, 'GET');
    if (upstream !== undefined) return relay(upstream, reply);
    const node = this.#node(tenant, request);
    if (node === undefined) return notFound(request, reply);
    if (request.query['stream'] === 'true') {
      return sendRefusal(
        reply,
        refusal(400, 'stream_not_available', 'This response is kept as a whole; its events are not kept.', {
          param: 'stream',
        }),
      );
    }
    return reply.type('application/json').send(wholeResponse(node));
  }

  async inputItems(tenant: Tenant, request: Named, reply: FastifyReply): Promise<unknown> {
    const upstream = await this.#askOwner(tenant, request, 'GET');
    if (upstream !== undefined) return relay(upstream, reply);
    const nodes = this.#parts.store.transcripts.walk(tenant, request.params.id as ResponseId);
    const last = nodes?.at(-1);
    if (nodes === undefined || last === undefined) return notFound(request, reply);
    const before = nodes.slice(0, -1).flatMap((node) => [...node.input, ...node.output]);
    return page([...before, ...last.input].map(withId), request.query);
  }

  async remove(tenant: Tenant, request: Named, reply: FastifyReply): Promise<unknown> {
    const id = request.params.id as ResponseId;
    const known = this.#parts.store.requests.ownerOf(tenant, id) ?? this.#node(tenant, request);
    if (known === undefined) return notFound(request, reply);
    const upstream = await this.#askOwner(tenant, request, 'DELETE');
    if (upstream !== undefined && upstream.status >= 500) return relay(upstream, reply);
    await this.#parts.store.forgetResponse(tenant, id);
    return { id, object: 'response', deleted: true };
  }

  async cancel(tenant: Tenant, request: Named, reply: FastifyReply): Promise<unknown> {
    const upstream = await this.#askOwner(tenant, request, 'POST');
    if (upstream !== undefined) return relay(upstream, reply);
    if (this.#node(tenant, request) === undefined) return notFound(request, reply);
    return sendRefusal(
      reply,
      refusal(
        400,
        'response_not_cancellable',
        'Only a response that was created with background: true can be cancelled.',
      ),
    );
  }

  #node(tenant: Tenant, request: Named): TranscriptNode | undefined {
    return this.#parts.store.transcripts.get(tenant, request.params.id as ResponseId);
  }

  /** `undefined`: no account keeps it, or the one that does cannot be asked now. */
  async #askOwner(
    tenant: Tenant,
    request: Named,
    method: Method,
  ): Promise<Extract<UnaryAnswer, { ok: true }> | undefined> {
    const owner = this.#parts.store.requests.ownerOf(tenant, request.params.id as ResponseId);
    const row =
      owner?.stored && owner.account !== undefined ? this.#parts.pool.get(owner.account) : undefined;
    if (row === undefined) return undefined;
    const account = upstreamAccountOf(row, this.#parts.config);
    const url = `${responsesRoot(account)}${request.url.replace(/^\/v1/, '')}`;
    const answer = await this.#parts.http.unary({ account, method, url, headers: {} }, { timeoutMs: 30_000 });
    const usable = answer.ok && answer.status < 500 && ![401, 402, 403, 429].includes(answer.status);
    return usable ? answer : undefined;
  }
}

function relay(answer: Extract<UnaryAnswer, { ok: true }>, reply: FastifyReply): unknown {
  return reply
    .code(answer.status)
    .type(answer.headers['content-type'] ?? 'application/json')
    .send(answer.body);
}

function notFound(request: Named, reply: FastifyReply): unknown {
  return sendRefusal(
    reply,
    refusal(404, 'response_not_found', `Response with id '${request.params.id}' not found.`, {
      type: 'invalid_request_error',
    }),
  );
}

function wholeResponse(node: TranscriptNode): Buffer {
  const scan = scanObject(node.response);
  return scan.ok
    ? rewriteObject(node.response, scan.members, { set: { output: joinArray(node.output) } })
    : node.response;
}

/** Clients page by item id; an item that came without one is named by its place. */
function withId(item: Buffer, index: number): Record<string, unknown> & { id: string } {
  const parsed = parseObject(item) ?? {};
  return { ...parsed, id: typeof parsed['id'] === 'string' ? parsed['id'] : `item_${index}` };
}

function page(items: readonly { id: string }[], query: Record<string, string>): object {
  const limit = Math.min(100, Math.max(1, Number(query['limit']) || 20));
  const ordered = query['order'] === 'asc' ? items : items.toReversed();
  const from = query['after'] === undefined ? 0 : ordered.findIndex((item) => item.id === query['after']) + 1;
  const data = ordered.slice(from, from + limit);
  return {
    object: 'list',
    data,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: from + limit < ordered.length,
  };
}
