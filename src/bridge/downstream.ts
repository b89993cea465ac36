/**
 * The client's side of one turn, the same however many attempts it takes: what is held back, what has been shown,
 * and the one end that it gets.
 */
import type { ResponseId } from '../ids.ts';
import { type Frame, parseObject } from '../protocol/frame.ts';
import { failedFrame, newResponseId, type Refusal } from '../protocol/refusal.ts';
import type { Failure } from '../turn/failure.ts';
import { HoldGate } from '../turn/gate.ts';
import type { TurnFacts } from '../turn/states.ts';
import type { TurnRequest, TurnSink } from './stream.ts';

export class Downstream {
  responseId: ResponseId | undefined;
  readonly #request: TurnRequest;
  readonly #hold: TurnFacts['hold'];
  readonly #sink: TurnSink;
  readonly #gate = new HoldGate();
  #last: Frame | undefined;

  constructor(request: TurnRequest, hold: TurnFacts['hold'], sink: TurnSink) {
    this.#request = request;
    this.#hold = hold;
    this.#sink = sink;
  }

  /** A collected answer is read from its end; nothing before it is kept. */
  pass(frame: Frame): void {
    if (this.#hold === 'until_end') return;
    for (const released of this.#gate.offer(frame)) this.#show(released);
  }

  flush(): void {
    this.#sink.flush();
  }

  /** What was held belongs to an attempt that has failed. */
  forget(): void {
    this.#gate.forget();
  }

  answered(frame: Frame): void {
    this.#finish(frame);
    this.#sink.end({ kind: 'answered', frame });
  }

  failed(frame: Frame): void {
    this.#finish(frame);
    this.#sink.end({ kind: 'failed' });
  }

  unary(body: Buffer): void {
    this.#sink.end({ kind: 'unary', body });
  }

  refused(refusal: Refusal): void {
    this.#sink.end({ kind: 'refused', refusal });
  }

  cancelled(): void {
    this.#sink.end({ kind: 'cancelled' });
  }

  /** After output every loss has one name, so that clients send the turn again; only a spent quota keeps its own. */
  failureFrame(failure: Failure, refusal: Refusal): Frame {
    const kept = KEPT_CODES.has(failure.class) || failure.code === 'server_shutting_down';
    const code = failure.code === 'server_shutting_down' ? failure.code : refusal.error.code;
    const told = { ...refusal, error: { ...refusal.error, code: kept ? code : 'stream_incomplete' } };
    const sequence = this.#last === undefined ? undefined : parseObject(this.#last.data)?.['sequence_number'];
    return failedFrame(told, {
      responseId: this.responseId ?? newResponseId(),
      model: this.#request.envelope.model,
      sequence: typeof sequence === 'number' ? sequence + 1 : 0,
    });
  }

  #finish(frame: Frame): void {
    if (this.#hold === 'until_end') return;
    for (const held of this.#gate.release()) this.#show(held);
    this.#show(frame);
  }

  #show(frame: Frame): void {
    this.#last = frame;
    this.#sink.frame(frame);
  }
}

const KEPT_CODES: ReadonlySet<string> = new Set(['quota', 'rate_limit_transient']);
