import { describe, expect, test } from 'vitest';
import type { AccountId } from '../domain/ids.ts';
import type { Failure, FailureClass } from './failure.ts';
import { RECOVERY } from './recovery.ts';
import type { Effect, Event, Refreshed, State, TurnFacts } from './states.ts';
import { begin, step } from './turn.ts';

const id = (name: string): AccountId => name as AccountId;

const FREE: TurnFacts = {
  sideEffects: 'none',
  budgetMs: 20_000,
  binding: { kind: 'free' },
};

function failure(of: FailureClass, more: Partial<Failure> = {}): Failure {
  return { class: of, via: 'frame', code: of, message: '', ...more };
}

/** Plays events one after the other and keeps every step. */
function play(facts: TurnFacts, events: readonly Event[]) {
  let [state, effects] = begin();
  const steps: { state: State; effects: readonly Effect[] }[] = [{ state, effects }];
  for (const event of events) {
    [state, effects] = step(facts, state, event);
    steps.push({ state, effects });
  }
  return { state, steps, effects: steps.flatMap((one) => one.effects) };
}

const on = (account: string): Event => ({ name: 'selected', account: id(account), token: 'fresh' });
const fails = (of: FailureClass, more: Partial<Failure> = {}, at = 0): Event => ({
  name: 'failed',
  failure: failure(of, more),
  at,
});
const refused = (outcome: 'refused' | 'later'): Refreshed => ({
  outcome,
  failure: failure('auth_permanent'),
});
const what = (effects: readonly Effect[]): string[] => effects.map((effect) => effect.do);

test('every state has an answer to every event, and an end absorbs them all', () => {
  const events: readonly Event[] = [
    on('a'),
    { name: 'unavailable', reason: { why: 'no_accounts' }, at: 0 },
    { name: 'waited' },
    { name: 'refreshed', refreshed: refused('refused'), at: 0 },
    { name: 'progressed', to: 'sent' },
    fails('quota'),
    { name: 'ended' },
    { name: 'client_left' },
    { name: 'closed', failure: failure('stream_incomplete') },
  ];
  const states: State[] = [
    play(FREE, []).state,
    play(FREE, [on('a')]).state,
    play(FREE, [on('a'), fails('overloaded')]).state,
    play(FREE, [on('a'), fails('auth_expired')]).state,
  ];
  expect(states.map((state) => state.name)).toEqual(['selecting', 'running', 'waiting', 'refreshing']);
  for (const state of states) for (const event of events) expect(step(FREE, state, event)).toHaveLength(2);
  const done = play(FREE, [on('a'), { name: 'ended' }]).state;
  for (const event of events) expect(step(FREE, done, event)).toEqual([done, []]);
});

describe('row by row', () => {
  const MOVES: readonly FailureClass[] = [
    'quota',
    'plan_unsupported',
    'auth_permanent',
    'account_forbidden',
    'edge_forbidden',
  ];
  test.each(MOVES)('%s goes to another account at once', (of) => {
    const { steps } = play(FREE, [on('a'), fails(of), on('b')]);
    expect(steps[2]?.effects.at(-1)).toMatchObject({ do: 'select', exclude: ['a'] });
    expect(what(steps[3]?.effects ?? [])).toEqual(['move', 'start']);
  });

  const FINAL: readonly FailureClass[] = ['context_overflow', 'invalid_request', 'policy', 'history_missing'];
  test.each(FINAL)('%s is told to the client and nothing else happens', (of) => {
    const { steps } = play(FREE, [on('a'), fails(of)]);
    expect(what(steps[2]?.effects ?? [])).toEqual(['dispose', 'refuse']);
    expect(RECOVERY[of].pin).toBe('keep');
  });

  const AGAIN: readonly (readonly [FailureClass, object])[] = [
    ['connection_lost', { transport: 'any' }],
    ['stream_incomplete', { transport: 'any' }],
    ['connection_limit', { transport: 'any' }],
    ['message_too_big', { transport: 'http' }],
    ['not_found_continuity', { anchor: 'refused' }],
    ['encrypted_content_foreign', { seals: 'left_out' }],
    ['upgrade_refused', { transport: 'http' }],
  ];
  test.each(AGAIN)('%s is tried once more on the same account', (of, options) => {
    const { steps } = play(FREE, [on('a'), fails(of)]);
    expect(steps[2]?.effects.at(-1)).toMatchObject({ do: 'start', account: 'a', options });
  });

  test('a refused parameter is left out once', () => {
    const { steps, effects } = play(FREE, [
      on('a'),
      fails('unsupported_param', { param: 'top_p' }),
      fails('unsupported_param', { param: 'user' }),
    ]);
    expect(steps[2]?.effects.at(-1)).toMatchObject({ do: 'start', options: { dropped: ['top_p'] } });
    expect(what(effects).at(-1)).toBe('refuse');
    expect(what(play(FREE, [on('a'), fails('unsupported_param')]).effects).at(-1)).toBe('refuse');
  });

  test('an expired login is renewed, then left and marked', () => {
    const { steps } = play(FREE, [
      on('a'),
      fails('auth_expired'),
      { name: 'refreshed', refreshed: { outcome: 'usable' }, at: 0 },
      fails('auth_expired'),
      on('b'),
    ]);
    expect(what(steps[2]?.effects ?? [])).toEqual(['dispose', 'refresh']);
    expect(what(steps[3]?.effects ?? [])).toEqual(['start']);
    expect(what(steps[4]?.effects ?? [])).toEqual(['dispose', 'mark', 'select']);
    expect(what(steps[5]?.effects ?? [])).toEqual(['move', 'start']);
    const left = play(FREE, [
      on('a'),
      fails('auth_expired'),
      { name: 'refreshed', refreshed: refused('refused'), at: 0 },
    ]);
    expect(left.effects.at(-1)).toMatchObject({ do: 'select', exclude: ['a'] });
  });

  test('a login that ends soon is renewed before its first use, and left for good only when it is over', () => {
    const stale: Event = { name: 'selected', account: id('a'), token: 'stale' };
    const used = play(FREE, [stale, { name: 'refreshed', refreshed: { outcome: 'usable' }, at: 0 }]);
    expect(what(used.effects)).toEqual(['select', 'refresh', 'start']);
    const over = play(FREE, [stale, { name: 'refreshed', refreshed: refused('refused'), at: 0 }, on('b')]);
    expect(what(over.effects)).toEqual(['select', 'refresh', 'select', 'move', 'start']);
    const later = play(FREE, [stale, { name: 'refreshed', refreshed: refused('later'), at: 0 }]);
    expect(later.effects.at(-1)).toMatchObject({ do: 'select', exclude: [] });
    const late = play(FREE, [
      stale,
      { name: 'refreshed', refreshed: refused('later'), at: 0 },
      stale,
      { name: 'refreshed', refreshed: refused('later'), at: FREE.budgetMs },
    ]);
    expect(what(late.effects).at(-1)).toBe('refuse');
  });

  test('an overload is waited out twice, then one other account is asked', () => {
    const { effects } = play(FREE, [
      on('a'),
      fails('overloaded'),
      { name: 'waited' },
      on('a'),
      fails('overloaded'),
      { name: 'waited' },
      on('a'),
      fails('overloaded'),
      on('b'),
    ]);
    expect(what(effects).filter((one) => one === 'wait')).toHaveLength(2);
    expect(what(effects).slice(-2)).toEqual(['move', 'start']);
  });

  test('a cooling account is waited for when nobody else can serve, but not beyond the budget', () => {
    const cooling = (until: number): Event => ({
      name: 'unavailable',
      reason: { why: 'cooling', until },
      at: 0,
    });
    const short = play(FREE, [
      on('a'),
      fails('rate_limit_transient'),
      cooling(900),
      { name: 'waited' },
      on('a'),
    ]);
    expect(what(short.effects).slice(-3)).toEqual(['wait', 'select', 'start']);
    const long = play(FREE, [on('a'), fails('rate_limit_transient'), cooling(60_000)]);
    expect(long.effects.at(-1)).toMatchObject({ do: 'refuse', reason: { kind: 'unavailable' } });
  });

  test('a failure of the account itself prefers another one and comes back if there is none', () => {
    const { steps } = play(FREE, [on('a'), fails('upstream_unavailable'), on('a')]);
    expect(steps[2]?.effects.at(-1)).toMatchObject({ do: 'select', avoid: 'a', exclude: [] });
    expect(what(steps[3]?.effects ?? [])).toEqual(['start']);
  });

  test('an unexplained 403 moves once', () => {
    const { effects } = play(FREE, [
      on('a'),
      fails('forbidden_unexplained'),
      on('b'),
      fails('forbidden_unexplained'),
    ]);
    expect(what(effects).at(-1)).toBe('refuse');
  });

  test('an anchor that only its owner knows is not replaced by nothing', () => {
    const facts: TurnFacts = { ...FREE, binding: { kind: 'owner', account: id('a') } };
    const { effects } = play(facts, [on('a'), fails('not_found_continuity')]);
    expect(effects.at(-1)).toMatchObject({ do: 'refuse', reason: { binding: { kind: 'owner' } } });
  });
});

const LOST: Partial<Failure> = { via: 'close', code: 'close_1011' };
const sent: Event = { name: 'progressed', to: 'sent' };
const shown: Event = { name: 'progressed', to: 'shown' };
const starts = (effects: readonly Effect[]): string[] =>
  effects.flatMap((effect) => (effect.do === 'start' ? [effect.account] : []));

describe('losses', () => {
  const lost = fails('connection_lost', LOST);

  test('an ambiguous loss is repeated once here, once elsewhere, and no more', () => {
    const { effects } = play(FREE, [on('a'), sent, lost, sent, lost, on('b'), sent, lost, on('c')]);
    expect(starts(effects)).toEqual(['a', 'a', 'b']);
    expect(what(effects).slice(-2)).toEqual(['move', 'refuse']);
  });

  test('what was never sent may be tried on every account', () => {
    const { effects } = play(FREE, [on('a'), lost, lost, on('b'), lost, lost, on('c'), lost, lost, on('d')]);
    expect(starts(effects)).toEqual(['a', 'a', 'b', 'b', 'c', 'c', 'd']);
  });

  test('where tools may have acted, nothing that was sent is sent again', () => {
    const facts: TurnFacts = { ...FREE, sideEffects: 'possible' };
    expect(starts(play(facts, [on('a'), sent, lost]).effects)).toEqual(['a']);
    expect(starts(play(facts, [on('a'), { name: 'progressed', to: 'begun' }, lost]).effects)).toEqual(['a']);
    expect(starts(play(facts, [on('a'), lost]).effects)).toEqual(['a', 'a']);
  });

  test('a loss after something was shown ends the turn and frees the session for another account', () => {
    const { effects, state } = play(FREE, [on('a'), shown, lost]);
    expect(what(effects).slice(-3)).toEqual(['dispose', 'move', 'fail']);
    expect(state).toEqual({ name: 'done', how: 'failed' });
  });

  test('a request fault keeps the session where it is', () => {
    expect(what(play(FREE, [on('a'), shown, fails('policy')]).effects)).not.toContain('move');
  });

  test('a handshake after the first output does not make the turn repeatable again', () => {
    const { effects } = play(FREE, [on('a'), shown, { name: 'progressed', to: 'begun' }, lost]);
    expect(starts(effects)).toEqual(['a']);
  });

  test('a silent unary call is not repeated', () => {
    const { effects } = play(FREE, [on('a'), sent, fails('unary_timeout', { via: 'timeout' })]);
    expect(starts(effects)).toEqual(['a']);
  });
});

test('a model is held against an account only when another one has served it', () => {
  const none = play(FREE, [on('a'), fails('plan_unsupported'), on('b'), fails('plan_unsupported')]);
  expect(what(none.effects)).not.toContain('mark');
  const one = play(FREE, [on('a'), fails('plan_unsupported'), on('b'), { name: 'ended' }]);
  expect(one.effects.filter((effect) => effect.do === 'mark')).toMatchObject([
    { account: 'a', mark: 'model_not_in_plan' },
  ]);
});

test('a passing failure is remembered, whatever comes after it', () => {
  const out: Event = {
    name: 'unavailable',
    reason: { why: 'exhausted', resetAt: 1, plan: undefined },
    at: 0,
  };
  const { effects } = play(FREE, [on('a'), fails('upstream_unavailable'), on('b'), fails('quota'), out]);
  expect(effects.at(-1)).toMatchObject({ reason: { passing: { class: 'upstream_unavailable' } } });
});
