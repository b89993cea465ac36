/**
 * Requests over HTTP: a streamed one as an exchange, unary ones for everything small, and answers that are
 * only passed on. One pool of connections
 * per account and origin, so that one account's trouble never queues another's turns.
 */
import { type Dispatcher, Pool } from 'undici';
import type { AccountId } from '../domain/ids.ts';
import { flatHeaders, type HeaderMap } from '../protocol/headers.ts';
import { accountHeaders, type UpstreamAccount } from './account.ts';
import { inSlices, type Patience } from './body-upload.ts';
import { connectorFor } from './proxy-tunnel.ts';
import { RelayedAnswer, type RelayedAnswerListener } from './relayed-answer.ts';
import { StreamReading } from './stream-reading.ts';
import { type ExchangeListener, MAX_ANSWER_BYTES, type UpstreamStream } from './upstream-stream.ts';

const CONNECTIONS = 512;
const UNARY_TIMEOUT_MS = 300_000;
/** An upstream that takes no slice for so long will not take the rest. */
const UPLOAD_STALLED_MS = 30_000;

/** Whose connections a request uses, and the way they take. */
export type Route = Pick<UpstreamAccount, 'id' | 'proxy'>;

interface Call {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly url: string;
  readonly headers: HeaderMap;
  readonly body?: Buffer;
}

export interface HttpRequest extends Call {
  readonly account: UpstreamAccount;
}

export type UnaryAnswer =
  | { readonly ok: true; readonly status: number; readonly headers: HeaderMap; readonly body: Buffer }
  /** `begun`: part of the request may have reached the other side. */
  | { readonly ok: false; readonly error: Error; readonly progress: 'nothing_sent' | 'begun' };

interface UnaryLimits {
  /** Bounds the whole call. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** The request has a connection: part of it may reach the other side from now on. */
  readonly onBegun?: () => void;
}

export class HttpUpstream {
  readonly #pools = new Map<AccountId, Map<string, Pool>>();
  readonly #uploadStalledMs: number;

  constructor(uploadStalledMs = UPLOAD_STALLED_MS) {
    this.#uploadStalledMs = uploadStalledMs;
  }

  /** Requests that run now, streamed ones and others. */
  get running(): number {
    const pools = [...this.#pools.values()].flatMap((one) => [...one.values()]);
    return pools.reduce((sum, pool) => sum + pool.stats.running, 0);
  }

  stream(request: HttpRequest, listener: ExchangeListener): UpstreamStream {
    const reading = new StreamReading(listener);
    const call = signed(request, { accept: 'text/event-stream' });
    this.#dispatch(request.account, call, reading, {
      afterMs: this.#uploadStalledMs,
      onStalled: () => reading.stalled(),
    });
    return reading;
  }

  /** The answer as it comes, for somebody who passes it on unread. */
  pass(request: HttpRequest, listener: RelayedAnswerListener): RelayedAnswer {
    const answer = new RelayedAnswer(listener);
    this.#dispatch(request.account, signed(request), answer);
    return answer;
  }

  /** Never rejects. */
  unary(request: HttpRequest, limits: UnaryLimits = {}): Promise<UnaryAnswer> {
    return this.call(request.account, signed(request), limits);
  }

  /** The same without an account's credentials, for its login service. Never rejects. */
  async call(route: Route, call: Call, limits: UnaryLimits = {}): Promise<UnaryAnswer> {
    const { promise, resolve } = Promise.withResolvers<UnaryAnswer>();
    const timeout = AbortSignal.timeout(limits.timeoutMs ?? UNARY_TIMEOUT_MS);
    const signal = limits.signal === undefined ? timeout : AbortSignal.any([timeout, limits.signal]);
    const chunks: Buffer[] = [];
    let bytes = 0;
    let status = 0;
    let headers: HeaderMap = {};
    let progress: 'nothing_sent' | 'begun' = 'nothing_sent';
    let abort: ((reason: Error) => void) | undefined;
    // Before the request has a connection there is nothing to abort: the caller just stops waiting for it.
    const onAbort = (): void => {
      const reason = signal.reason instanceof Error ? signal.reason : new Error('aborted');
      if (abort === undefined) resolve({ ok: false, error: reason, progress });
      else abort(reason);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    this.#dispatch(route, call, {
      onRequestStart: (controller) => {
        progress = 'begun';
        abort = (reason) => controller.abort(reason);
        if (!signal.aborted) return limits.onBegun?.();
        progress = 'nothing_sent';
        onAbort();
      },
      onResponseStart: (_controller, code, raw) => {
        status = code;
        headers = flatHeaders(raw);
      },
      onResponseData: (controller, chunk) => {
        bytes += chunk.length;
        chunks.push(chunk);
        if (bytes > MAX_ANSWER_BYTES) controller.abort(new Error('the answer is too large'));
      },
      onResponseEnd: () => resolve({ ok: true, status, headers, body: Buffer.concat(chunks) }),
      onResponseError: (_controller, error) => resolve({ ok: false, error, progress }),
    });
    const answer = await promise;
    signal.removeEventListener('abort', onAbort);
    return answer;
  }

  #dispatch(route: Route, call: Call, handler: Dispatcher.DispatchHandler, patience?: Patience): void {
    const url = new URL(call.url);
    const { body } = call;
    const sliced = body === undefined || patience === undefined ? undefined : inSlices(body, patience);
    const length: HeaderMap = sliced === undefined ? {} : { 'content-length': `${body?.length}` };
    this.#poolFor(route, url.origin).dispatch(
      {
        method: call.method,
        path: url.pathname + url.search,
        headers: { ...call.headers, ...length },
        body: sliced ?? body ?? null,
        headersTimeout: 0,
        bodyTimeout: 0,
      },
      handler,
    );
  }

  #poolFor({ id, proxy }: Route, origin: string): Pool {
    const pools = this.#pools.get(id) ?? new Map<string, Pool>();
    this.#pools.set(id, pools);
    const key = `${origin} ${proxy ?? ''}`;
    const known = pools.get(key);
    if (known !== undefined) return known;
    const pool = new Pool(origin, {
      connections: CONNECTIONS,
      pipelining: 1,
      connect: connectorFor(proxy),
    });
    pools.set(key, pool);
    return pool;
  }

  /** Its connections close as soon as what runs on them has ended; the next request opens new ones. */
  retire(id: AccountId): void {
    for (const pool of this.#pools.get(id)?.values() ?? []) void pool.close();
    this.#pools.delete(id);
  }

  async close(): Promise<void> {
    const pools = [...this.#pools.values()].flatMap((one) => [...one.values()]);
    await Promise.all(pools.map((pool) => pool.destroy()));
  }
}

function signed({ account, headers, ...call }: HttpRequest, more: HeaderMap = {}): Call {
  const type: HeaderMap = call.body === undefined ? {} : { 'content-type': 'application/json' };
  return { ...call, headers: { ...accountHeaders(account), ...type, ...more, ...headers } };
}
