/**
 * The client's side of one turn, the same however many attempts it takes: what is held back, what has been shown,
 * and the one end that it gets.
 */
import type { ResponseId } from '../../domain/ids.ts';
import { type Frame, parseObject } from '../../protocol/frame.ts';
import { failedFrame, newResponseId, type Refusal } from '../../protocol/refusal.ts';
import { HeldFrames } from '../../turn/held-frames.ts';
import type { Outcome, TurnRequest, TurnSink } from '../turn-request.ts';

/**
 * Until when the client sees nothing: the first output, the end of a collected answer, or not at all for a stream that
 * upstream keeps by itself.
 */
export type Hold = 'until_output' | 'until_end' | 'none';

export class ClientStream {
  responseId: ResponseId | undefined;
  readonly #request: TurnRequest;
  readonly #hold: Hold;
  readonly #sink: TurnSink;
  readonly #held = new HeldFrames();
  #last: Frame | undefined;
  #state: 'open' | 'ended' = 'open';

  constructor(request: TurnRequest, hold: Hold, sink: TurnSink) {
    this.#request = request;
    this.#hold = hold;
    this.#sink = sink;
    if (hold === 'none') this.#held.release();
  }

  /** Something has been shown: what follows cannot be taken back. */
  get hasShown(): boolean {
    return this.#last !== undefined;
  }

  /** The door was told of an end, whether or not it could say it. */
  get hasEnded(): boolean {
    return this.#state === 'ended';
  }

  /** Whether frames reach the client one by one. */
  get streams(): boolean {
    return this.#hold !== 'until_end';
  }

  /** A collected answer is read from its end; nothing before it is kept. */
  pass(frame: Frame): void {
    if (this.#hold === 'until_end') return;
    for (const released of this.#held.offer(frame)) this.#show(released);
  }

  flush(): void {
    this.#sink.flush();
  }

  /** What was held belongs to an attempt that is over; the next one begins with its own handshake. */
  forgetHeld(): void {
    this.#held.forget();
  }

  answered(frame: Frame): void {
    this.#finish(frame);
    this.#end({ kind: 'answered', frame });
  }

  failed(frame: Frame): void {
    this.#finish(frame);
    this.#end({ kind: 'failed' });
  }

  unary(body: Buffer): void {
    this.#end({ kind: 'unary', body });
  }

  refused(refusal: Refusal): void {
    this.#end({ kind: 'refused', refusal });
  }

  cancelled(): void {
    this.#end({ kind: 'cancelled' });
  }

  /** The end of a stream that fails after something was shown. */
  failureFrame(refusal: Refusal): Frame {
    const sequence = this.#last === undefined ? undefined : parseObject(this.#last.data)?.['sequence_number'];
    return failedFrame(refusal, {
      responseId: this.responseId ?? newResponseId(),
      model: this.#request.envelope.model,
      sequence: typeof sequence === 'number' ? sequence + 1 : 0,
    });
  }

  #end(outcome: Outcome): void {
    this.#state = 'ended';
    this.#sink.end(outcome);
  }

  #finish(frame: Frame): void {
    if (this.#hold === 'until_end') return;
    for (const held of this.#held.release()) this.#show(held);
    this.#show(frame);
  }

  #show(frame: Frame): void {
    this.#last = frame;
    this.#sink.frame(frame);
  }
}
