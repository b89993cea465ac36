/**
 * An owner's stream of a response, passed on to the client as it comes: bytes untouched, and no faster than they are
 * read. Knows which answers are trouble of the account, and nothing of what the others say.
 */
import type { FastifyReply } from 'fastify';
import type { HeaderMap } from '../../protocol/headers.ts';
import type { RelayedAnswer, RelayedAnswerListener } from '../../upstream/relayed-answer.ts';
import { type Backpressure, backpressureOf } from '../limits/backpressure.ts';

export interface Unreachable {
  readonly was: 'unreachable';
  /** What upstream asked for, where it did. */
  readonly retryAfterS: number | undefined;
}

export type PassedOn = { readonly was: 'passed_on' } | Unreachable;

const MAX_RETRY_AFTER_S = 60;
const ABOUT_THE_ACCOUNT: ReadonlySet<number> = new Set([401, 402, 403, 408, 429]);

/** Such an answer says something about the account, and nothing about the response. */
export function isTrouble(status: number): boolean {
  return status >= 500 || ABOUT_THE_ACCOUNT.has(status);
}

export function retryAfterOf(headers: HeaderMap): number | undefined {
  const seconds = Number(headers['retry-after']);
  return seconds >= 1 ? Math.min(Math.ceil(seconds), MAX_RETRY_AFTER_S) : undefined;
}

export interface PassOnOptions {
  readonly open: (listener: RelayedAnswerListener) => RelayedAnswer;
  readonly reply: FastifyReply;
  readonly headersTimeoutMs: number;
  /** Sees each chunk before the client does. */
  readonly onChunk: (chunk: Buffer) => void;
}

/** Resolves when the stream is over, however it ended, or when it is clear that there will be none. */
export function passOn(options: PassOnOptions): Promise<PassedOn> {
  return new Promise((resolve) => {
    const stream = new OwnerStream(options, resolve);
    stream.begin(options.open(stream), options.headersTimeoutMs);
  });
}

class OwnerStream implements RelayedAnswerListener {
  readonly #reply: FastifyReply;
  readonly #onChunk: (chunk: Buffer) => void;
  readonly #settle: (passed: PassedOn) => void;
  #answer: RelayedAnswer | undefined;
  #backpressure: Backpressure | undefined;
  #patience: NodeJS.Timeout | undefined;
  #state: 'waiting' | 'flowing' | 'over' = 'waiting';

  constructor({ reply, onChunk }: PassOnOptions, settle: (passed: PassedOn) => void) {
    this.#reply = reply;
    this.#onChunk = onChunk;
    this.#settle = settle;
  }

  begin(answer: RelayedAnswer, headersTimeoutMs: number): void {
    this.#answer = answer;
    if (this.#state === 'over') return;
    this.#patience = setTimeout(
      () => this.#over({ was: 'unreachable', retryAfterS: undefined }),
      headersTimeoutMs,
    );
    this.#reply.raw.once('close', () => this.#over({ was: 'passed_on' }));
  }

  onAnswer(status: number, headers: HeaderMap): void {
    if (isTrouble(status)) {
      this.#over({ was: 'unreachable', retryAfterS: retryAfterOf(headers) });
      return;
    }
    clearTimeout(this.#patience);
    this.#state = 'flowing';
    const { raw } = this.#reply;
    this.#reply.hijack();
    raw.writeHead(status, {
      'content-type': headers['content-type'] ?? 'application/json',
      'cache-control': 'no-cache',
      'x-accel-buffering': 'no',
      'x-request-id': this.#reply.request.id,
    });
    raw.flushHeaders();
    this.#backpressure = backpressureOf(raw, this.#answer);
  }

  onData(chunk: Buffer): void {
    this.#onChunk(chunk);
    this.#reply.raw.write(chunk, () => this.#backpressure?.flushed());
    this.#backpressure?.wrote();
  }

  onEnd(): void {
    this.#reply.raw.end();
    this.#backpressure?.watch();
    this.#over({ was: 'passed_on' });
  }

  /** The response may well go on upstream: the client sees a broken connection, and can ask for the rest of it. */
  onFailure(): void {
    if (this.#state === 'flowing') this.#reply.raw.destroy();
    this.#over(
      this.#state === 'waiting' ? { was: 'unreachable', retryAfterS: undefined } : { was: 'passed_on' },
    );
  }

  #over(passed: PassedOn): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    clearTimeout(this.#patience);
    this.#answer?.abandon();
    this.#settle(passed);
  }
}
