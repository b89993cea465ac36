/**
 * Turns of the machine in a world that answers at random: accounts come and go, attempts get some way and then end
 * somehow, and now and then an event arrives that means nothing.
 */
import fc from 'fast-check';
import type { AccountId } from '../../src/domain/ids.ts';
import type { Failure, FailureClass } from '../../src/turn/failure.ts';
import { RECOVERY } from '../../src/turn/recovery.ts';
import type { Effect, Event, Progress, Refreshed, State, TurnFacts } from '../../src/turn/states.ts';
import { begin, step } from '../../src/turn/turn.ts';

const id = (name: string): AccountId => name as AccountId;
const CLASSES = Object.keys(RECOVERY) as FailureClass[];
/** Failures about an account or the way to it come far more often than faults of the request, which end a turn. */
const REPEATED = CLASSES.filter((of) => RECOVERY[of].moves > 0);
const ENDING = CLASSES.filter((of) => RECOVERY[of].moves === 0);
const PROGRESS: readonly Progress[] = ['nothing_sent', 'sent', 'begun', 'output', 'shown'];

const arbitraryFailure = fc.record({
  class: fc.oneof(
    { arbitrary: fc.constantFrom(...REPEATED), weight: 8 },
    { arbitrary: fc.constantFrom(...ENDING), weight: 1 },
  ),
  via: fc.constantFrom('frame', 'http', 'close', 'socket', 'timeout', 'eof') as fc.Arbitrary<Failure['via']>,
  param: fc.constantFrom(undefined, 'temperature'),
});

const arbitraryFacts: fc.Arbitrary<TurnFacts> = fc.record({
  sideEffects: fc.constantFrom('none', 'none', 'none', 'possible'),
  budgetMs: fc.constantFrom(20_000, 20_000, 20_000, 500),
  binding: fc.constantFrom(
    { kind: 'free' as const },
    { kind: 'free' as const },
    { kind: 'owner' as const, account: id('a') },
  ),
});

/** One answer of the world to whatever the machine asks, drawn at random. */
const arbitraryReply = fc.record({
  pick: fc.nat(3),
  availability: fc.oneof(
    { arbitrary: fc.constant('account'), weight: 16 },
    { arbitrary: fc.constantFrom('cooling', 'exhausted', 'none'), weight: 2 },
  ),
  progress: fc.constantFrom(...PROGRESS.slice(0, 3), ...PROGRESS),
  outcome: fc.oneof(
    { arbitrary: fc.constant('failed'), weight: 16 },
    { arbitrary: fc.constantFrom('ended', 'client_left', 'closed'), weight: 2 },
  ),
  failure: arbitraryFailure,
  refreshed: fc.constantFrom<Refreshed['outcome']>('usable', 'usable', 'refused', 'later'),
  token: fc.constantFrom<'fresh' | 'stale'>('fresh', 'fresh', 'fresh', 'stale'),
  passesMs: fc.nat(1500),
  noise: fc.constantFrom(undefined, undefined, 'ended', 'waited', 'refreshed'),
});
type Reply = typeof arbitraryReply extends fc.Arbitrary<infer T> ? T : never;

/** One attempt as it went: how far it came, how it ended, what became of its connection. */
interface PlayedAttempt {
  readonly account: AccountId;
  progress: Progress;
  failure: Failure | undefined;
  disposal: 'keep' | 'drop' | undefined;
}

export interface Played {
  readonly effects: readonly {
    readonly effect: Effect;
    readonly at: number;
    readonly progress: Progress | undefined;
  }[];
  readonly steps: readonly (readonly Effect[])[];
  readonly attempts: readonly PlayedAttempt[];
  readonly failedAt: number | undefined;
  readonly final: State;
}

class World {
  readonly #facts: TurnFacts;
  readonly effects: Played['effects'][number][] = [];
  readonly steps: (readonly Effect[])[] = [];
  readonly attempts: PlayedAttempt[] = [];
  state: State;
  due: readonly Effect[];
  at = 0;
  failedAt: number | undefined;

  constructor(facts: TurnFacts) {
    this.#facts = facts;
    [this.state, this.due] = begin();
    this.#note(this.due, this.state);
  }

  tell(event: Event): void {
    const before = this.state;
    const open = this.attempts.at(-1);
    if (before.name === 'running' && open !== undefined) {
      if (event.name === 'failed') open.failure = event.failure;
      if (event.name === 'progressed') open.progress = event.to;
    }
    if (event.name === 'failed') this.failedAt ??= this.at;
    [this.state, this.due] = step(this.#facts, before, event);
    this.#note(this.due, before);
  }

  #note(effects: readonly Effect[], before: State): void {
    const progress = before.name === 'running' ? before.progress : undefined;
    this.steps.push(effects);
    for (const effect of effects) {
      this.effects.push({ effect, at: this.at, progress });
      const open = this.attempts.at(-1);
      if (effect.do === 'dispose' && open !== undefined) open.disposal = effect.connection;
      if (effect.do !== 'start') continue;
      const { account } = effect;
      this.attempts.push({ account, progress: 'nothing_sent', failure: undefined, disposal: undefined });
    }
  }
}

/** A world that answers each effect the way the bridge would, until the turn is over or the replies are. */
function simulate(facts: TurnFacts, replies: readonly Reply[]): Played {
  const world = new World(facts);
  for (const reply of replies) {
    if (world.state.name === 'done') break;
    world.at += passing(world.state, world.due, reply);
    const noise = reply.noise === undefined ? undefined : noiseOf(reply.noise, world.state);
    if (noise !== undefined) world.tell(noise);
    for (const event of answersTo(world.state, reply, world.at)) world.tell(event);
  }
  const { effects, steps, attempts, failedAt } = world;
  return { effects, steps, attempts, failedAt, final: world.state };
}

/** Selecting takes no time: the bridge answers within the same step. */
function passing(state: State, effects: readonly Effect[], reply: Reply): number {
  if (state.name === 'waiting') return waitOf(effects);
  return state.name === 'selecting' ? 0 : reply.passesMs;
}

function waitOf(effects: readonly Effect[]): number {
  const wait = effects.find((effect) => effect.do === 'wait');
  return wait?.do === 'wait' ? wait.atMostMs : 0;
}

/** An event that means nothing in this state. */
function noiseOf(noise: 'ended' | 'waited' | 'refreshed', state: State): Event | undefined {
  if (noise === 'ended') return state.name === 'running' ? undefined : { name: 'ended' };
  if (noise === 'waited') return state.name === 'waiting' ? undefined : { name: 'waited' };
  return state.name === 'refreshing'
    ? undefined
    : { name: 'refreshed', refreshed: { outcome: 'usable' }, at: 0 };
}

function refreshedAs(outcome: Refreshed['outcome']): Refreshed {
  if (outcome === 'usable') return { outcome };
  const of = outcome === 'later' ? 'refresh_unavailable' : 'auth_permanent';
  return { outcome, failure: { class: of, via: 'local', code: 'refused', message: '' } };
}

function answersTo(state: State, reply: Reply, at: number): readonly Event[] {
  switch (state.name) {
    case 'selecting':
      return [selection(state, reply, at)];
    case 'waiting':
      return [{ name: 'waited' }];
    case 'refreshing':
      return [{ name: 'refreshed', refreshed: refreshedAs(reply.refreshed), at }];
    case 'running': {
      const upTo = PROGRESS.slice(1, PROGRESS.indexOf(reply.progress) + 1).map(
        (to): Event => ({ name: 'progressed', to }),
      );
      return [...upTo, ending(reply, at)];
    }
    default:
      return [];
  }
}

function selection(state: Extract<State, { name: 'selecting' }>, reply: Reply, at: number): Event {
  const open = ['a', 'b', 'c', 'd'].map(id).filter((account) => !state.retries.left.includes(account));
  const account = open[reply.pick % Math.max(1, open.length)];
  if (reply.availability === 'account' && account !== undefined)
    return { name: 'selected', account, token: reply.token };
  if (reply.availability === 'cooling')
    return { name: 'unavailable', at, reason: { why: 'cooling', until: at + 100 } };
  if (reply.availability === 'exhausted')
    return { name: 'unavailable', at, reason: { why: 'exhausted', resetAt: at + 1e6, plan: undefined } };
  return { name: 'unavailable', at, reason: { why: 'tried_all' } };
}

function ending(reply: Reply, at: number): Event {
  const { param, ...rest } = reply.failure;
  switch (reply.outcome) {
    case 'ended':
      return { name: 'ended' };
    case 'client_left':
      return { name: 'client_left' };
    case 'closed':
      return {
        name: 'closed',
        failure: { class: 'session_released', via: 'local', code: 'released', message: '' },
      };
    default: {
      const failure: Failure = { ...rest, code: rest.class, message: '', ...(param && { param }) };
      return { name: 'failed', failure, at };
    }
  }
}

/** Checks a claim over many random turns. */
export function overRandomTurns(claim: (played: Played, facts: TurnFacts) => void): void {
  const replies = fc.array(arbitraryReply, { minLength: 12, maxLength: 40 });
  fc.assert(
    fc.property(arbitraryFacts, replies, (facts, given) => claim(simulate(facts, given), facts)),
    { numRuns: 2000 },
  );
}
