/**
 * Responses after the fact: read, listed, deleted, cancelled. The account that keeps a response is asked for it;
 * otherwise the transcript answers, so that a backend which keeps nothing can be used as if it did.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { upstreamAccountOf } from '../../accounts/account.ts';
import { member } from '../../bridge/attempt/response-collector.ts';
import type { ResponseId, Tenant } from '../../domain/ids.ts';
import { kindOf, parseObject } from '../../protocol/frame.ts';
import { scanObject } from '../../protocol/json-scan.ts';
import { joinArray, rewriteObject } from '../../protocol/json-splice.ts';
import { refusal } from '../../protocol/refusal.ts';
import { SseScanner } from '../../protocol/sse.ts';
import type { TranscriptNode } from '../../store/transcripts/node.ts';
import { responsesRoot } from '../../upstream/account.ts';
import type { HttpRequest, UnaryAnswer } from '../../upstream/http.ts';
import { sendRefusal } from '../answer.ts';
import type { Dependencies } from '../dependencies.ts';
import type { CallerOf } from './caller.ts';
import { isTrouble, type PassedOn, passOn, retryAfterOf, type Unreachable } from './stored-stream.ts';

type Named = FastifyRequest<{ Params: { id: string }; Querystring: Record<string, string> }>;
type Method = 'GET' | 'POST' | 'DELETE';
type Answered = Extract<UnaryAnswer, { ok: true }>;
type NotKept = { readonly was: 'not_kept' };
type AskedWhole = { readonly was: 'answered'; readonly answer: Answered } | Unreachable | NotKept;
type AskedStream = PassedOn | NotKept;

/** For a whole answer, or for the beginning of one that streams. */
const OWNER_TIMEOUT_MS = 30_000;
const RETRY_AFTER_S = 5;

export function storedRoutes(app: FastifyInstance, dependencies: Dependencies, callerOf: CallerOf): void {
  const stored = new StoredResponses(dependencies);
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
  readonly #dependencies: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies;
  }

  async retrieve(tenant: Tenant, request: Named, reply: FastifyReply): Promise<unknown> {
    const streams = request.query['stream'] === 'true';
    const asked = streams ? await this.#passOn(tenant, request, reply) : await this.#ask(tenant, request);
    if (asked.was === 'passed_on') return reply;
    if (asked.was === 'answered') {
      this.#learn(tenant, request.params.id as ResponseId, asked.answer.body);
      return relay(asked.answer, reply);
    }
    const node = this.#node(tenant, request);
    if (asked.was === 'unreachable' && (streams || node === undefined)) return sendUnreachable(asked, reply);
    if (node === undefined) return notFound(request, reply);
    if (streams) {
      return sendRefusal(
        reply,
        refusal(400, 'stream_not_available', 'This response is kept as a whole; its events are not kept.', {
          param: 'stream',
        }),
      );
    }
    return reply.type('application/json').send(wholeResponse(node));
  }

  /** The first reading of a background answer is when it becomes part of its conversation. */
  #learn(tenant: Tenant, id: ResponseId, body: Buffer): void {
    const { store, bridge, log } = this.#dependencies;
    const node = bridge.backgroundAnswer(tenant, id, body);
    if (node === undefined) return;
    store.completeTurn(node).catch((cause: Error) => {
      log.error({ reason: cause.message }, 'the answer of a background response is not saved');
    });
  }

  /** The end of a background answer is read off its stream; of one that is known nothing is read. */
  #learnFromStream(tenant: Tenant, id: ResponseId): (chunk: Buffer) => void {
    if (this.#dependencies.store.transcripts.open(tenant, id) === undefined) return () => {};
    const scanner = new SseScanner();
    return (chunk) => {
      const ended = scanner.push(chunk).find(({ type }) => kindOf(type) === 'terminal');
      const response = ended && member(ended.data, 'response');
      if (response !== undefined) this.#learn(tenant, id, response);
    };
  }

  async inputItems(tenant: Tenant, request: Named, reply: FastifyReply): Promise<unknown> {
    const asked = await this.#ask(tenant, request);
    if (asked.was === 'answered') return relay(asked.answer, reply);
    const nodes = this.#dependencies.store.transcripts.walk(tenant, request.params.id as ResponseId);
    const last = nodes?.at(-1);
    if (nodes === undefined || last === undefined) {
      return asked.was === 'unreachable' ? sendUnreachable(asked, reply) : notFound(request, reply);
    }
    const before = nodes.slice(0, -1).flatMap((node) => [...node.input, ...node.output]);
    return page([...before, ...last.input].map(withId), request.query);
  }

  async remove(tenant: Tenant, request: Named, reply: FastifyReply): Promise<unknown> {
    const id = request.params.id as ResponseId;
    const known = this.#dependencies.store.requests.ownerOf(tenant, id) ?? this.#node(tenant, request);
    if (known === undefined) return notFound(request, reply);
    const asked = await this.#ask(tenant, request, 'DELETE');
    if (asked.was === 'unreachable') return sendUnreachable(asked, reply);
    if (asked.was === 'answered' && !isGone(asked.answer.status)) return relay(asked.answer, reply);
    await this.#dependencies.store.forgetResponse(tenant, id);
    return { id, object: 'response', deleted: true };
  }

  async cancel(tenant: Tenant, request: Named, reply: FastifyReply): Promise<unknown> {
    const asked = await this.#ask(tenant, request, 'POST');
    if (asked.was === 'answered') return relay(asked.answer, reply);
    if (asked.was === 'unreachable') return sendUnreachable(asked, reply);
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
    return this.#dependencies.store.transcripts.get(tenant, request.params.id as ResponseId);
  }

  async #ask(tenant: Tenant, request: Named, method: Method = 'GET'): Promise<AskedWhole> {
    const call = this.#callOf(tenant, request, method);
    if (call === undefined) return { was: 'not_kept' };
    const answer = await this.#dependencies.http.unary(call, { timeoutMs: OWNER_TIMEOUT_MS });
    if (!answer.ok) return { was: 'unreachable', retryAfterS: undefined };
    if (!isTrouble(answer.status)) return { was: 'answered', answer };
    return { was: 'unreachable', retryAfterS: retryAfterOf(answer.headers) };
  }

  async #passOn(tenant: Tenant, request: Named, reply: FastifyReply): Promise<AskedStream> {
    const call = this.#callOf(tenant, request, 'GET');
    if (call === undefined) return { was: 'not_kept' };
    return passOn({
      open: (listener) => this.#dependencies.http.pass(call, listener),
      reply,
      headersTimeoutMs: OWNER_TIMEOUT_MS,
      onChunk: this.#learnFromStream(tenant, request.params.id as ResponseId),
    });
  }

  /** `undefined`: no account keeps it, or the one that did was removed. */
  #callOf(tenant: Tenant, request: Named, method: Method): HttpRequest | undefined {
    const owner = this.#dependencies.store.requests.ownerOf(tenant, request.params.id as ResponseId);
    const row =
      owner?.stored && owner.account !== undefined ? this.#dependencies.pool.get(owner.account) : undefined;
    if (row === undefined) return undefined;
    const account = upstreamAccountOf(row, this.#dependencies.config);
    return {
      account,
      method,
      url: `${responsesRoot(account)}${request.url.replace(/^\/v1/, '')}`,
      headers: {},
    };
  }
}

const isGone = (status: number): boolean => status < 300 || status === 404;

/** An id that is known is not denied because its account has trouble: a poller would give it up. */
function sendUnreachable({ retryAfterS }: Unreachable, reply: FastifyReply): unknown {
  const message = 'The account that keeps this response cannot be asked at the moment.';
  const headers = { 'retry-after': String(retryAfterS ?? RETRY_AFTER_S) };
  return sendRefusal(reply, refusal(503, 'upstream_unavailable', message, { headers }));
}

function relay(answer: Answered, reply: FastifyReply): unknown {
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
