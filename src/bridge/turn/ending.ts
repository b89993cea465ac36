/**
 * The end of a turn: its row is committed, then its lane is free, then its client hears of it. Exactly once, also when
 * something is thrown on the way.
 */

import type { RequestRow } from '../../domain/request.ts';
import type { Frame } from '../../protocol/frame.ts';
import type { Refusal } from '../../protocol/refusal.ts';
import type { Failure } from '../../turn/failure.ts';
import { localFailure } from '../../turn/local-failure.ts';
import { isToldAsUpstream, refusalAfterOutput, refusalFor, refusalForFailure } from '../../turn/refusals.ts';
import type { Binding, Reason } from '../../turn/states.ts';
import type { AccountAttempt } from '../attempt/account-attempt.ts';
import type { TurnDependencies } from '../dependencies.ts';
import type { TurnRequest } from '../turn-request.ts';
import type { ClientStream } from './client-stream.ts';
import type { EventLoop } from './event-loop.ts';
import type { TurnPlace } from './place.ts';
import type { Seen, TurnRecord } from './record.ts';

/** What the turn has come to so far. */
export interface TurnSoFar {
  readonly record: TurnRecord | undefined;
  readonly place: TurnPlace | undefined;
  readonly running: AccountAttempt | undefined;
}

const FREE: Binding = { kind: 'free' };

export interface TurnEndingOptions {
  readonly request: TurnRequest;
  readonly soFar: () => TurnSoFar;
  readonly client: ClientStream;
  readonly dependencies: TurnDependencies;
  readonly loop: EventLoop;
  /** Gives the lane back. */
  readonly vacate: () => void;
  /** The turn is over. */
  readonly done: () => void;
}

export class TurnEnding {
  readonly #options: TurnEndingOptions;
  #state: 'open' | 'committing' | 'committed' | 'telling' | 'told' = 'open';

  constructor(options: TurnEndingOptions) {
    this.#options = options;
  }

  answer(): void {
    const { client } = this.#options;
    const { completed, body } = this.#options.soFar().running?.response ?? {};
    if (completed !== undefined) this.#settle(completed.status, () => client.answered(completed.frame));
    else this.#settle('completed', () => client.unary(body ?? Buffer.from('{}')));
  }

  /** Nothing was shown yet: the client gets one refusal, in the form of its door. */
  refuse(reason: Reason): void {
    const { envelope, client, door } = this.#options.request;
    const { previousResponseId, model } = envelope;
    const refused = refusalFor(reason, { client, door, previousResponseId, model }, Date.now());
    const frame = reason.kind === 'failure' ? this.#passedOn(reason.failure, reason.binding) : undefined;
    if (frame === undefined) this.refuseWith(refused);
    else this.#failWith(refused, frame);
  }

  refuseWith(refused: Refusal): void {
    this.#options.soFar().record?.refused(refused);
    this.#settle('failed', () => this.#options.client.refused(refused));
  }

  /** Something was shown: the stream ends in one failure. */
  fail(failure: Failure): void {
    const refused = refusalAfterOutput(failure, Date.now());
    this.#failWith(refused, this.#passedOn(failure, FREE) ?? this.#options.client.failureFrame(refused));
  }

  cancel(): void {
    this.#settle('cancelled', () => this.#options.client.cancelled());
  }

  #failWith(refused: Refusal, frame: Frame): void {
    this.#options.soFar().record?.refused(refused);
    this.#settle('failed', () => this.#options.client.failed(frame));
  }

  /** A request fault that upstream put into its stream goes down as that stream, for doors that stream. */
  #passedOn(failure: Failure, binding: Binding): Frame | undefined {
    const { client, soFar } = this.#options;
    return client.streams && isToldAsUpstream(failure, binding)
      ? soFar().running?.response.failedFrame
      : undefined;
  }

  /** Without a record the turn was never accepted: it leaves no row. */
  #settle(status: RequestRow['status'], tell: () => void): void {
    if (this.#state !== 'open') return;
    this.#state = 'committing';
    const { record } = this.#options.soFar();
    const committed = this.#commit(record, status, this.#seen(status));
    this.#options.loop.follow(committed.then(() => this.#tell(tell)));
  }

  #seen(status: RequestRow['status']): Seen {
    const { place, running } = this.#options.soFar();
    const { attempt, response } = running ?? {};
    const known = { attempt, bound: place?.bound, ...(place && { history: place.placed.history }) };
    if (status === 'completed' || status === 'incomplete') {
      return { ...known, completed: response?.completed, body: response?.body };
    }
    const { client } = this.#options;
    const brokenItems = client.hasShown ? (response?.itemIds ?? []) : [];
    return { ...known, begun: client.responseId, brokenItems };
  }

  /** Never throws and never rejects: there is nobody above it. What has been told stays told. */
  break(cause: unknown): void {
    const { dependencies, soFar } = this.#options;
    const { log } = dependencies;
    const { record, running } = soFar();
    const error = cause instanceof Error ? cause : new Error(String(cause));
    log.error({ reason: error.message, stack: error.stack }, 'turn broke');
    void this.#quietly(() => running?.dispose('drop'));
    if (this.#state === 'told') return;
    const uncommitted = this.#state === 'open' || this.#state === 'committing';
    this.#state = 'told';
    void this.#breakOff(uncommitted ? record : undefined);
  }

  async #breakOff(record: TurnRecord | undefined): Promise<void> {
    const { client, vacate, done } = this.#options;
    const failure = localFailure('internal');
    const refused = client.hasShown
      ? refusalAfterOutput(failure, Date.now())
      : refusalForFailure(failure, Date.now());
    record?.refused(refused);
    await this.#quietly(() => this.#commit(record, 'failed', this.#seenSafely()));
    await this.#quietly(vacate);
    const told = await this.#quietly(() => {
      if (client.hasEnded) throw new Error('the door broke while it told its client of the end');
      if (client.hasShown) client.failed(client.failureFrame(refused));
      else client.refused(refused);
    });
    // A door that cannot even say this closes its connection.
    if (told === 'threw') await this.#quietly(() => client.cancelled());
    done();
  }

  /** What broke the turn may stand in what it has seen. */
  #seenSafely(): Seen {
    try {
      return this.#seen('failed');
    } catch {
      return {};
    }
  }

  async #commit(record: TurnRecord | undefined, status: RequestRow['status'], seen: Seen): Promise<void> {
    if (record === undefined) return;
    const { source, turnLog } = this.#options.dependencies;
    await turnLog.commit(record.finish(status, source, seen));
  }

  #tell(tell: () => void): void {
    this.#options.loop.run(() => {
      if (this.#state !== 'committing') return;
      this.#state = 'committed';
      this.#options.vacate();
      this.#state = 'telling';
      tell();
      this.#state = 'told';
      this.#options.done();
    });
  }

  async #quietly(work: () => void | Promise<void>): Promise<'done' | 'threw'> {
    try {
      await work();
      return 'done';
    } catch (cause) {
      this.#options.dependencies.log.error(
        { reason: String(cause) },
        'a broken turn could not be ended cleanly',
      );
      return 'threw';
    }
  }
}
