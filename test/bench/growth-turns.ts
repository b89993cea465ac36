/** What a turn costs as its conversation, its answer or one of its events grows. */
import type { Growth } from './growth-ratio.ts';
import type { Job } from './jobs.ts';
import type { Stage } from './stage.ts';
import { eventsOf, modelOf, type Shape } from './wire.ts';

const CONVERSATIONS = 4;
const EARLY = { from: 10, to: 60 };
const LATE = { from: 450, to: 500 };
const SHORT: Shape = { deltas: 5, bytes: 400, paceMs: 0, textBytes: 100 };

const SMALL_EVENT = 1_000_000;
const LARGE_EVENT = 10 * SMALL_EVENT;

type Speaks = 'http' | 'websocket';

function http(stage: Stage, shape: Shape, clients: number, turnsEach: number): Job {
  const { base, key } = stage.tested;
  return { do: 'http', base, key, model: modelOf(shape), answer: 'sse', clients, turnsEach };
}

function sockets(
  stage: Stage,
  shape: Shape,
  clients: number,
  turnsEach: number,
): Extract<Job, { do: 'sockets' }> {
  const { base, key } = stage.tested;
  const group = `grows ${modelOf(shape)}`;
  const model = modelOf(shape);
  return { do: 'sockets', base, key, group, model, clients, turnsEach, history: 'chained' };
}

async function costOfTurns(stage: Stage, job: Job): Promise<number> {
  const { us, yielded } = await stage.cost(stage.tested, job);
  return us / yielded.turns;
}

const lateTurns: Growth = {
  name: 'turn 500 of a conversation against turn 10',
  most: 1.15,
  rounds: 2,
  prepare: async (stage) => {
    await stage.respool?.speak('websocket');
    await stage.run({ ...sockets(stage, SHORT, 2 * CONVERSATIONS, 200), group: 'warm' });
    await stage.run({ do: 'close', group: 'warm' });
  },
  measure: async (stage) => {
    const turns = (count: number) => sockets(stage, SHORT, CONVERSATIONS, count);
    await stage.run(turns(EARLY.from));
    const small = await costOfTurns(stage, turns(EARLY.to - EARLY.from));
    await stage.run(turns(LATE.from - EARLY.to));
    const large = await costOfTurns(stage, turns(LATE.to - LATE.from));
    await stage.run({ do: 'close', group: turns(0).group });
    return { small, large };
  },
};

interface Sizes {
  readonly name: string;
  readonly most: number;
  readonly speaks: Speaks;
  readonly small: Shape;
  readonly large: Shape;
  readonly turns: { readonly small: number; readonly large: number };
}

function answers({ name, most, speaks, small, large, turns }: Sizes): Growth {
  const job = (stage: Stage, shape: Shape, count: number): Job =>
    speaks === 'http'
      ? http(stage, shape, 2, count)
      : { ...sockets(stage, shape, 2, count), history: 'none' };
  return {
    name,
    most,
    prepare: async (stage) => {
      await stage.respool?.speak(speaks);
      await stage.run(job(stage, small, turns.small));
      await stage.run(job(stage, large, turns.large));
    },
    measure: async (stage) => ({
      small: await costOfTurns(stage, job(stage, small, turns.small)),
      large: await costOfTurns(stage, job(stage, large, turns.large)),
    }),
  };
}

const events = (count: number): Shape => ({
  deltas: count - eventsOf({ ...SHORT, deltas: 0 }),
  bytes: 400,
  paceMs: 0,
  textBytes: 20 * count,
});

const delta = (bytes: number): Shape => ({ deltas: 1, bytes, paceMs: 0, textBytes: 100 });

/** The finished text stands in four events of this size. */
const text = (bytes: number): Shape => ({ deltas: 1, bytes: 400, paceMs: 0, textBytes: bytes });

const LONG = { most: 5.3, small: events(200), large: events(1000), turns: { small: 100, large: 20 } };
const DELTA = {
  most: 11,
  small: delta(SMALL_EVENT),
  large: delta(LARGE_EVENT),
  turns: { small: 20, large: 2 },
};
const TEXT = { most: 11, small: text(SMALL_EVENT), large: text(LARGE_EVENT), turns: { small: 10, large: 1 } };

export const TURN_GROWTHS: readonly Growth[] = [
  lateTurns,
  answers({ ...LONG, name: 'SSE turn of 1,000 events against 200', speaks: 'http' }),
  answers({ ...LONG, name: 'WS turn of 1,000 events against 200', speaks: 'websocket' }),
  answers({ ...DELTA, name: 'SSE delta of 10 MB against 1 MB', speaks: 'http' }),
  answers({ ...DELTA, name: 'WS delta of 10 MB against 1 MB', speaks: 'websocket' }),
  answers({ ...TEXT, name: 'finished text of 10 MB against 1 MB, over SSE', speaks: 'http' }),
];
