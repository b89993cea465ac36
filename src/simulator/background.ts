/**
 * Responses that run without their client: what was said is kept under its sequence numbers, so that any number of
 * readers can follow from any place. Knows nothing of HTTP; a reader is a `ResponseWriter`.
 */
import { errorEvent } from './error-frames.ts';
import type { Ledger } from './ledger.ts';
import type { Cut, ResponseWriter } from './player.ts';
import type { ErrorAnswer, Headers, WireEvent } from './wire.ts';

/** Older ones can no longer be followed, so that a demo can run for weeks. */
const KEPT_RUNS = 1000;

/** Where runs are found again, and where their responses are stored. */
interface Home {
  readonly background: Map<string, BackgroundRun>;
  readonly ledger: Ledger;
}

/** One response in the background: the writer of its turn, and the source of everyone who follows it. */
export class BackgroundRun implements ResponseWriter {
  /** Whether its client asked for a stream. */
  readonly streamed: boolean;
  readonly #runs: Map<string, BackgroundRun>;
  readonly #ledger: Ledger;
  readonly #cancelled = new AbortController();
  readonly #events: WireEvent[] = [];
  readonly #followers = new Set<ResponseWriter>();
  /** Undefined until `response.created`: until then there is nothing that could go on without its client. */
  #id: string | undefined;
  #ended = false;

  constructor({ background, ledger }: Home, streamed: boolean) {
    this.#runs = background;
    this.#ledger = ledger;
    this.streamed = streamed;
  }

  get gone(): AbortSignal {
    return this.#cancelled.signal;
  }

  /** Tells the follower everything behind that sequence number, and from then on what happens. */
  follow(follower: ResponseWriter, after: number): void {
    for (const event of this.#events) {
      if (Number(event['sequence_number'] ?? after + 1) > after) follower.send(event);
    }
    if (this.#ended) follower.end();
    else this.#followers.add(follower);
  }

  leave(follower: ResponseWriter): void {
    this.#followers.delete(follower);
    if (this.#id === undefined) this.cancel();
  }

  cancel(): void {
    this.#cancelled.abort();
    this.end();
  }

  open(headers: Headers): void {
    for (const follower of this.#followers) follower.open(headers);
  }

  send(event: WireEvent): undefined {
    if (this.gone.aborted) return;
    this.#events.push(event);
    this.#note(event);
    for (const follower of this.#followers) follower.send(event);
  }

  sendGarbage(frame: string | Uint8Array): void {
    for (const follower of this.#followers) follower.sendGarbage(frame);
  }

  refuse(answer: ErrorAnswer): void {
    if (this.#id !== undefined) {
      const event = errorEvent(answer);
      this.#events.push(event);
      this.#note(event);
    }
    for (const follower of this.#followers) follower.refuse(answer);
    this.end();
  }

  end(): void {
    this.#ended = true;
    for (const follower of this.#followers) follower.end();
    this.#followers.clear();
  }

  /** A lost connection is the reader's loss; the response itself goes on once it exists. */
  cut(how: Cut): 'on' | 'over' {
    for (const follower of this.#followers) follower.cut(how);
    this.#followers.clear();
    return this.#id === undefined ? 'over' : 'on';
  }

  /** Keeps the stored response as the newest event has it. */
  #note(event: WireEvent): void {
    const response = event['response'] as { readonly id: string } | undefined;
    if (event.type === 'response.created' && response !== undefined) {
      this.#id = response.id;
      this.#runs.set(response.id, this);
      const [oldest] = this.#runs.keys();
      if (this.#runs.size > KEPT_RUNS && oldest !== undefined) this.#runs.delete(oldest);
    }
    const issued = this.#id === undefined ? undefined : this.#ledger.response(this.#id);
    if (issued === undefined) return;
    if (response !== undefined) issued.response = { ...response };
    else if (event.type === 'error') {
      issued.response = { ...issued.response, status: 'failed', error: event['error'] ?? failureOf(event) };
    }
  }
}

const failureOf = ({ code, message }: WireEvent): object => ({ code, message });
