/**
 * An attempt together with what it holds on its account: the lease, the session's pin, and what the account's answers
 * teach about its quota. Ends with `dispose`, which gives everything back.
 */
import type { Lease } from '../../accounts/pool.ts';
import { limitHeaders, poolWindows, rateLimitsFrame } from '../../accounts/quota.ts';
import type { ResponseId } from '../../domain/ids.ts';
import type { Frame } from '../../protocol/frame.ts';
import { clientHeaders, type HeaderMap } from '../../protocol/headers.ts';
import { classify } from '../../turn/classify.ts';
import type { Failure } from '../../turn/failure.ts';
import { RECOVERY } from '../../turn/recovery.ts';
import type { AttemptOptions, Progress } from '../../turn/states.ts';
import type { UpstreamError } from '../../turn/upstream-error.ts';
import type { Placed } from '../account-choice.ts';
import type { TurnDependencies } from '../dependencies.ts';
import { TURN_STATE, turnStateOf } from '../session/identity.ts';
import type { Lane } from '../session/session.ts';
import type { EventLoop } from '../turn/event-loop.ts';
import type { TurnRecord } from '../turn/record.ts';
import { Attempt } from './attempt.ts';
import type { ClientAnchor } from './client-anchor.ts';
import { AttemptResponse, type ResponseListener } from './response.ts';
import { vendorFrame } from './vendor-frames.ts';

/** What the turn hears of it, all of it within the turn's event loop. */
export interface AttemptEvents {
  heard(): void;
  progressed(to: Progress): void;
  show(frame: Frame): void;
  flush(): void;
  created(id: ResponseId): void;
  ended(): void;
  failed(failure: Failure): void;
}

export interface AccountAttemptOptions {
  readonly placed: Placed;
  readonly lane: Lane;
  readonly lease: Lease;
  readonly options: AttemptOptions;
  readonly loop: EventLoop;
  readonly record: TurnRecord;
  readonly events: AttemptEvents;
}

export class AccountAttempt implements ResponseListener {
  readonly attempt: Attempt;
  readonly response: AttemptResponse;
  /** Upstream's answer headers that this client may see. */
  shownHeaders: Readonly<Record<string, string>> = {};
  readonly #given: AccountAttemptOptions;
  readonly #dependencies: TurnDependencies;
  readonly #askedAt = Date.now();

  constructor(given: AccountAttemptOptions, dependencies: TurnDependencies) {
    this.#given = given;
    this.#dependencies = dependencies;
    const { placed, lane, lease, options, loop } = given;
    const { request, history } = placed;
    this.response = new AttemptResponse(this, () => this.#clientAnchor());
    const { response } = this;
    const context = {
      request,
      history,
      lane,
      account: lease.account,
      options,
      turnState: this.#turnState(),
    };
    this.attempt = new Attempt(context, dependencies.transports, {
      onSent: () => loop.run(() => response.onSent()),
      onHeaders: (headers) => loop.run(() => response.onHeaders(headers)),
      onFrame: (frame) => loop.run(() => response.onFrame(frame)),
      onBody: (body, headers) => loop.run(() => response.onBody(body, headers)),
      onFailure: (error) => loop.run(() => this.failed(error)),
      onLocalFailure: (failure) => loop.run(() => this.#failedBy(failure)),
    });
  }

  get account() {
    return this.#given.lease.account;
  }

  begin(): void {
    this.#given.loop.follow(this.attempt.begin());
  }

  dispose(connection: 'keep' | 'drop'): void {
    this.attempt.dispose(connection);
    this.#given.lease[Symbol.dispose]();
  }

  heard(): void {
    this.#given.events.heard();
  }

  progressed(to: Progress): void {
    this.#given.events.progressed(to);
  }

  show(frame: Frame): void {
    this.#given.events.show(frame);
  }

  flush(): void {
    this.#given.events.flush();
  }

  created(id: ResponseId): void {
    this.#given.lane.runningId = id;
    this.#given.events.created(id);
  }

  /** The socket learns its newest response before the lane is free, so that the next turn finds it there. */
  ended(): void {
    this.#given.record.ended('completed');
    // A prewarm that this server answered itself says nothing about the account.
    if (this.attempt.carried !== 'ours') this.#served();
    this.#given.events.ended();
  }

  #served(): void {
    const { completed } = this.response;
    if (completed !== undefined) this.attempt.completed(completed.responseId);
    this.#dependencies.pool.served(this.account.id);
    this.#given.placed.session.left = undefined;
  }

  failed(error: UpstreamError): void {
    if (error.via === 'http' || error.via === 'upgrade') this.#readLimits(error.headers);
    this.#failedBy(classify(error, Date.now()));
  }

  /** What the failure teaches about the account and its connection, whatever the turn does about it. */
  #failedBy(failure: Failure): void {
    const { pool, source, transports } = this.#dependencies;
    const { loss, anchor, repair } = RECOVERY[failure.class];
    const { id } = this.account;
    this.#given.record.ended('failed', failure);
    if (loss === 'counts') pool.lost(id);
    if (repair === 'use_http' && failure.via === 'upgrade') transports.upgrades.refused(id, Date.now());
    if (anchor === 'forget' && this.attempt.anchor !== undefined) {
      source.refusedAnchors.add(this.#given.placed.request.tenant, this.attempt.anchor);
    }
    this.#given.events.failed(failure);
  }

  headers(headers: HeaderMap): void {
    const { request, session } = this.#given.placed;
    this.#readLimits(headers);
    const passed = clientHeaders(request.client, headers, request.envelope.model);
    this.shownHeaders = { ...passed, ...this.#poolHeaders() };
    // Nobody can come back with a state that was not shown to them.
    const state = passed[TURN_STATE];
    if (state !== undefined) this.#dependencies.sessions.rememberTurnState(session, state, this.account.id);
  }

  vendorFrame(frame: Frame): void {
    const { request, session } = this.#given.placed;
    const { quotaMonitor, sessions } = this.#dependencies;
    const { shown, turnState } = vendorFrame(frame, request, (limits) => {
      quotaMonitor.readFrame(this.account.id, limits, this.#askedAt);
      return this.#poolLimits();
    });
    if (turnState !== undefined) sessions.rememberTurnState(session, turnState, this.account.id);
    if (shown !== undefined) this.show(shown);
  }

  #readLimits(headers: HeaderMap): void {
    this.#dependencies.quotaMonitor.readHeaders(this.account.id, headers, this.#askedAt);
  }

  /** What the pool has left, in the form of one account's limits; `undefined` while nothing is known. */
  #poolLimits(): Frame | undefined {
    const { quotaMonitor } = this.#dependencies;
    const { allowed } = this.#given.placed.request;
    const now = Date.now();
    const windows = poolWindows(quotaMonitor.windows(allowed), now);
    return windows.length === 0 ? undefined : rateLimitsFrame(windows, quotaMonitor.plan(allowed), now);
  }

  /** The same for the headers of an answer; nothing for clients that do not read them. */
  #poolHeaders(): HeaderMap {
    const { client, allowed } = this.#given.placed.request;
    if (client !== 'codex') return {};
    return limitHeaders(poolWindows(this.#dependencies.quotaMonitor.windows(allowed), Date.now()));
  }

  /** The client's turn state goes up only to the account that issued it. */
  #turnState(): string | undefined {
    const { request } = this.#given.placed;
    const state = turnStateOf(request);
    if (state === undefined) return undefined;
    const issuer = this.#dependencies.sessions.issuerOf(request.tenant, state);
    return issuer === this.account.id ? state : undefined;
  }

  #clientAnchor(): ClientAnchor {
    const asked = this.#given.placed.request.envelope.previousResponseId;
    return asked === this.attempt.anchor ? 'as_upstream_says' : { id: asked ?? null };
  }
}
