/** What holds for every turn, whatever the world answers. */
import { expect, test } from 'vitest';
import { overRandomTurns, type Played } from '../../test/support/random-turns.ts';
import { isUnanswered, RECOVERY } from './recovery.ts';
import { DEFAULT_OPTIONS, type Effect, type TurnFacts } from './states.ts';

const what = (effects: readonly Effect[]): string[] => effects.map((effect) => effect.do);
const ENDS = new Set(['answer', 'refuse', 'fail', 'cancel']);

test('every attempt is disposed of exactly once, before the next begins', () => {
  overRandomTurns(({ effects, final }) => {
    let open = 0;
    for (const { effect } of effects) {
      if (effect.do === 'start') open += 1;
      if (effect.do === 'dispose') open -= 1;
      expect(open === 0 || open === 1).toBe(true);
    }
    if (final.name === 'done') expect(open).toBe(0);
  });
});

test('an account that was left is never started again', () => {
  overRandomTurns(({ effects }) => {
    const left = new Set<string>();
    for (const { effect } of effects) {
      if (effect.do === 'move') left.add(effect.from);
      if (effect.do === 'start') expect(left.has(effect.account)).toBe(false);
    }
  });
});

test('leaving an account and starting on another are one step, and the newcomer starts with a clean slate', () => {
  overRandomTurns(({ steps }) => {
    const uses = steps.flatMap((effects) => {
      const use = effects.find((effect) => effect.do === 'start' || effect.do === 'refresh');
      return use === undefined ? [] : [{ use, move: effects.find((effect) => effect.do === 'move') }];
    });
    for (const [index, { use, move }] of uses.entries()) {
      const before = uses[index - 1]?.use.account;
      const moved = before !== undefined && before !== use.account;
      expect(move?.from).toBe(moved ? before : undefined);
      if (moved && use.do === 'start') expect(use.options).toEqual(DEFAULT_OPTIONS);
    }
  });
});

test('after something was shown nothing is started', () => {
  overRandomTurns(({ effects }) => {
    const shown = effects.findIndex(({ progress }) => progress === 'shown');
    if (shown < 0) return;
    expect(what(effects.slice(shown).map(({ effect }) => effect))).not.toContain('start');
  });
});

test('a turn has one end, and nothing after it', () => {
  overRandomTurns(({ effects, final }) => {
    const ends = effects.filter(({ effect }) => ENDS.has(effect.do));
    expect(ends).toHaveLength(final.name === 'done' ? 1 : 0);
    if (final.name === 'done') expect(effects.at(-1)).toBe(ends[0]);
  });
});

test('nothing is started after the budget', () => {
  overRandomTurns(({ effects, failedAt }, facts) => {
    const starts = effects.filter(
      ({ effect, at }) => effect.do === 'start' && failedAt !== undefined && at > failedAt,
    );
    for (const { at } of starts) expect(at - (failedAt ?? 0)).toBeLessThanOrEqual(facts.budgetMs);
  });
});

test('each repair happens once per account, a pause twice', () => {
  overRandomTurns(({ final, steps }) => {
    expect(steps.length).toBeGreaterThan(0);
    if (final.name === 'done') return;
    const count = (repair: string) => final.retries.repairs.filter((done) => done === repair).length;
    for (const repair of final.retries.repairs)
      expect(count(repair)).toBeLessThanOrEqual(repair === 'pause' ? 2 : 1);
  });
});

/** Attempts that were followed by another although they may have been acted upon. */
function ambiguousRepeats({ attempts }: Played): number {
  return attempts.filter(
    ({ failure, progress }, at) =>
      failure !== undefined &&
      isUnanswered(failure) &&
      progress !== 'nothing_sent' &&
      attempts[at + 1] !== undefined,
  ).length;
}

test('an ambiguous loss is repeated twice at most, and never where tools may have acted', () => {
  overRandomTurns((played, facts: TurnFacts) => {
    expect(ambiguousRepeats(played)).toBeLessThanOrEqual(facts.sideEffects === 'possible' ? 0 : 2);
  });
});

test('an account that is left while it cools is not left for good', () => {
  overRandomTurns(({ effects }) => {
    for (const [at, { effect }] of effects.entries()) {
      if (effect.do !== 'mark' || RECOVERY[effect.failure.class].leave !== 'while_marked') continue;
      const next = effects.slice(at).find((one) => one.effect.do === 'select');
      const moved = effects
        .slice(0, at)
        .some(({ effect: e }) => e.do === 'move' && e.from === effect.account);
      if (next?.effect.do === 'select' && !moved) expect(next.effect.exclude).not.toContain(effect.account);
    }
  });
});

test('a connection is kept only where the table says so', () => {
  overRandomTurns(({ attempts }) => {
    for (const { failure, disposal } of attempts) {
      if (failure !== undefined) expect(disposal).toBe(RECOVERY[failure.class].connection);
    }
  });
});

test('a token that is refused is refreshed before it is held against its account', () => {
  overRandomTurns(({ effects }) => {
    const refreshed = new Set<string>();
    for (const { effect } of effects) {
      if (effect.do === 'refresh') refreshed.add(effect.account);
      if (effect.do === 'mark' && RECOVERY[effect.failure.class].marked === 'after_repair')
        expect(refreshed.has(effect.account)).toBe(true);
    }
  });
});

test('the random turns go somewhere', () => {
  const seen = { turns: 0, moved: 0, movedAfterRepair: 0, ended: 0, shown: 0, long: 0 };
  overRandomTurns(({ effects, attempts, final }) => {
    const kinds = what(effects.map(({ effect }) => effect));
    const move = kinds.indexOf('move');
    const follows = kinds.indexOf('start', move);
    seen.turns += 1;
    if (move >= 0 && follows > move) seen.moved += 1;
    const accounts = attempts.map(({ account }) => account);
    const repaired = accounts.findIndex((account, at) => account === accounts[at + 1]);
    if (repaired >= 0 && new Set(accounts.slice(repaired)).size > 1) seen.movedAfterRepair += 1;
    if (final.name === 'done') seen.ended += 1;
    if (effects.some(({ progress }) => progress === 'shown')) seen.shown += 1;
    if (attempts.length >= 4) seen.long += 1;
  });
  expect(seen.moved / seen.turns).toBeGreaterThan(0.3);
  expect(seen.movedAfterRepair / seen.turns).toBeGreaterThan(0.05);
  expect(seen.ended / seen.turns).toBeGreaterThan(0.9);
  expect(seen.shown / seen.turns).toBeGreaterThan(0.02);
  expect(seen.long / seen.turns).toBeGreaterThan(0.02);
});
