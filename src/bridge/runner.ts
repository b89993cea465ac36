/**
 * Carries out what the turn machine decides, and tells it what happens: the one place where a turn's attempts,
 * timers and lease live. It makes no decision of its own about failures.
 */
import type { Lease } from '../accounts/pool.ts';
import type { Because } from '../accounts/selection.ts';
import type { AccountId, ResponseId } from '../ids.ts';
import type { Frame } from '../protocol/frame.ts';
import type { RequestRow } from '../store/request-row.ts';
import { classify } from '../turn/classify.ts';
import type { Failure } from '../turn/failure.ts';
import { RECOVERY } from '../turn/recovery.ts';
import { refusalFor, refusalForFailure } from '../turn/refusals.ts';
import type { Signal } from '../turn/signal.ts';
import type { Effect, Event, Manner, Progress, Reason, State, Step, TurnFacts } from '../turn/states.ts';
import { begin, step } from '../turn/turn.ts';
import { Attempt } from './attempt.ts';
import { TurnClock } from './clock.ts';
import { Downstream } from './downstream.ts';
import { Glimpses } from './glimpse.ts';
import type { History } from './history.ts';
import { turnStateOf } from './identity.ts';
import { Reception } from './reception.ts';
import type { Lane, Session } from './session.ts';
import type { RunningTurn, TurnRequest, TurnSink } from './stream.ts';
import { type Seen, TurnRecord } from './turn-record.ts';
import type { Workshop } from './workshop.ts';

export interface Assignment {
  readonly request: TurnRequest;
  readonly session: Session;
  readonly lane: Lane;
  readonly history: History;
  readonly facts: TurnFacts;
}

export class TurnRun implements RunningTurn {
  readonly #assignment: Assignment;
  readonly #shop: Workshop;
  readonly #down: Downstream;
  readonly #vacate: () => void;
  readonly #done: () => void;
  readonly #record: TurnRecord;
  readonly #clock: TurnClock;
  readonly #unwatch: () => void;
  readonly #glimpses: Glimpses;
  #state: State;
  #attempt: Attempt | undefined;
  #lease: Lease | undefined;
  #because: Because = 'spread';
  #reception: Reception | undefined;

  constructor(
    assignment: Assignment,
    shop: Workshop,
    ends: { sink: TurnSink; vacate: () => void; done: () => void },
  ) {
    this.#assignment = assignment;
    this.#shop = shop;
    this.#down = new Downstream(assignment.request, assignment.facts.hold, ends.sink);
    this.#vacate = ends.vacate;
    this.#done = ends.done;
    this.#record = new TurnRecord(assignment.request, assignment.session.id);
    this.#glimpses = new Glimpses(assignment, shop, () => this.#reception?.pieces ?? 0);
    this.#clock = new TurnClock(shop.config, {
      onTimeout: (what) => this.#failed({ via: 'timeout', what }),
      onWaited: () => this.#dispatch({ name: 'waited' }),
    });
    this.#unwatch = assignment.session.onClose(() =>
      this.#dispatch({ name: 'closed', failure: this.#shop.closing() }),
    );
    const [state, effects] = begin();
    this.#state = state;
    this.#run(effects);
  }

  get headers(): Readonly<Record<string, string>> {
    return this.#reception?.headers ?? {};
  }

  get droppedParams(): readonly string[] {
    return this.#record.dropped;
  }

  get responseId(): ResponseId | undefined {
    return this.#down.responseId;
  }

  pause(): void {
    this.#clock.pause();
    this.#attempt?.pause();
  }

  resume(): void {
    this.#clock.resume();
    this.#attempt?.resume();
  }

  leave(): void {
    this.#dispatch({ name: 'client_left' });
  }

  #dispatch(event: Event): void {
    const [state, effects]: Step = step(this.#assignment.facts, this.#state, event);
    this.#state = state;
    this.#glimpses.moved(state);
    this.#run(effects);
  }

  #run(effects: readonly Effect[]): void {
    for (const effect of effects) this.#perform(effect);
  }

  #perform(effect: Effect): void {
    switch (effect.do) {
      case 'select':
        return this.#select(effect);
      case 'start':
        return this.#start(effect.account, effect.manner);
      case 'dispose':
        return this.#dispose(effect.connection);
      case 'mark':
        return this.#shop.pool.mark(effect.account, effect.mark, {
          failure: effect.failure,
          model: this.#request.envelope.model,
        });
      case 'move':
        return this.#shop.sessions.moveAway(this.#assignment.session, effect.from, effect.failure.code);
      case 'renew':
        return this.#renew(effect.account, effect.failure);
      case 'wait':
        return this.#clock.wait(effect.atLeastMs, effect.atMostMs);
      case 'answer':
        return void this.#answer();
      case 'refuse':
        return void this.#refuse(effect.reason);
      case 'fail':
        return void this.#fail(effect.failure);
      case 'cancel':
        return void this.#settle('cancelled', () => this.#down.cancelled());
    }
  }

  get #request(): TurnRequest {
    return this.#assignment.request;
  }

  #select({ exclude, prefer, avoid }: Extract<Effect, { do: 'select' }>): void {
    const { session, facts, history } = this.#assignment;
    const choice = this.#shop.choose(this.#request, {
      exclude,
      avoid,
      pinned: prefer ?? session.pinned,
      owner: history.past.anchor?.owner,
      only: facts.binding.kind === 'free' ? undefined : facts.binding.account,
    });
    if (!choice.ok) {
      this.#dispatch({ name: 'unavailable', reason: choice.reason, at: Date.now() });
      return;
    }
    this.#because = choice.because;
    const login = this.#shop.pool.loginOf(choice.account);
    this.#dispatch({ name: 'selected', account: choice.account, login });
  }

  #start(account: AccountId, manner: Manner): void {
    const { session, lane, history } = this.#assignment;
    const lease = this.#shop.pool.lease(account, this.#because);
    if (lease === undefined) {
      this.#failed({ via: 'socket', code: 'account_removed', message: 'the account was removed' });
      return;
    }
    this.#shop.sessions.pin(session, account);
    this.#lease = lease;
    const state = turnStateOf(this.#request);
    const issuer =
      state === undefined ? undefined : this.#shop.sessions.issuerOf(this.#request.tenant, state);
    const turnState = issuer === account ? state : undefined;
    const order = { request: this.#request, history, lane, account: lease.account, manner, turnState };
    const attempt = new Attempt(order, this.#shop.carriers, this.#receive(account));
    this.#attempt = attempt;
    this.#record.started(attempt, this.#because);
    attempt.begin().catch((cause: Error) => {
      this.#shop.log.error({ reason: cause.message, stack: cause.stack }, 'attempt broke');
      if (this.#attempt === attempt)
        this.#failed({ via: 'socket', code: 'internal', message: cause.message });
    });
  }

  #receive(account: AccountId): Reception {
    const { request, session, lane } = this.#assignment;
    const seat = { request, session, lane, account, shop: this.#shop, down: this.#down, clock: this.#clock };
    this.#reception = new Reception(seat, {
      progressed: (to) => this.#progressed(to),
      ended: () => this.#ended(),
      failed: (signal) => this.#failed(signal),
    });
    return this.#reception;
  }

  #progressed(to: Progress): void {
    if (to === 'sent') this.#record.sent();
    if (to === 'output') this.#record.firstEvent();
    this.#dispatch({ name: 'progressed', to });
  }

  /** The socket learns its newest response before the lane is free, so that the next turn finds it there. */
  #ended(): void {
    const ending = this.#reception?.ending;
    if (ending !== undefined && this.#attempt?.carried !== 'ours')
      this.#attempt?.completed(ending.responseId);
    this.#record.ended('completed');
    if (this.#lease !== undefined) this.#shop.pool.served(this.#lease.account.id);
    this.#dispatch({ name: 'ended' });
  }

  #failed(signal: Signal): void {
    const failure = classify(signal, Date.now());
    this.#record.ended('failed', failure);
    this.#forgetAnchor(failure);
    if (this.#passedOn(failure) === undefined) this.#down.forget();
    this.#dispatch({ name: 'failed', failure, at: Date.now() });
  }

  #forgetAnchor(failure: Failure): void {
    const anchor = this.#request.envelope.previousResponseId;
    if (failure.class !== 'not_found_continuity' || anchor === undefined) return;
    if (this.#attempt?.carried === 'preserved') this.#shop.refuseAnchor(this.#request.tenant, anchor);
  }

  #dispose(connection: 'keep' | 'drop'): void {
    this.#clock.stop();
    this.#record.ended('cancelled');
    this.#attempt?.dispose(connection);
    this.#lease?.[Symbol.dispose]();
    this.#lease = undefined;
  }

  #renew(account: AccountId, rejection: Failure | undefined): void {
    const bearer = this.#attempt?.account.bearer ?? '';
    this.#shop.pool
      .renew(account, rejection === undefined ? undefined : { bearer, failure: rejection })
      .then((renewed) => this.#dispatch({ name: 'renewed', renewed, at: Date.now() }));
  }

  async #answer(): Promise<void> {
    const ending = this.#reception?.ending;
    if (ending === undefined) {
      const body = this.#reception?.body ?? Buffer.from('{}');
      return this.#settle('completed', () => this.#down.unary(body), { body });
    }
    const seen = { ending, attempt: this.#attempt };
    return this.#settle(ending.status, () => this.#down.answered(ending.frame), seen);
  }

  async #refuse(given: Reason): Promise<void> {
    const { history } = this.#assignment;
    const reason = this.#shop.reasonFor(given, {
      history,
      account: this.#attempt?.account.id,
      tenant: this.#request.tenant,
    });
    const { envelope, client, door } = this.#request;
    const asked = { client, door, previousResponseId: envelope.previousResponseId, model: envelope.model };
    const refusal = refusalFor(reason, asked, Date.now());
    const passed = reason.kind === 'failure' ? this.#passedOn(reason.failure) : undefined;
    this.#record.refused(refusal);
    return this.#settle('failed', () =>
      passed === undefined ? this.#down.refused(refusal) : this.#down.failed(passed),
    );
  }

  async #fail(failure: Failure): Promise<void> {
    const refusal = refusalForFailure(failure, Date.now());
    const frame = this.#passedOn(failure) ?? this.#down.failureFrame(failure, refusal);
    this.#record.refused(refusal);
    return this.#settle('failed', () => this.#down.failed(frame));
  }

  /** A request fault that upstream put into its stream goes down as that stream, for doors that stream. */
  #passedOn(failure: Failure): Frame | undefined {
    const streams = this.#assignment.facts.hold === 'until_output';
    return streams && RECOVERY[failure.class].atFault === 'request'
      ? this.#reception?.failedFrame
      : undefined;
  }

  async #settle(status: RequestRow['status'], release: () => void, seen: Seen = {}): Promise<void> {
    this.#clock.stop();
    this.#unwatch();
    const turn = this.#record.finish(status, this.#shop.memory, {
      history: this.#assignment.history,
      ...seen,
    });
    await this.#shop.commit(turn);
    this.#vacate();
    release();
    this.#done();
  }
}
