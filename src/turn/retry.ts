/**
 * Whether a failed attempt is followed by another, and by which: the same account with something changed, or another
 * one. Reads the table of `recovery.ts`; `undefined` means that nothing helps.
 */
import type { AccountId } from '../domain/ids.ts';
import type { Failure } from './failure.ts';
import { RECOVERY, type Repair, timesAllowed } from './recovery.ts';
import type { Effect, RetryHistory, State, Step, TurnFacts } from './states.ts';
import { including, refresh, run, select } from './steps.ts';

type Running = Extract<State, { readonly name: 'running' }>;

/** Upstream may have acted on a request whose answer was lost: once more here, once elsewhere, and no more. */
const MAX_AMBIGUOUS_LOSSES = 2;

export function mayRepeat(facts: TurnFacts, state: Running, retries: RetryHistory): boolean {
  const mayHaveActed = state.progress === 'output' || retries.ambiguousLosses > state.retries.ambiguousLosses;
  if (mayHaveActed && facts.sideEffects === 'possible') return false;
  return retries.ambiguousLosses <= MAX_AMBIGUOUS_LOSSES;
}

/** A repair is none where it has nothing to work with: no name to drop, no history to put in the anchor's place. */
function repairFor(facts: TurnFacts, failure: Failure): Repair {
  const { repair } = RECOVERY[failure.class];
  if (repair === 'drop_param' && failure.param === undefined) return 'none';
  return repair === 'expand_anchor' && facts.binding.kind === 'owner' ? 'none' : repair;
}

export function repeat(facts: TurnFacts, state: Running, failure: Failure, leftMs: number): Step | undefined {
  const { retries } = state;
  const rule = RECOVERY[failure.class];
  const repair = repairFor(facts, failure);
  const used = retries.repairs.filter((done) => done === repair).length;
  const fits = repair !== 'pause' || leftMs >= PAUSE_MS.atLeast;
  if (used < timesAllowed(repair) && fits) {
    const repaired = { ...state, retries: { ...retries, repairs: [...retries.repairs, repair] } };
    return repair === 'pause' ? pause(repaired, leftMs) : apply(repaired, repair, failure);
  }
  if (rule.leave === 'while_marked') return elsewhere(state, undefined);
  const moves = retries.moves.filter((why) => why === failure.class).length;
  if (moves >= rule.moves) return undefined;
  return elsewhere(
    { ...state, retries: { ...retries, left: including(retries.left, state.account) } },
    undefined,
  );
}

function elsewhere(state: Running, avoid: AccountId | undefined): Step {
  const { retries, options } = state;
  const selecting: State = { name: 'selecting', retries, from: state.account, options };
  return [selecting, [select(retries, avoid === undefined ? {} : { avoid })]];
}

/** An overload passes by itself more often than another account is spared from it. */
const PAUSE_MS = { atLeast: 300, atMost: 2000 };

/** Never beyond the budget: `leftMs` of it remain. */
function pause(state: Running, leftMs: number): Step {
  const { account, retries, options } = state;
  const waiting: State = { name: 'waiting', retries, from: account, options };
  const wait: Effect = {
    do: 'wait',
    atLeastMs: PAUSE_MS.atLeast,
    atMostMs: Math.min(PAUSE_MS.atMost, leftMs),
  };
  return [waiting, [wait]];
}

function apply(state: Running, repair: Repair, failure: Failure): Step {
  const { account, retries, options } = state;
  switch (repair) {
    case 'refresh_token':
      return refresh(account, retries, options, failure);
    case 'reconnect':
      return RECOVERY[failure.class].next === 'another_account'
        ? elsewhere(state, account)
        : run(account, retries, options);
    case 'use_http':
      return run(account, retries, { ...options, transport: 'http' });
    case 'expand_anchor':
      return run(account, retries, { ...options, anchor: 'refused' });
    case 'leave_out_seals':
      return run(account, retries, { ...options, seals: 'left_out' });
    default:
      return run(account, retries, { ...options, dropped: [...options.dropped, failure.param ?? ''] });
  }
}
