/**
 * One turn from the moment it is accepted to its one end: carries out what the turn machine decides (src/turn) and
 * tells it what happens. It makes no decision of its own about failures. Everything that happens to it comes through
 * one event loop, and whatever is thrown on the way ends this turn and nothing else.
 */
import type { SelectionReason } from '../../admin-api/request.ts';
import type { AccountId, ResponseId } from '../../domain/ids.ts';
import type { Frame } from '../../protocol/frame.ts';
import type { Refusal } from '../../protocol/refusal.ts';
import type { Failure } from '../../turn/failure.ts';
import { localFailure } from '../../turn/local-failure.ts';
import { shuttingDown } from '../../turn/refusals.ts';
import type { Effect, Event, Progress, State } from '../../turn/states.ts';
import { begin, step } from '../../turn/turn.ts';
import { AccountAttempt, type AttemptEvents } from '../attempt/account-attempt.ts';
import type { TurnDependencies } from '../dependencies.ts';
import type { Entered, Lane, Session } from '../session/session.ts';
import type { RunningTurn, TurnRequest, TurnSink } from '../turn-request.ts';
import { ClientStream } from './client-stream.ts';
import { TurnClock } from './clock.ts';
import { TurnEnding } from './ending.ts';
import { EventLoop } from './event-loop.ts';
import { holdFor } from './facts.ts';
import { leaveAccount, placeTurn, type TurnPlace, whyNotEntered } from './place.ts';
import { TurnRecord } from './record.ts';
import { TurnSnapshots } from './snapshot.ts';

export class Turn implements RunningTurn, AttemptEvents {
  readonly #request: TurnRequest;
  readonly #dependencies: TurnDependencies;
  readonly #loop: EventLoop;
  readonly #client: ClientStream;
  readonly #clock: TurnClock;
  readonly #ending: TurnEnding;
  readonly #over = Promise.withResolvers<void>();
  readonly #left = new AbortController();
  #record: TurnRecord | undefined;
  #lane: { readonly session: Session; readonly lane: Lane } | undefined;
  #place: TurnPlace | undefined;
  #snapshots: TurnSnapshots | undefined;
  #unwatch: () => void = () => {};
  #state: State | { readonly name: 'queued' } = { name: 'queued' };
  #running: AccountAttempt | undefined;
  #because: SelectionReason = 'spread';
  #flow: 'paused' | 'flowing' = 'flowing';

  constructor(request: TurnRequest, dependencies: TurnDependencies, sink: TurnSink) {
    this.#request = request;
    this.#dependencies = dependencies;
    this.#client = new ClientStream(request, holdFor(request), sink);
    this.#loop = new EventLoop((cause) => this.#break(cause));
    this.#clock = new TurnClock(dependencies.config, {
      onTimeout: (what) => this.#loop.run(() => this.#running?.failed({ via: 'timeout', what })),
      onWaited: () => this.#dispatch({ name: 'waited' }),
    });
    this.#ending = new TurnEnding({
      request,
      soFar: () => ({ record: this.#record, place: this.#place, running: this.#running }),
      client: this.#client,
      dependencies,
      loop: this.#loop,
      vacate: () => this.#vacate(),
      done: () => this.#finish(),
    });
  }

  get headers(): Readonly<Record<string, string>> {
    return this.#running?.shownHeaders ?? {};
  }

  get droppedParams(): readonly string[] {
    return this.#record?.dropped ?? [];
  }

  get responseId(): ResponseId | undefined {
    return this.#client.responseId;
  }

  /** Resolves when the turn is over; never before the door holds its handle. */
  async run(state: 'open' | 'draining'): Promise<void> {
    await Promise.resolve();
    this.#loop.run(() => this.#enter(state));
    return this.#over.promise;
  }

  /** The caller is past the limits of its key: no turn was accepted, so none is written down. */
  async turnAway(refused: Refusal): Promise<void> {
    await Promise.resolve();
    this.#ending.refuseWith(refused);
    return this.#over.promise;
  }

  pause(): void {
    this.#flow = 'paused';
    this.#loop.run(() => {
      this.#clock.pause();
      this.#running?.attempt.pause();
    });
  }

  resume(): void {
    this.#flow = 'flowing';
    this.#loop.run(() => {
      this.#clock.resume();
      this.#running?.attempt.resume();
    });
  }

  leave(): void {
    this.#left.abort();
    this.#dispatch({ name: 'client_left' });
  }

  #enter(state: 'open' | 'draining'): void {
    const { sessions } = this.#dependencies;
    const session = sessions.sessionFor(this.#request);
    this.#record = new TurnRecord(this.#request, session.id);
    if (state === 'draining') return this.#ending.refuseWith(shuttingDown());
    const { envelope, socketStream } = this.#request;
    const anchor = envelope.previousResponseId;
    const entered = session.enter({ socketStream, anchor, signal: this.#left.signal });
    this.#loop.follow(entered.then((place) => this.#loop.run(() => this.#entered(session, place))));
  }

  #entered(session: Session, entered: Entered): void {
    if (entered.ok) this.#lane = { session, lane: entered.lane };
    if (this.#left.signal.aborted) return this.#ending.cancel();
    if (!entered.ok) return this.#ending.refuseWith(whyNotEntered(entered, this.#dependencies));
    session.begin(Date.now());
    const place = placeTurn(this.#request, session, this.#dependencies);
    if (!place.ok) return this.#ending.refuseWith(place.refused);
    this.#place = place;
    const { turnLog, closing } = this.#dependencies;
    const pieces = () => this.#running?.response.pieces ?? 0;
    this.#snapshots = new TurnSnapshots({ request: this.#request, session }, turnLog, pieces);
    this.#unwatch = session.onClose(() => this.#dispatch({ name: 'closed', failure: closing() }));
    this.#take(begin());
  }

  #dispatch(event: Event): void {
    this.#loop.run(() => {
      if (this.#place === undefined || this.#state.name === 'queued') return;
      this.#take(step(this.#place.facts, this.#state, event));
    });
  }

  #take([state, effects]: readonly [State, readonly Effect[]]): void {
    this.#state = state;
    if (state.name === 'done') this.#stopWatching();
    this.#snapshots?.moved(state);
    for (const effect of effects) this.#perform(effect);
  }

  #perform(effect: Effect): void {
    const { pool } = this.#dependencies;
    switch (effect.do) {
      case 'select':
        return this.#select(effect);
      case 'start':
        return this.#start(effect);
      case 'dispose':
        return this.#dispose(effect.connection);
      case 'mark':
        return pool.mark(effect.account, effect.mark, {
          failure: effect.failure,
          model: this.#request.envelope.model,
        });
      case 'move':
        return leaveAccount(this.#placed(), effect, this.#dependencies);
      case 'refresh':
        return this.#refresh(effect.account, effect.failure);
      case 'wait':
        return this.#clock.wait(effect.atLeastMs, effect.atMostMs);
      case 'answer':
        return this.#ending.answer();
      case 'refuse':
        return this.#ending.refuse(effect.reason);
      case 'fail':
        return this.#ending.fail(effect.failure);
      case 'cancel':
        return this.#ending.cancel();
    }
  }

  #placed(): TurnPlace {
    if (this.#place === undefined) throw new Error('a turn acted before it had its place');
    return this.#place;
  }

  #select(wanted: Extract<Effect, { do: 'select' }>): void {
    const { choice, pool } = this.#dependencies;
    const chosen = choice.choose(this.#placed().placed, wanted);
    if (!chosen.ok) {
      this.#dispatch({ name: 'unavailable', reason: chosen.reason, at: Date.now() });
      return;
    }
    this.#because = chosen.because;
    const { account } = chosen;
    this.#dispatch({ name: 'selected', account, token: pool.tokens.stateOf(account) });
  }

  #start({ account, options }: Extract<Effect, { do: 'start' }>): void {
    const { pool, choice, sessions } = this.#dependencies;
    const { placed } = this.#placed();
    if (this.#lane === undefined || this.#record === undefined) return;
    const change = sessions.pin(placed.session, account, choice.whyNotPinned(placed));
    if (change !== undefined) this.#record.switched(change.cause);
    // What is held back belongs to an attempt that has failed; this one begins with a handshake of its own.
    this.#client.forgetHeld();
    const { lane } = this.#lane;
    // Last of all: from here on the attempt owns it, and gives it back however it ends.
    const lease = pool.lease(account, this.#because);
    if (lease === undefined) return this.failed(localFailure('account_removed'));
    const running = new AccountAttempt(
      { placed, lane, lease, options, loop: this.#loop, record: this.#record, events: this },
      this.#dependencies,
    );
    this.#running = running;
    this.#record.started(running.attempt, this.#because);
    if (this.#flow === 'paused') running.attempt.pause();
    running.begin();
  }

  #dispose(connection: 'keep' | 'drop'): void {
    this.#clock.stop();
    this.#record?.ended('cancelled');
    this.#running?.dispose(connection);
  }

  #refresh(account: AccountId, rejection: Failure | undefined): void {
    const bearer = this.#running?.account.bearer ?? '';
    const rejected = rejection === undefined ? undefined : { bearer, failure: rejection };
    const refreshing = this.#dependencies.pool.tokens
      .refresh(account, rejected)
      .then((refreshed) => this.#dispatch({ name: 'refreshed', refreshed, at: Date.now() }));
    this.#loop.follow(refreshing);
  }

  heard(): void {
    this.#clock.heard();
  }

  progressed(to: Progress): void {
    if (to === 'sent') {
      this.#record?.sent();
      if (this.#running?.attempt.answers === 'stream') this.#clock.expectFirstEvent();
    }
    if (to === 'output') this.#record?.firstEvent();
    this.#dispatch({ name: 'progressed', to });
  }

  show(frame: Frame): void {
    this.#client.pass(frame);
    if (this.#client.hasShown && !(this.#state.name === 'running' && this.#state.progress === 'shown')) {
      this.progressed('shown');
    }
  }

  flush(): void {
    this.#client.flush();
  }

  created(id: ResponseId): void {
    this.#client.responseId = id;
    const { envelope, tenant } = this.#request;
    const account = this.#running?.account.id;
    if (envelope.background !== 'yes' || account === undefined) return;
    this.#dependencies.turnLog.begun(tenant, id, account);
  }

  ended(): void {
    const { completed } = this.#running?.response ?? {};
    if (completed !== undefined) this.#client.responseId = completed.responseId;
    this.#dispatch({ name: 'ended' });
  }

  failed(failure: Failure): void {
    this.#dispatch({ name: 'failed', failure, at: Date.now() });
  }

  /** Before the client hears of the end: it may send its next turn in the same breath. */
  #vacate(): void {
    const lane = this.#lane;
    this.#lane = undefined;
    lane?.session.leave(lane.lane);
  }

  #stopWatching(): void {
    this.#clock.stop();
    this.#unwatch();
  }

  #finish(): void {
    this.#place?.[Symbol.dispose]();
    this.#over.resolve();
  }

  #break(cause: unknown): void {
    this.#stopWatching();
    this.#state = { name: 'done', how: 'failed' };
    this.#ending.break(cause);
  }
}
