/**
 * What has to hold when all is over: every turn had its end, whatever clients were told was paid for by a trouble, and
 * everything that was held for them has been given back.
 */
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import type { Crowd } from './crowd.ts';
import { FIGURES, type Sample, slope } from './samples.ts';
import { type Held, type SoakStage, TURNS_BEFORE } from './stage.ts';

/** Idle connections and their timers may take a moment to go. */
const SETTLED_WITHIN_MS = 30_000;
/** The conversations in memory have reached their 16 MiB by then, and the owners of responses nearly their 20,000. */
export const WARM_AFTER_TURNS = 15_000;
const MAX_GROWTH_MIB = 1;

export interface Point {
  readonly name: string;
  /** Rejects with what was seen; resolves with the figures. */
  readonly hold: () => Promise<string> | string;
}

export function turnPoints(stage: SoakStage, crowd: Crowd): readonly Point[] {
  const { books } = crowd;
  return [
    {
      name: 'every turn was answered from its whole history, left by its client, or told one error',
      hold: () => {
        assert.equal(books.wrongTurns, 0, books.wrong.join('\n'));
        const told = [...books.told.values()].reduce((sum, count) => sum + count, 0);
        return `${books.answered} answered, ${books.left} left, ${told} told, ${books.busy} sent again`;
      },
    },
    {
      name: 'what clients were told was paid for by troubles',
      hold: async () => {
        const twice = countOf(await stage.struckTwice());
        const paid = (code: string): number => (books.mayTell.get(code) ?? 0) + (twice.get(code) ?? 0);
        const told = [...books.told].map(([code, count]) => `${code} ${count} of ${paid(code)}`).join(', ');
        for (const [code, count] of books.told) assert.ok(count <= paid(code), told);
        const further = (await stage.metric('attempts_total')) - (await stage.metric('turns_total'));
        assert.ok(further > crowd.dealt / 3, `${further} further attempts for ${crowd.dealt} troubles`);
        return `${told}; ${further} further attempts mended the rest`;
      },
    },
    {
      name: 'every turn is in the books once',
      hold: async () => {
        const most = TURNS_BEFORE + crowd.sent;
        const least = most - books.left - books.busy;
        const rows = await eventually(
          () => stage.metric('turns_total'),
          (count) => count >= least,
        );
        assert.ok(rows >= least && rows <= most, `${rows} rows for ${least} to ${most} turns`);
        assert.equal(await stage.metric('writer_dropped_total'), 0);
        return `${rows} rows for ${least} to ${most} turns`;
      },
    },
    {
      name: 'upstream was shown nothing that breaks its rules, and nothing broke inside',
      hold: () => {
        assert.deepEqual(
          stage.simulator.refusals.map(({ rule, message }) => `${rule}: ${message}`),
          [],
        );
        assert.deepEqual(stage.complaints, []);
        return '';
      },
    },
  ];
}

export function restPoints(stage: SoakStage): readonly Point[] {
  return [
    {
      name: 'no turn runs and no slot is taken',
      hold: async () => {
        assert.equal(await eventually(() => stage.metric('active_turns'), isZero), 0, 'turns run');
        assert.equal(await stage.slots(), 0, 'slots are taken');
        const active = (await stage.accounts()).map((account) => account.active_turns);
        assert.deepEqual(
          active.filter((turns) => turns !== 0),
          [],
        );
        return '';
      },
    },
    {
      name: 'sessions that are released hold no socket',
      hold: async () => {
        const before = (await stage.sessions()).length;
        await stage.releaseSessions();
        assert.equal(await eventually(async () => (await stage.sessions()).length, isZero), 0);
        assert.equal(await eventually(() => stage.metric('upstream_connections{transport="ws"}'), isZero), 0);
        assert.equal(await eventually(() => stage.simulator.openSockets(), isZero), 0);
        return `${before} released`;
      },
    },
    {
      name: 'descriptors and timers are back where they were',
      hold: async () => {
        const { idle } = stage;
        stage.hangUp();
        await stage.closeUpstream();
        const back = (now: Held): boolean => now.descriptors <= idle.descriptors && now.timers <= idle.timers;
        const now = await eventually(() => stage.held(), back);
        const figures = `${now.descriptors} descriptors (${idle.descriptors} before), ${now.timers} timers (${idle.timers} before)`;
        assert.ok(back(now), `${figures}; active: ${JSON.stringify((await stage.diagnose()).active)}`);
        return figures;
      },
    },
  ];
}

export function memoryPoint(samples: readonly Sample[]): Point {
  return {
    name: `memory grows by less than ${MAX_GROWTH_MIB} MiB in 10,000 turns`,
    hold: () => {
      const warm = samples.filter(({ turn }) => turn >= WARM_AFTER_TURNS);
      const slopes = Object.entries(FIGURES).map(([name, figure]) => [name, slope(warm, figure)] as const);
      const figures = slopes.map(([name, growth]) => `${name} ${growth.toFixed(2)}`).join(', ');
      const judged = slopes.filter(([name]) => name !== 'RSS as it stands');
      for (const [, growth] of judged) assert.ok(growth < MAX_GROWTH_MIB, figures);
      return `MiB in 10,000 turns: ${figures}`;
    },
  };
}

function countOf(names: readonly string[]): ReadonlyMap<string, number> {
  const groups = Map.groupBy(names, (name) => name);
  return new Map([...groups].map(([name, all]) => [name, all.length]));
}

const isZero = (count: number): boolean => count === 0;

/** The value for which `enough` holds, or the last one that was seen in time. */
async function eventually<T>(look: () => T | Promise<T>, enough: (seen: T) => boolean): Promise<T> {
  const until = Date.now() + SETTLED_WITHIN_MS;
  for (;;) {
    const seen = await look();
    if (enough(seen) || Date.now() > until) return seen;
    await pause(200);
  }
}
