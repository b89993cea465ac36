/**
 * What one attempt's upstream says, turned into what the turn needs to know: how far it has come, how it ended, and
 * what may be shown of it. One reception per attempt, so nothing of a failed attempt is left in the next.
 */
import type { AccountId } from '../ids.ts';
import { type Frame, kindOf, parseObject } from '../protocol/frame.ts';
import { clientHeaders, type HeaderMap } from '../protocol/headers.ts';
import type { Signal } from '../turn/signal.ts';
import type { Progress } from '../turn/states.ts';
import type { AttemptListener } from './attempt.ts';
import type { TurnClock } from './clock.ts';
import type { Downstream } from './downstream.ts';
import { TURN_STATE } from './identity.ts';
import { createdId, type Ending, Recorder } from './recorder.ts';
import type { Lane, Session } from './session.ts';
import type { TurnRequest } from './stream.ts';
import { vendorFrame } from './vendor.ts';
import type { Workshop } from './workshop.ts';

export interface Seat {
  readonly request: TurnRequest;
  readonly session: Session;
  readonly lane: Lane;
  readonly account: AccountId;
  readonly shop: Workshop;
  readonly down: Downstream;
  readonly clock: TurnClock;
}

export interface ReceptionListener {
  readonly progressed: (to: Progress) => void;
  readonly ended: () => void;
  readonly failed: (signal: Signal) => void;
}

export class Reception implements AttemptListener {
  /** Upstream's answer headers that this client may see. */
  headers: Record<string, string> = {};
  ending: Ending | undefined;
  /** A unary answer, whole. */
  body: Buffer | undefined;
  /** The frame in which upstream itself ended the stream with a failure. */
  failedFrame: Frame | undefined;
  /** Deltas that have come so far. */
  pieces = 0;
  readonly #seat: Seat;
  readonly #listener: ReceptionListener;
  readonly #recorder = new Recorder();
  readonly #askedAt = Date.now();
  #progress: Progress = 'nothing_sent';

  constructor(seat: Seat, listener: ReceptionListener) {
    this.#seat = seat;
    this.#listener = listener;
  }

  onSent(): void {
    if (this.#progress !== 'nothing_sent') return;
    this.#seat.clock.expectFirstEvent();
    this.#advance('sent');
  }

  onHeaders(headers: HeaderMap): void {
    const { account, request, session, shop } = this.#seat;
    shop.allowances.readHeaders(account, headers, this.#askedAt);
    const passed = clientHeaders(request.client, headers, request.envelope.model);
    this.headers = { ...passed, ...shop.poolHeaders(request) };
    // Nobody can come back with a state that was not shown to them.
    const state = passed[TURN_STATE];
    if (state !== undefined) shop.sessions.rememberTurnState(session, state, account);
  }

  /** The path of every event: by far the most are output that is already flowing, and those only pass through. */
  onFrame(frame: Frame): void {
    this.#seat.clock.heard();
    switch (kindOf(frame.type)) {
      case 'output':
        return this.#output(frame);
      case 'vendor':
        return this.#vendor(frame);
      case 'handshake':
        return this.#handshake(frame);
      case 'terminal':
        return this.#terminal(frame);
      case 'error':
        return this.onFailure({ via: 'frame', event: parseObject(frame.data) ?? {} });
    }
  }

  onBody(body: Buffer, headers: HeaderMap): void {
    this.onHeaders(headers);
    this.body = body;
    this.#listener.ended();
  }

  onFailure(signal: Signal): void {
    const { account, shop } = this.#seat;
    if (signal.via === 'http' || signal.via === 'upgrade') {
      shop.allowances.readHeaders(account, signal.headers, this.#askedAt);
    }
    this.#listener.failed(signal);
  }

  #output(frame: Frame): void {
    if (frame.type.endsWith('.delta')) this.pieces += 1;
    else if (frame.type === 'response.output_item.done') this.#recorder.itemDone(frame);
    if (this.#progress !== 'output') this.#advance('output');
    this.#seat.down.pass(frame);
  }

  #handshake(frame: Frame): void {
    const { down, lane } = this.#seat;
    if (frame.type === 'response.created') {
      down.responseId = createdId(frame);
      lane.runningId = down.responseId;
    }
    if (this.#progress !== 'output') this.#advance('begun');
    down.pass(frame);
  }

  #vendor(frame: Frame): void {
    const { account, request, session, shop, down } = this.#seat;
    const { shown, turnState } = vendorFrame(frame, request, (limits) => {
      shop.allowances.readFrame(account, limits, this.#askedAt);
      return shop.poolLimits(request);
    });
    if (turnState !== undefined) shop.sessions.rememberTurnState(session, turnState, account);
    if (shown !== undefined) down.pass(shown);
  }

  #terminal(frame: Frame): void {
    if (frame.type === 'response.failed') {
      this.failedFrame = frame;
      this.onFailure({ via: 'frame', event: parseObject(frame.data) ?? {} });
      return;
    }
    this.#seat.down.flush();
    this.ending = this.#recorder.end(frame);
    if (this.ending === undefined) {
      this.onFailure({ via: 'garbage' });
      return;
    }
    this.#seat.down.responseId = this.ending.responseId;
    this.#listener.ended();
  }

  #advance(to: Progress): void {
    this.#progress = to;
    this.#listener.progressed(to);
  }
}
