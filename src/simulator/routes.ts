/**
 * HTTP paths of both dialects. Creates and compacts become turns; everything else is answered here from the
 * account's state. Knows nothing of sockets.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AccountState } from './account-state.ts';
import { BackgroundRun } from './background.ts';
import { takeCompact } from './compact.ts';
import { codexModels, usageBody } from './dialect-chatgpt.ts';
import { openaiModels } from './dialect-openai.ts';
import { apiError, notFound } from './errors.ts';
import { answerIssuer } from './issuer.ts';
import type { ResponseWriter } from './player.ts';
import { queuedWriter, sendJson, streamWriter, unaryWriter } from './responder.ts';
import type { Dialect } from './script.ts';
import { answerStored, followedRun, type StoredRequest } from './stored-responses.ts';
import { type Arrival, takeTurn } from './turn.ts';
import { type CreateBody, type ErrorAnswer, isObject } from './wire.ts';
import { authenticate, requestHeaders, type World } from './world.ts';

/** One authenticated request, its body read. */
interface Call {
  readonly world: World;
  readonly account: AccountState;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  readonly text: string;
}

/** Answers any HTTP request to the simulator. */
export async function answerHttp(
  world: World,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://simulator');
  const text = await readBody(request);
  const dialect = dialectOf(url.pathname);
  if (dialect === undefined) {
    const answer = answerIssuer(world, url, { request, text });
    if (answer === 'hang_up') response.destroy();
    else if (answer !== 'hang') sendJson(response, answer);
    return;
  }
  const headers = requestHeaders(request);
  const who = authenticate(world, dialect, headers);
  if (!('account' in who)) {
    if (who.rule !== undefined) world.journal.refuse(undefined, who.rule, who.answer);
    return sendJson(response, who.answer);
  }
  const call = { world, account: who.account, request, response, url, text };
  return dialect === 'openai' ? answerOpenai(call) : answerChatgpt(call);
}

function dialectOf(path: string): Dialect | undefined {
  if (path.startsWith('/v1/')) return 'openai';
  return path.startsWith('/backend-api/') ? 'chatgpt' : undefined;
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

async function answerOpenai(call: Call): Promise<void> {
  const { account, request, response, url } = call;
  const path = url.pathname.slice('/v1/'.length);
  if (request.method === 'GET' && path === 'models') {
    return sendJson(response, { status: 200, body: openaiModels(account) });
  }
  if (request.method === 'POST' && path === 'responses') return create(call);
  if (request.method === 'POST' && path === 'responses/compact') return compact(call);
  if (request.method === 'POST' && path === 'responses/input_tokens') return countTokens(call);
  const [head, id = '', rest = ''] = path.split('/');
  if (head !== 'responses' || id === '') {
    return sendJson(response, apiError(404, { message: `Invalid URL (${request.method} ${url.pathname})` }));
  }
  return stored(call, { method: request.method ?? 'GET', id, rest, query: url.searchParams });
}

function stored({ account, response, world }: Call, wanted: StoredRequest): void {
  if (wanted.method === 'GET') {
    account.retrievals += 1;
    world.journal.changed();
    if (account.retrieval === 'silent') return;
    if (account.retrieval !== 'served') return sendJson(response, account.retrieval);
  }
  const run = followedRun(world, account, wanted);
  if (run === undefined) return sendJson(response, answerStored(world, account, wanted));
  if (!(run instanceof BackgroundRun)) return sendJson(response, run);
  const writer = streamWriter(response, run.gone);
  writer.open({});
  run.follow(writer, Number(wanted.query.get('starting_after') ?? -1));
  response.on('close', () => run.leave(writer));
}

async function answerChatgpt(call: Call): Promise<void> {
  const { account, request, response, url } = call;
  const path = `${request.method} ${url.pathname.slice('/backend-api/'.length)}`;
  if (path === 'POST codex/responses') return create(call);
  if (path === 'POST codex/responses/compact') return compact(call);
  return sendJson(response, chatgptState(path, account, request));
}

function chatgptState(path: string, account: AccountState, request: IncomingMessage): ErrorAnswer {
  if (path === 'GET wham/usage' || path === 'GET codex/usage') {
    return { status: 200, body: usageBody(account) };
  }
  if (path === 'GET wham/rate-limit-reset-credits') {
    return { status: 200, body: { credits: [], available_count: 0, total_earned_count: 0 } };
  }
  if (path === 'GET wham/accounts/check') {
    const id = account.account.accountId ?? account.name;
    const entry = {
      id,
      workspace_backend_origin: 'NO_CONSTRAINT',
      account_routing_override: 'NO_CONSTRAINT',
    };
    return { status: 200, body: { accounts: [entry] } };
  }
  if (path !== 'GET codex/models') return notFound();
  const { body, etag } = codexModels(account);
  const headers = { etag, 'x-models-etag': etag };
  if (request.headers['if-none-match'] === etag) return { status: 304, body: '', headers };
  return { status: 200, body, headers };
}

async function create(call: Call): Promise<void> {
  const arrival = arrivalOf(call, 'create');
  if (arrival === undefined) return;
  const { response, world } = call;
  if (arrival.body.background === true && arrival.account.account.dialect === 'openai') {
    return runInBackground(world, arrival, response);
  }
  await takeTurn(world, arrival, writerOf(response, arrival.body.stream === true ? 'stream' : 'unary'));
}

/** What ends with its client. */
function writerOf(response: ServerResponse, form: 'stream' | 'unary'): ResponseWriter {
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  return (form === 'stream' ? streamWriter : unaryWriter)(response, gone.signal);
}

async function runInBackground(world: World, arrival: Arrival, response: ServerResponse): Promise<void> {
  const run = new BackgroundRun(world, arrival.body.stream === true);
  const client = (run.streamed ? streamWriter : queuedWriter)(response, run.gone);
  run.follow(client, -1);
  response.on('close', () => run.leave(client));
  await takeTurn(world, arrival, run);
  run.end();
}

/** The request as an arrival; undefined after a refusal was sent. */
function arrivalOf(call: Call, kind: 'create' | 'compact'): Arrival | undefined {
  const { account, request, response, text, world } = call;
  const body = parsed(text);
  const encoding = request.headers['content-encoding'];
  if (body === undefined || encoding !== undefined) {
    const [status, rule] = encoding === undefined ? [400, 'bad_json'] : [415, 'content_encoding'];
    const message = encoding === undefined ? 'The body is not a JSON object.' : `No ${encoding} bodies here.`;
    const answer = apiError(Number(status), { message });
    world.journal.refuse(account.name, String(rule), answer);
    sendJson(response, answer);
    return undefined;
  }
  const headers = requestHeaders(request);
  const transport = { transport: 'http', socket: undefined, memory: undefined } as const;
  return { account, ...transport, kind, body, bytes: Buffer.byteLength(text), headers };
}

function parsed(text: string): CreateBody | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

async function compact(call: Call): Promise<void> {
  const arrival = arrivalOf(call, 'compact');
  if (arrival !== undefined) await takeCompact(call.world, arrival, writerOf(call.response, 'unary'));
}

function countTokens({ response, text }: Call): void {
  const body = { object: 'response.input_tokens', input_tokens: Math.ceil(Buffer.byteLength(text) / 4) };
  sendJson(response, { status: 200, body });
}
