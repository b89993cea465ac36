/**
 * One HTTP answer on its way through, byte by byte and read by nobody here. It ends exactly once: whole, with an
 * error, or by being abandoned; after that it calls nobody.
 */
import type { Dispatcher } from 'undici';
import { flatHeaders, type HeaderMap } from '../protocol/headers.ts';

export interface RelayedAnswerListener {
  onAnswer(status: number, headers: HeaderMap): void;
  onData(chunk: Buffer): void;
  onEnd(): void;
  /** Before `onAnswer`: nobody was reached. After it: the answer broke off. */
  onFailure(error: Error): void;
}

export class RelayedAnswer implements Dispatcher.DispatchHandler {
  #listener: RelayedAnswerListener | undefined;
  #controller: Dispatcher.DispatchController | undefined;

  constructor(listener: RelayedAnswerListener) {
    this.#listener = listener;
  }

  pause(): void {
    this.#controller?.pause();
  }

  resume(): void {
    this.#controller?.resume();
  }

  /** Upstream is told at once. */
  abandon(): void {
    this.#listener = undefined;
    this.#controller?.abort(new Error('nobody waits for this answer any more'));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#listener === undefined) this.abandon();
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    this.#listener?.onAnswer(status, flatHeaders(headers));
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#listener?.onData(chunk);
  }

  onResponseEnd(): void {
    this.#take()?.onEnd();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#take()?.onFailure(error);
  }

  #take(): RelayedAnswerListener | undefined {
    const listener = this.#listener;
    this.#listener = undefined;
    return listener;
  }
}
