/**
 * Turns of the machine in a world that answers at random: accounts come and go, attempts get some way and then end
 * somehow, and now and then an event arrives that means nothing.
 */
import fc from 'fast-check';
import type { AccountId } from '../../src/ids.ts';
import type { ErrorClass, Failure } from '../../src/turn/failure.ts';
import { RECOVERY } from '../../src/turn/recovery.ts';
import type { Effect, Event, Progress, Renewed, State, TurnFacts } from '../../src/turn/states.ts';
import { begin, step } from '../../src/turn/turn.ts';

const id = (name: string): AccountId => name as AccountId;
const CLASSES = Object.keys(RECOVERY) as ErrorClass[];
const PROGRESS: readonly Progress[] = ['nothing_sent', 'sent', 'begun', 'output'];

const arbitraryFailure = fc.record({
  class: fc.constantFrom(...CLASSES),
  via: fc.constantFrom('frame', 'http', 'close', 'socket', 'timeout', 'eof') as fc.Arbitrary<Failure['via']>,
  variant: fc.constantFrom(undefined, 'unknown_403'),
  blame: fc.constantFrom('account', 'route') as fc.Arbitrary<'account' | 'route'>,
  param: fc.constantFrom(undefined, 'temperature'),
});

const arbitraryFacts: fc.Arbitrary<TurnFacts> = fc.record({
  hold: fc.constantFrom('until_output', 'until_end'),
  sideEffects: fc.constantFrom('none', 'possible'),
  budgetMs: fc.constantFrom(0, 500, 20_000),
  binding: fc.constantFrom({ kind: 'free' as const }, { kind: 'owner' as const, account: id('a') }),
});

/** One answer of the world to whatever the machine asks, drawn at random. */
const arbitraryReply = fc.record({
  pick: fc.nat(3),
  availability: fc.constantFrom('account', 'account', 'account', 'cooling', 'exhausted', 'none'),
  progress: fc.constantFrom(...PROGRESS),
  outcome: fc.constantFrom('failed', 'failed', 'failed', 'ended', 'client_left', 'closed'),
  failure: arbitraryFailure,
  renewed: fc.constantFrom<Renewed['outcome']>('usable', 'refused', 'later'),
  login: fc.constantFrom<'fresh' | 'stale'>('fresh', 'fresh', 'stale'),
  passesMs: fc.nat(3000),
  noise: fc.constantFrom(undefined, 'ended', 'waited', 'renewed'),
});
type Reply = typeof arbitraryReply extends fc.Arbitrary<infer T> ? T : never;

interface Played {
  readonly effects: readonly {
    readonly effect: Effect;
    readonly at: number;
    readonly progress: Progress | undefined;
  }[];
  readonly steps: readonly (readonly Effect[])[];
  readonly failedAt: number | undefined;
  readonly final: State;
}

/** A world that answers each effect the way the runner would, until the turn is over or the replies are. */
function simulate(facts: TurnFacts, replies: readonly Reply[]): Played {
  let at = 0;
  let [state, effects] = begin();
  let failedAt: number | undefined;
  const log: Played['effects'][number][] = [];
  const steps: (readonly Effect[])[] = [];
  const take = (next: readonly [State, readonly Effect[]], before: State): void => {
    const progress = before.name === 'running' ? before.progress : undefined;
    [state, effects] = next;
    steps.push(effects);
    log.push(...effects.map((effect) => ({ effect, at, progress })));
  };
  take([state, effects], state);
  for (const reply of replies) {
    if (state.name === 'done') break;
    at += passing(state, effects, reply);
    const noise = reply.noise === undefined ? undefined : noiseOf(reply.noise, state);
    if (noise !== undefined) take(step(facts, state, noise), state);
    for (const event of answersTo(state, reply, { at, facts })) {
      if (event.name === 'failed') failedAt ??= at;
      take(step(facts, state, event), state);
    }
  }
  return { effects: log, steps, failedAt, final: state };
}

/** Selecting takes no time: the runner answers within the same step. */
function passing(state: State, effects: readonly Effect[], reply: Reply): number {
  if (state.name === 'waiting') return waitOf(effects);
  return state.name === 'selecting' ? 0 : reply.passesMs;
}

function waitOf(effects: readonly Effect[]): number {
  const wait = effects.find((effect) => effect.do === 'wait');
  return wait?.do === 'wait' ? wait.atMostMs : 0;
}

/** An event that means nothing in this state. */
function noiseOf(noise: 'ended' | 'waited' | 'renewed', state: State): Event | undefined {
  if (noise === 'ended') return state.name === 'running' ? undefined : { name: 'ended' };
  if (noise === 'waited') return state.name === 'waiting' ? undefined : { name: 'waited' };
  return state.name === 'renewing' ? undefined : { name: 'renewed', renewed: { outcome: 'usable' }, at: 0 };
}

function renewedAs(outcome: Renewed['outcome']): Renewed {
  if (outcome === 'usable') return { outcome };
  return { outcome, failure: { class: 'auth_permanent', via: 'http', code: 'refused', message: '' } };
}

function answersTo(state: State, reply: Reply, world: { at: number; facts: TurnFacts }): readonly Event[] {
  switch (state.name) {
    case 'selecting':
      return [selection(state, reply, world.at)];
    case 'waiting':
      return [{ name: 'waited' }];
    case 'renewing':
      return [{ name: 'renewed', renewed: renewedAs(reply.renewed), at: world.at }];
    case 'running': {
      const upTo = PROGRESS.slice(1, PROGRESS.indexOf(reply.progress) + 1).map(
        (to): Event => ({ name: 'progressed', to }),
      );
      return [...upTo, ending(reply, world.at)];
    }
    default:
      return [];
  }
}

function selection(state: Extract<State, { name: 'selecting' }>, reply: Reply, at: number): Event {
  const open = ['a', 'b', 'c', 'd'].map(id).filter((account) => !state.trail.left.includes(account));
  const account = open[reply.pick % Math.max(1, open.length)];
  if (reply.availability === 'account' && account !== undefined)
    return { name: 'selected', account, login: reply.login };
  if (reply.availability === 'cooling')
    return { name: 'unavailable', at, reason: { why: 'cooling', until: at + 100 } };
  if (reply.availability === 'exhausted')
    return { name: 'unavailable', at, reason: { why: 'exhausted', resetAt: at + 1e6, plan: undefined } };
  return { name: 'unavailable', at, reason: { why: 'tried_all' } };
}

function ending(reply: Reply, at: number): Event {
  const { variant, param, ...rest } = reply.failure;
  const seen: Failure = {
    ...rest,
    code: rest.class,
    message: '',
    ...(variant && { variant }),
    ...(param && { param }),
  } as Failure;
  switch (reply.outcome) {
    case 'ended':
      return { name: 'ended' };
    case 'client_left':
      return { name: 'client_left' };
    case 'closed':
      return {
        name: 'closed',
        failure: { class: 'stream_incomplete', via: 'eof', code: 'released', message: '' },
      };
    default:
      return { name: 'failed', failure: seen, at };
  }
}

/** Checks a claim over many random turns. */
export function overRandomTurns(claim: (played: Played, facts: TurnFacts) => void): void {
  const replies = fc.array(arbitraryReply, { maxLength: 40 });
  fc.assert(
    fc.property(arbitraryFacts, replies, (facts, given) => claim(simulate(facts, given), facts)),
    { numRuns: 2000 },
  );
}
