/**
 * How long a turn is nobody's when an account refuses it, timed in the fake upstream: from its refusal until the same
 * turn arrives under another bearer. Every event is counted at the client, every turn at the upstream.
 */
import type { Job, Yield } from './jobs.ts';
import type { Line } from './line.ts';
import { quantile } from './proc.ts';
import type { Respool } from './server.ts';
import type { Stage } from './stage.ts';
import type { Row } from './table.ts';
import { eventsOf, modelOf } from './wire.ts';

const TIMES = 500;
const WARM_UP = 50;
/** A move carries the history along; more turns would measure its growth. */
const TURNS_OF_A_CONVERSATION = 25;
const SHAPE = { deltas: 20, bytes: 400, paceMs: 0, textBytes: 400 };

interface Door {
  readonly name: string;
  readonly speaks: 'http' | 'websocket';
  job(server: Respool, turn: number): Job;
}

const common = ({ target: { base, key } }: Respool) => ({ base, key, clients: 1, turnsEach: 1 }) as const;

const conversation = (turn: number): string => `moves ${Math.floor(turn / TURNS_OF_A_CONVERSATION)}`;

const SSE: Door = {
  name: 'SSE',
  speaks: 'http',
  job: (server, turn) => ({
    ...common(server),
    do: 'http',
    answer: 'sse',
    model: modelOf(SHAPE),
    word: `failover:${turn}`,
  }),
};

const WS: Door = {
  name: 'WS, with a new socket',
  speaks: 'websocket',
  job: (server, turn) => ({
    ...common(server),
    do: 'sockets',
    history: 'chained',
    group: conversation(turn),
    model: modelOf(SHAPE),
    word: `failover:${turn}`,
  }),
};

interface Moves {
  readonly gapsMs: readonly number[];
  readonly events: number;
  readonly doubled: number;
}

let turnsSoFar = 0;

async function move(stage: Stage, server: Respool, door: Door, times: number): Promise<Moves> {
  const before = await stage.counts();
  let events = 0;
  for (let time = 0; time < times; time += 1) {
    const yielded: Yield = await stage.run(door.job(server, turnsSoFar));
    events += yielded.events;
    turnsSoFar += 1;
    if (turnsSoFar % TURNS_OF_A_CONVERSATION === 0)
      await stage.run({ do: 'close', group: conversation(turnsSoFar - 1) });
    for (const id of server.accounts) await server.admin('POST', `/api/accounts/${id}/probe`);
  }
  await stage.run({ do: 'close', group: conversation(turnsSoFar) });
  const after = await stage.counts();
  return { gapsMs: after.gapsMs, events, doubled: after.turns - before.turns - times };
}

async function rowsOf(stage: Stage, server: Respool, door: Door): Promise<readonly [Row, number]> {
  await server.speak(door.speaks);
  await move(stage, server, door, WARM_UP);
  const { gapsMs, events, doubled } = await move(stage, server, door, TIMES);
  const wrong = Math.abs(TIMES * eventsOf(SHAPE) - events) + Math.abs(doubled) + (TIMES - gapsMs.length);
  const row = {
    measure: `fail-over p50, ${door.name}`,
    unit: 'ms',
    tested: quantile(gapsMs, 0.5),
    of: 'figure',
    must: 5,
    clock: 'wall',
    aim: 2,
    note: `p99 ${quantile(gapsMs, 0.99).toFixed(1)}`,
  } as const;
  return [row, wrong];
}

const failover: Line = {
  name: 'fail-over',
  only: 'respool',
  measure: async (stage) => {
    await using server = await stage.fresh({ accounts: ['a', 'b'] });
    const [sse, wrongOverSse] = await rowsOf(stage, server, SSE);
    const [ws, wrongOverWs] = await rowsOf(stage, server, WS);
    const measure = `lost or doubled in ${(2 * TIMES).toLocaleString('en')} fail-overs`;
    const counted = { measure, unit: 'events', tested: wrongOverSse + wrongOverWs, of: 'figure' } as const;
    return [sse, ws, { ...counted, must: 0, aim: 0 }];
  },
};

export const FAILOVER_LINES: readonly Line[] = [failover];
