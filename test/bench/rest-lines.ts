/** What a server holds while nothing happens, and how long it takes to be there. Each needs a process that did nothing yet. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Line } from './line.ts';
import { descriptors, median, settledRssKb } from './proc.ts';
import type { Target } from './server.ts';
import type { Stage } from './stage.ts';
import { modelOf } from './wire.ts';

const SESSIONS = 4000;
const STARTS = 3;
const TWO_ACCOUNTS = ['a', 'b'];
const model = modelOf({ deltas: 1, bytes: 400, paceMs: 0, textBytes: 20 });

const memoryAtRest: Line = {
  name: 'memory at rest',
  only: 'respool',
  measure: async (stage) => {
    await using server = await stage.fresh({ accounts: TWO_ACCOUNTS });
    await using floor = await stage.freshFloor();
    const [tested, least] = await Promise.all([server.target, floor].map(({ pid }) => settledRssKb(pid)));
    return [
      {
        measure: 'memory at rest',
        unit: 'MB',
        floor: (least ?? Number.NaN) / 1024,
        tested: (tested ?? Number.NaN) / 1024,
        of: 'figure',
        must: 150,
        aim: 110,
      },
    ];
  },
};

interface Held {
  readonly kbEach: number;
  readonly descriptorsEach: number;
}

/** Every session has had one turn, so that it has its upstream socket; transcripts are a cache with a bound of its own. */
async function heldBy(stage: Stage, to: Target): Promise<Held> {
  const before = await settledRssKb(to.pid);
  const openBefore = descriptors(to.pid);
  const group = `idle ${to.name}`;
  const { base, key } = to;
  await stage.run({
    do: 'sockets',
    base,
    key,
    group,
    model,
    clients: SESSIONS,
    turnsEach: 1,
    history: 'none',
  });
  const held = {
    kbEach: ((await settledRssKb(to.pid)) - before) / SESSIONS,
    descriptorsEach: (descriptors(to.pid) - openBefore) / SESSIONS,
  };
  await stage.run({ do: 'close', group });
  return held;
}

const memoryOfSessions: Line = {
  name: 'memory of an idle session',
  only: 'respool',
  measure: async (stage) => {
    await using floor = await stage.freshFloor();
    const least = await heldBy(stage, floor);
    await using server = await stage.fresh({
      accounts: TWO_ACCOUNTS,
      env: { RESPOOL_TRANSCRIPTS: 'off' },
    });
    await server.speak('websocket');
    const tested = await heldBy(stage, server.target);
    const sockets = ({ descriptorsEach }: Held): string => descriptorsEach.toFixed(2);
    return [
      {
        measure: `memory of an idle session at ${SESSIONS.toLocaleString('en')}`,
        unit: 'kB',
        floor: least.kbEach,
        tested: tested.kbEach,
        of: 'ratio',
        must: 2,
        aim: 1.4,
        note: `${sockets(least)} and ${sockets(tested)} sockets each`,
      },
    ];
  },
};

const startToReady: Line = {
  name: 'start to ready',
  only: 'respool',
  measure: async (stage) => {
    const fresh: number[] = [];
    const existing: number[] = [];
    for (let start = 0; start < STARTS; start += 1) {
      const dataDir = stage.directory();
      for (const times of [fresh, existing]) {
        const server = await stage.fresh({ dataDir });
        times.push(server.startMs / 1000);
        await server.stop();
        await pause(50);
      }
    }
    const row = (what: string, times: readonly number[], must: number, aim: number) =>
      ({
        measure: `start to ready, ${what}`,
        unit: 's',
        tested: median(times),
        of: 'figure',
        clock: 'wall',
        must,
        aim,
      }) as const;
    return [row('existing database', existing, 1, 0.4), row('fresh database', fresh, 1.5, 0.8)];
  },
};

export const REST_LINES: readonly Line[] = [memoryAtRest, memoryOfSessions, startToReady];
