/**
 * The life of one turn as a pure function: `step(facts, state, event)` gives the next state and what is to be
 * done. It knows no socket, no clock and no database; src/bridge carries its effects out and feeds what happens
 * back, one event at a time.
 *
 *     selecting ──selected──▶ running ──ended──▶ done
 *         ▲  │ unavailable       │ failed
 *         │  ▼                   ▼
 *      waiting ◀──────── repair, move, or refuse
 *
 * Every attempt that is started is disposed of exactly once, nothing is started after something was shown to the
 * client, and leaving an account and forgetting what only that account understands is one effect (`move`).
 */
import type { Failure } from './failure.ts';
import { localFailure } from './local-failure.ts';
import { isPassing, isUnanswered, RECOVERY } from './recovery.ts';
import { mayRepeat, repeat } from './retry.ts';
import {
  DEFAULT_OPTIONS,
  type Effect,
  type Event,
  type Progress,
  type Reason,
  type RetryHistory,
  type State,
  type Step,
  type TurnFacts,
} from './states.ts';
import { including, refresh, run, select } from './steps.ts';

type In<Name extends State['name']> = Extract<State, { readonly name: Name }>;

const NO_RETRIES: RetryHistory = {
  left: [],
  moves: [],
  repairs: [],
  ambiguousLosses: 0,
  firstFailureAt: undefined,
  last: undefined,
  passing: undefined,
  pendingMarks: [],
};

export function begin(): Step {
  const state: State = {
    name: 'selecting',
    retries: NO_RETRIES,
    from: undefined,
    options: DEFAULT_OPTIONS,
  };
  return [state, [select(NO_RETRIES)]];
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
    case 'refreshing':
      return event.name === 'refreshed' ? onRefreshed(facts, state, event) : [state, []];
    case 'running':
      return onRunning(facts, state, event);
  }
}

function leave(state: State): Step {
  return [{ name: 'done', how: 'cancelled' }, [...disposal(state), { do: 'cancel' }]];
}

/** The session was released, or the server is going down or at fault: the turn fails at once instead of hanging. */
function close(facts: TurnFacts, state: State, failure: Failure): Step {
  if (isShown(state)) {
    return [{ name: 'done', how: 'failed' }, [...disposal(state), { do: 'fail', failure }]];
  }
  const [done, effects] = refuse({ kind: 'failure', failure, binding: facts.binding });
  return [done, [...disposal(state), ...effects]];
}

function disposal(state: State): readonly Effect[] {
  return state.name === 'running' ? [{ do: 'dispose', connection: 'drop' }] : [];
}

function refuse(reason: Reason): Step {
  return [{ name: 'done', how: 'refused' }, [{ do: 'refuse', reason }]];
}

function isShown(state: State): boolean {
  return state.name === 'running' && state.progress === 'shown';
}

function reselect(state: In<'waiting'>): Step {
  const want = state.from === undefined ? {} : { prefer: state.from };
  return [{ ...state, name: 'selecting' }, [select(state.retries, want)]];
}

function onSelecting(facts: TurnFacts, state: In<'selecting'>, event: Event): Step {
  if (event.name === 'selected') return start(state, event);
  if (event.name !== 'unavailable') return [state, []];
  const { reason, at } = event;
  const since = state.retries.firstFailureAt ?? at;
  if (reason.why === 'cooling' && reason.until < since + facts.budgetMs) {
    const ms = Math.max(0, reason.until - at);
    const retries = { ...state.retries, firstFailureAt: since };
    return [{ ...state, name: 'waiting', retries }, [{ do: 'wait', atLeastMs: ms, atMostMs: ms }]];
  }
  const { last, passing } = state.retries;
  return refuse({ kind: 'unavailable', reason, binding: facts.binding, last, passing });
}

/** Another account starts with default options; the one it replaces is never asked again by this turn. */
function start(state: In<'selecting'>, { account, token }: Extract<Event, { name: 'selected' }>): Step {
  const { from, retries } = state;
  const begin = token === 'stale' ? refresh : run;
  if (from === undefined || from === account || retries.last === undefined) {
    return begin(account, retries, state.options);
  }
  const moved: RetryHistory = {
    ...retries,
    repairs: [],
    moves: [...retries.moves, retries.last.class],
    left: including(retries.left, from),
  };
  const [next, effects] = begin(account, moved, DEFAULT_OPTIONS);
  return [next, [{ do: 'move', from, failure: retries.last }, ...effects]];
}

function onRunning(facts: TurnFacts, state: In<'running'>, event: Event): Step {
  switch (event.name) {
    case 'progressed':
      return [isFurther(event.to, state.progress) ? { ...state, progress: event.to } : state, []];
    case 'ended': {
      const marks = state.retries.pendingMarks.map((mark): Effect => ({ do: 'mark', ...mark }));
      const effects: Effect[] = [{ do: 'dispose', connection: 'keep' }, ...marks, { do: 'answer' }];
      return [{ name: 'done', how: 'answered' }, effects];
    }
    case 'failed':
      return onFailed(facts, state, event);
    default:
      return [state, []];
  }
}

const ORDER: readonly Progress[] = ['nothing_sent', 'sent', 'begun', 'output', 'shown'];

/** A handshake that comes after the first output takes nothing back. */
function isFurther(to: Progress, from: Progress): boolean {
  return ORDER.indexOf(to) > ORDER.indexOf(from);
}

function onFailed(facts: TurnFacts, state: In<'running'>, event: { failure: Failure; at: number }): Step {
  const { failure, at } = event;
  const before: Effect[] = [
    { do: 'dispose', connection: RECOVERY[failure.class].connection },
    ...marks(state, failure),
  ];
  if (isShown(state)) {
    const effects = [...before, ...lettingGo(state, failure)];
    return [{ name: 'done', how: 'failed' }, [...effects, { do: 'fail', failure }]];
  }
  const retries = remember(state, failure, at);
  const leftMs = (retries.firstFailureAt ?? at) + facts.budgetMs - at;
  const again = leftMs > 0 && mayRepeat(facts, state, retries);
  const next = again ? repeat(facts, { ...state, retries }, failure, leftMs) : undefined;
  if (next !== undefined) return [next[0], [...before, ...next[1]]];
  const [done, effects] = refuse({ kind: 'failure', failure, binding: facts.binding });
  return [done, [...before, ...lettingGo(state, failure), ...effects]];
}

/** The next turn of this session is free to begin elsewhere. */
function lettingGo({ account }: In<'running'>, failure: Failure): readonly Effect[] {
  return RECOVERY[failure.class].pin === 'let_go' ? [{ do: 'move', from: account, failure }] : [];
}

/** A token that is refused is held against the account only when a refreshed one is refused as well. */
function marks({ account, retries }: In<'running'>, failure: Failure): readonly Effect[] {
  const { mark, marked, repair } = RECOVERY[failure.class];
  const due = marked === 'at_once' || (marked === 'after_repair' && retries.repairs.includes(repair));
  return mark === 'none' || !due ? [] : [{ do: 'mark', account, mark, failure }];
}

function remember(state: In<'running'>, failure: Failure, at: number): RetryHistory {
  const { retries, account, progress } = state;
  const ambiguous = isUnanswered(failure) && progress !== 'nothing_sent';
  const { mark, marked } = RECOVERY[failure.class];
  return {
    ...retries,
    firstFailureAt: retries.firstFailureAt ?? at,
    ambiguousLosses: retries.ambiguousLosses + (ambiguous ? 1 : 0),
    last: failure,
    passing: isPassing(failure) ? failure : retries.passing,
    pendingMarks:
      marked === 'when_another_serves'
        ? [...retries.pendingMarks, { account, mark, failure }]
        : retries.pendingMarks,
  };
}

/** What the outcome says about the account, the pool has noted by itself. */
function onRefreshed(
  facts: TurnFacts,
  state: In<'refreshing'>,
  { refreshed, at }: Extract<Event, { name: 'refreshed' }>,
): Step {
  const { account, retries, options } = state;
  const late = at >= (retries.firstFailureAt ?? at) + facts.budgetMs;
  if (refreshed.outcome === 'usable' && !late) return run(account, retries, options);
  const failure =
    retries.last ?? (refreshed.outcome === 'usable' ? localFailure('refresh_late') : refreshed.failure);
  if (late) return refuse({ kind: 'failure', failure, binding: facts.binding });
  // A login that cannot be refreshed now is not left for good: its mark keeps it out, and it may be waited for.
  const left = refreshed.outcome === 'later' ? retries.left : including(retries.left, account);
  const after: RetryHistory = {
    ...retries,
    left,
    last: failure,
    firstFailureAt: retries.firstFailureAt ?? at,
  };
  return [{ name: 'selecting', retries: after, from: account, options }, [select(after)]];
}
