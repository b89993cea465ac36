/** What holds for every turn, whatever the world answers. */
import { expect, test } from 'vitest';
import { overRandomTurns } from '../../test/support/random-turns.ts';
import { type Effect, PLAIN } from './states.ts';

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
      const use = effects.find((effect) => effect.do === 'start' || effect.do === 'renew');
      return use === undefined ? [] : [{ use, move: effects.find((effect) => effect.do === 'move') }];
    });
    for (const [index, { use, move }] of uses.entries()) {
      const before = uses[index - 1]?.use.account;
      const moved = before !== undefined && before !== use.account;
      expect(move?.from).toBe(moved ? before : undefined);
      if (moved && use.do === 'start') expect(use.manner).toEqual(PLAIN);
    }
  });
});

test('after visible output nothing is started', () => {
  overRandomTurns(({ effects }, facts) => {
    const shown = effects.findIndex(({ progress }) => progress === 'output');
    if (shown < 0 || facts.hold === 'until_end') return;
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
    const count = (repair: string) => final.trail.repairs.filter((done) => done === repair).length;
    for (const repair of final.trail.repairs)
      expect(count(repair)).toBeLessThanOrEqual(repair === 'pause' ? 2 : 1);
  });
});

test('a silent loss is repeated once, and never where tools may have acted', () => {
  overRandomTurns(({ final }, facts) => {
    if (final.name === 'done') return;
    expect(final.trail.silentLosses).toBeLessThanOrEqual(facts.sideEffects === 'possible' ? 0 : 1);
  });
});
