/**
 * The life of one turn as a pure function: `step(facts, state, event)` gives the next state and what is to be
 * done. It knows no socket, no clock and no database; the runner (src/bridge) carries its effects out and feeds
 * what happens back, one event at a time.
 *
 *     selecting ──selected──▶ running ──ended──▶ done
 *         ▲  │ unavailable       │ failed
 *         │  ▼                   ▼
 *      waiting ◀──────── repair, move, or refuse
 *
 * Every attempt that is started is disposed of exactly once, nothing is started after output has been shown to
 * the client, and leaving an account and forgetting what only that account understands is one effect (`move`).
 */
import type { AccountId } from '../ids.ts';
import type { Failure } from './failure.ts';
import { isSilentLoss, movesAllowed, RECOVERY, type Repair, timesAllowed } from './recovery.ts';
import {
  type Effect,
  type Event,
  type Manner,
  PLAIN,
  type Reason,
  type State,
  type Step,
  type Trail,
  type TurnFacts,
} from './states.ts';

type In<Name extends State['name']> = Extract<State, { readonly name: Name }>;

const FRESH: Trail = {
  left: [],
  moves: [],
  repairs: [],
  silentLosses: 0,
  firstFailureAt: undefined,
  last: undefined,
};

export function begin(): Step {
  const state: State = { name: 'selecting', trail: FRESH, from: undefined, manner: PLAIN };
  return [state, [select(FRESH)]];
}

/** Total: a pair that means nothing (a late frame, a second end) leaves the state as it is and does nothing. */
export function step(facts: TurnFacts, state: State, event: Event): Step {
  if (state.name === 'done') return [state, []];
  if (event.name === 'client_left') return leave(state);
  if (event.name === 'closed') return close(facts, state, event.failure);
  switch (state.name) {
    case 'selecting':
      return onSelecting(facts, state, event);
    case 'waiting':
      return event.name === 'waited' ? reselect(state) : [state, []];
    case 'renewing':
      return event.name === 'renewed' ? onRenewed(facts, state, event) : [state, []];
    case 'running':
      return onRunning(facts, state, event);
  }
}

function select(trail: Trail, want: { prefer?: AccountId; avoid?: AccountId } = {}): Effect {
  return { do: 'select', exclude: trail.left, prefer: want.prefer, avoid: want.avoid };
}

function leave(state: State): Step {
  const disposal: Effect[] = state.name === 'running' ? [{ do: 'dispose', connection: 'drop' }] : [];
  return [{ name: 'done', how: 'cancelled' }, [...disposal, { do: 'cancel' }]];
}

/** The session was released or the server is going down: the turn fails at once instead of hanging. */
function close(facts: TurnFacts, state: State, failure: Failure): Step {
  const disposal: Effect[] = state.name === 'running' ? [{ do: 'dispose', connection: 'drop' }] : [];
  if (isVisible(facts, state)) {
    return [{ name: 'done', how: 'failed' }, [...disposal, { do: 'fail', failure }]];
  }
  const [done, effects] = refuse({ kind: 'failure', failure, binding: facts.binding });
  return [done, [...disposal, ...effects]];
}

function refuse(reason: Reason): Step {
  return [{ name: 'done', how: 'refused' }, [{ do: 'refuse', reason }]];
}

function isVisible(facts: TurnFacts, state: State): boolean {
  return state.name === 'running' && state.progress === 'output' && facts.hold === 'until_output';
}

function reselect(state: In<'waiting'>): Step {
  const want = state.from === undefined ? {} : { prefer: state.from };
  return [{ ...state, name: 'selecting' }, [select(state.trail, want)]];
}

function onSelecting(facts: TurnFacts, state: In<'selecting'>, event: Event): Step {
  if (event.name === 'selected') return start(state, event);
  if (event.name !== 'unavailable') return [state, []];
  const { reason, at } = event;
  const since = state.trail.firstFailureAt ?? at;
  if (reason.why === 'cooling' && reason.until < since + facts.budgetMs) {
    const ms = Math.max(0, reason.until - at);
    const waiting: State = { ...state, name: 'waiting', trail: { ...state.trail, firstFailureAt: since } };
    return [waiting, [{ do: 'wait', atLeastMs: ms, atMostMs: ms }]];
  }
  return refuse({ kind: 'unavailable', reason, binding: facts.binding, last: state.trail.last });
}

/** Another account starts with a clean slate; the one it replaces is never asked again by this turn. */
function start(state: In<'selecting'>, { account, login }: Extract<Event, { name: 'selected' }>): Step {
  const { from, trail } = state;
  const begin = login === 'stale' ? renew : run;
  if (from === undefined || from === account || trail.last === undefined) {
    return begin(account, trail, state.manner);
  }
  const moved: Trail = {
    ...trail,
    repairs: [],
    moves: [...trail.moves, trail.last.class],
    left: including(trail.left, from),
  };
  const [next, effects] = begin(account, moved, PLAIN);
  return [next, [{ do: 'move', from, failure: trail.last }, ...effects]];
}

function run(account: AccountId, trail: Trail, manner: Manner): Step {
  const running: State = { name: 'running', trail, account, manner, progress: 'nothing_sent' };
  return [running, [{ do: 'start', account, manner }]];
}

function renew(account: AccountId, trail: Trail, manner: Manner, failure?: Failure): Step {
  return [{ name: 'renewing', trail, account, manner }, [{ do: 'renew', account, failure }]];
}

function including(left: readonly AccountId[], account: AccountId): readonly AccountId[] {
  return left.includes(account) ? left : [...left, account];
}

function onRunning(facts: TurnFacts, state: In<'running'>, event: Event): Step {
  switch (event.name) {
    case 'progressed':
      return [{ ...state, progress: event.to }, []];
    case 'ended':
      return [{ name: 'done', how: 'answered' }, [{ do: 'dispose', connection: 'keep' }, { do: 'answer' }]];
    case 'failed':
      return onFailed(facts, state, event);
    default:
      return [state, []];
  }
}

function onFailed(facts: TurnFacts, state: In<'running'>, event: { failure: Failure; at: number }): Step {
  const { failure, at } = event;
  const disposal: Effect = { do: 'dispose', connection: RECOVERY[failure.class].connection };
  const before: Effect[] = [disposal, ...marks(state, failure)];
  if (isVisible(facts, state)) {
    return [{ name: 'done', how: 'failed' }, [...before, { do: 'fail', failure }]];
  }
  const trail = remember(state, failure, at);
  const leftMs = (trail.firstFailureAt ?? at) + facts.budgetMs - at;
  const next =
    leftMs > 0 && mayRepeat(facts, state, trail)
      ? repeat(facts, { ...state, trail }, failure, leftMs)
      : undefined;
  const [to, effects] = next ?? refuse({ kind: 'failure', failure, binding: facts.binding });
  return [to, [...before, ...effects]];
}

/** A token that is refused is held against the account only when a renewed one is refused as well. */
function marks({ account, trail }: In<'running'>, failure: Failure): readonly Effect[] {
  const { mark } = RECOVERY[failure.class];
  const renewable = failure.class === 'auth_expired' && !trail.repairs.includes('renew_login');
  return mark === 'none' || renewable ? [] : [{ do: 'mark', account, mark, failure }];
}

function remember(state: In<'running'>, failure: Failure, at: number): Trail {
  const silent = isSilentLoss(failure) && state.progress === 'sent';
  return {
    ...state.trail,
    firstFailureAt: state.trail.firstFailureAt ?? at,
    silentLosses: state.trail.silentLosses + (silent ? 1 : 0),
    last: failure,
  };
}

function mayRepeat(facts: TurnFacts, state: In<'running'>, trail: Trail): boolean {
  const mayHaveActed = state.progress === 'output' || trail.silentLosses > state.trail.silentLosses;
  if (mayHaveActed && facts.sideEffects === 'possible') return false;
  return trail.silentLosses <= 1;
}

/** A repair is none where it has nothing to work with: no name to drop, no history to put in the anchor's place. */
function repairFor(facts: TurnFacts, failure: Failure): Repair {
  const { repair } = RECOVERY[failure.class];
  if (repair === 'drop_param' && failure.param === undefined) return 'none';
  return repair === 'expand_anchor' && facts.binding.kind === 'owner' ? 'none' : repair;
}

function repeat(facts: TurnFacts, state: In<'running'>, failure: Failure, leftMs: number): Step | undefined {
  const { trail } = state;
  const repair = repairFor(facts, failure);
  const used = trail.repairs.filter((done) => done === repair).length;
  const fits = repair !== 'pause' || leftMs >= PAUSE_MS.atLeast;
  if (used < timesAllowed(repair) && fits) {
    const repaired = { ...state, trail: { ...trail, repairs: [...trail.repairs, repair] } };
    return repair === 'pause' ? pause(repaired, leftMs) : mend(repaired, repair, failure);
  }
  // A cooling account is not left: its mark keeps it out, and it may be waited for when nobody else can serve.
  if (failure.class === 'rate_limit_transient') return elsewhere(state, undefined);
  const moves = trail.moves.filter((why) => why === failure.class).length;
  if (moves >= movesAllowed(failure)) return undefined;
  return elsewhere({ ...state, trail: { ...trail, left: including(trail.left, state.account) } }, undefined);
}

function elsewhere(state: In<'running'>, avoid: AccountId | undefined): Step {
  const { trail, manner } = state;
  const selecting: State = { name: 'selecting', trail, from: state.account, manner };
  return [selecting, [select(trail, avoid === undefined ? {} : { avoid })]];
}

/** An overload passes by itself more often than another account is spared from it. */
const PAUSE_MS = { atLeast: 300, atMost: 2000 };

/** Never beyond the budget: `leftMs` of it remain. */
function pause(state: In<'running'>, leftMs: number): Step {
  const { account, trail, manner } = state;
  const waiting: State = { name: 'waiting', trail, from: account, manner };
  return [
    waiting,
    [{ do: 'wait', atLeastMs: PAUSE_MS.atLeast, atMostMs: Math.min(PAUSE_MS.atMost, leftMs) }],
  ];
}

function mend(state: In<'running'>, repair: Repair, failure: Failure): Step {
  const { account, trail, manner } = state;
  switch (repair) {
    case 'renew_login':
      return renew(account, trail, manner, failure);
    case 'reconnect':
      // A failure of the account's own making is better answered by another one, if there is one.
      return failure.blame === 'account' ? elsewhere(state, account) : run(account, trail, manner);
    case 'use_http':
      return run(account, trail, { ...manner, transport: 'http' });
    case 'expand_anchor':
      return run(account, trail, { ...manner, anchor: 'refused' });
    case 'strip_reasoning':
      return run(account, trail, { ...manner, reasoning: 'stripped' });
    default:
      return run(account, trail, { ...manner, dropped: [...manner.dropped, failure.param ?? ''] });
  }
}

const TOO_LATE: Failure = {
  class: 'upstream_unavailable',
  via: 'timeout',
  code: 'renewal_took_long',
  message: 'The login of the account was renewed too late for this turn.',
};

/** What the outcome says about the account, the pool has noted by itself. */
function onRenewed(
  facts: TurnFacts,
  state: In<'renewing'>,
  { renewed, at }: Extract<Event, { name: 'renewed' }>,
): Step {
  const { account, trail, manner } = state;
  const late = at >= (trail.firstFailureAt ?? at) + facts.budgetMs;
  if (renewed.outcome === 'usable' && !late) return run(account, trail, manner);
  const failure = trail.last ?? (renewed.outcome === 'usable' ? TOO_LATE : renewed.failure);
  if (late) return refuse({ kind: 'failure', failure, binding: facts.binding });
  // A login that cannot be renewed now is not left for good: its mark keeps it out, and it may be waited for.
  const left = renewed.outcome === 'later' ? trail.left : including(trail.left, account);
  const after: Trail = { ...trail, left, last: failure, firstFailureAt: trail.firstFailureAt ?? at };
  return [{ name: 'selecting', trail: after, from: account, manner }, [select(after)]];
}
