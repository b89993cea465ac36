/** What a unit of work costs in processor time, against the floor, and how long its events are on their way. */
import type { Job } from './jobs.ts';
import type { Line } from './line.ts';
import { median, quantile } from './proc.ts';
import type { Target } from './server.ts';
import type { Stage } from './stage.ts';
import type { Row } from './table.ts';
import { modelOf, type Shape } from './wire.ts';

interface Work {
  readonly name: string;
  readonly unit: 'µs/event' | 'µs/turn';
  readonly must: number;
  readonly aim: number;
  readonly speaks: 'http' | 'websocket' | 'auto';
  readonly job: (to: Target) => Job;
  /** What the floor does instead; default: the same. */
  readonly floorJob?: (to: Target) => Job;
  readonly warmUp: (to: Target) => Job;
  /** Paced, and so long enough for one sample a round. */
  readonly latency?: 'reported';
}

const PACED: Shape = { deltas: 200, bytes: 400, paceMs: 10, textBytes: 3000 };
const BURST: Shape = { deltas: 200, bytes: 1000, paceMs: 0, textBytes: 4000 };
const SHORT: Shape = { deltas: 5, bytes: 400, paceMs: 0, textBytes: 100 };
const STREAMS = 64;
/** What is not paced takes a fraction of a second, in which anything else on the machine shows. */
const SAMPLES_A_ROUND = 3;

const sse = (to: Target, shape: Shape, clients: number, turnsEach: number): Job => ({
  do: 'http',
  base: to.base,
  key: to.key,
  model: modelOf(shape),
  answer: 'sse',
  clients,
  turnsEach,
});

const json = (to: Target, turnsEach: number, bodyBytes = 0): Job => ({
  ...(sse(to, SHORT, bodyBytes === 0 ? 16 : 4, turnsEach) as Extract<Job, { do: 'http' }>),
  answer: 'json',
  bodyBytes,
});

const ws = (to: Target, shape: Shape, clients: number, turnsEach: number): Job => ({
  do: 'sockets',
  base: to.base,
  key: to.key,
  group: `${to.name} ${modelOf(shape)}`,
  model: modelOf(shape),
  clients,
  turnsEach,
  history: 'none',
});

const WARM_PACED: Shape = { ...PACED, deltas: 300, paceMs: 1 };

const WORKS: readonly Work[] = [
  {
    name: 'SSE to SSE, paced',
    unit: 'µs/event',
    must: 1.2,
    aim: 1,
    speaks: 'http',
    job: (to) => sse(to, PACED, STREAMS, 1),
    warmUp: (to) => sse(to, WARM_PACED, STREAMS, 1),
    latency: 'reported',
  },
  {
    name: 'SSE to SSE, burst',
    unit: 'µs/event',
    must: 1.4,
    aim: 1,
    speaks: 'http',
    job: (to) => sse(to, BURST, 8, 50),
    warmUp: (to) => sse(to, BURST, 8, 20),
  },
  {
    name: 'WS to WS, paced',
    unit: 'µs/event',
    must: 1.35,
    aim: 1.15,
    speaks: 'websocket',
    job: (to) => ws(to, PACED, STREAMS, 1),
    warmUp: (to) => ({ ...ws(to, WARM_PACED, STREAMS, 1), group: `${to.name} ${modelOf(PACED)}` }) as Job,
    latency: 'reported',
  },
  {
    name: 'WS to WS, burst',
    unit: 'µs/event',
    must: 1.3,
    aim: 0.95,
    speaks: 'websocket',
    job: (to) => ws(to, BURST, 8, 50),
    warmUp: (to) => ws(to, BURST, 8, 20),
  },
  {
    name: 'WS to WS, short turns',
    unit: 'µs/turn',
    must: 1.3,
    aim: 0.9,
    speaks: 'websocket',
    job: (to) => ws(to, SHORT, 16, 100),
    warmUp: (to) => ws(to, SHORT, 16, 60),
  },
  {
    name: 'SSE from upstream WS, paced',
    unit: 'µs/event',
    must: 1.5,
    aim: 1.2,
    speaks: 'websocket',
    job: (to) => sse(to, PACED, STREAMS, 1),
    warmUp: (to) => sse(to, WARM_PACED, STREAMS, 1),
    latency: 'reported',
  },
  {
    name: 'JSON with key, routing, log row',
    unit: 'µs/turn',
    must: 1.6,
    aim: 1.25,
    speaks: 'http',
    job: (to) => json(to, 100),
    warmUp: (to) => json(to, 60),
  },
  {
    name: 'JSON body of 1 MB',
    unit: 'µs/turn',
    must: 2.5,
    aim: 1.6,
    speaks: 'http',
    job: (to) => json(to, 15, 1_000_000),
    warmUp: (to) => json(to, 8, 1_000_000),
  },
];

function lineFor(work: Work): Line {
  return {
    name: work.name,
    measure: async (stage, rounds) => {
      await stage.respool?.speak(work.speaks);
      const sides = { floor: [] as Sample[], tested: [] as Sample[] };
      for (const to of [stage.floor, stage.tested]) {
        await runIn(stage, work, to);
        await stage.run(work.warmUp(to));
      }
      const samples = work.latency === undefined ? rounds * SAMPLES_A_ROUND : rounds;
      for (let round = 0; round < samples; round += 1) {
        sides.floor.push(await sample(stage, stage.floor, work));
        sides.tested.push(await sample(stage, stage.tested, work));
      }
      for (const to of [stage.floor, stage.tested]) await close(stage, work, to);
      const { name: measure, unit, must, aim } = work;
      const cost = { measure, unit, floor: middle(sides.floor), tested: middle(sides.tested), must, aim };
      return [{ ...cost, of: 'ratio' }, ...(work.latency ? delays(work, sides) : [])];
    },
  };
}

/** By then V8 compiles next to nothing any more, as the processor time of its threads shows. */
const RUN_IN_TURNS = 8000;
const ranIn = new Set<string>();

/** A server runs for weeks: what V8 does until it has compiled the path of a turn is none of its costs. */
async function runIn(stage: Stage, { job, speaks }: Work, to: Target): Promise<void> {
  const turns = job(to);
  const way = turns.do === 'http' ? turns.answer : turns.do;
  const path = `${to.name} ${way} ${speaks}`;
  if (ranIn.has(path)) return;
  ranIn.add(path);
  const turnsEach = RUN_IN_TURNS / 16;
  if (turns.do === 'http') await stage.run({ ...sse(to, SHORT, 16, turnsEach), answer: turns.answer } as Job);
  else {
    await stage.run({ ...ws(to, SHORT, 16, turnsEach), group: path } as Job);
    await stage.run({ do: 'close', group: path });
  }
}

interface Sample {
  readonly us: number;
  readonly delaysMs: readonly number[];
}

async function sample(stage: Stage, to: Target, { job, unit }: Work): Promise<Sample> {
  const { us, yielded } = await stage.cost(to, job(to));
  return { us: us / (unit === 'µs/turn' ? yielded.turns : yielded.events), delaysMs: yielded.delaysMs };
}

async function close(stage: Stage, { job }: Work, to: Target): Promise<void> {
  const done = job(to);
  if (done.do === 'sockets') await stage.run({ do: 'close', group: done.group });
}

const middle = (samples: readonly Sample[]): number => median(samples.map(({ us }) => us));

function delays(
  { name }: Work,
  sides: { floor: readonly Sample[]; tested: readonly Sample[] },
): readonly Row[] {
  return [0.5, 0.99].map((share) => {
    const at = (samples: readonly Sample[]): number =>
      median(samples.map(({ delaysMs }) => quantile(delaysMs, share)));
    const measure = `${name}: event latency p${share * 100}`;
    return { measure, unit: 'ms', floor: at(sides.floor), tested: at(sides.tested), of: 'ratio' };
  });
}

/** What stands between a client and its first event, over the same without anything between. */
function firstEventLine(door: 'SSE' | 'WS'): Line {
  return {
    name: `time to first event, ${door}`,
    measure: async (stage, rounds) => {
      await stage.respool?.speak(door === 'SSE' ? 'http' : 'websocket');
      const job = (to: Target, turns: number): Job =>
        door === 'SSE'
          ? sse(to, SHORT, 1, turns)
          : ({ ...ws(to, SHORT, 1, turns), group: `first ${to.name}` } as Job);
      const targets = [stage.upstream, stage.floor, stage.tested] as const;
      const seen = new Map<Target, number[]>(targets.map((to) => [to, []]));
      for (const to of targets) await stage.run(job(to, 300));
      // The differences are small: many short turns at each, so that all three see the same weather.
      for (let round = 0; round < rounds * 8; round += 1) {
        for (const to of targets) seen.get(to)?.push(...(await stage.run(job(to, 100))).firstMs);
      }
      for (const to of targets) await stage.run({ do: 'close', group: `first ${to.name}` });
      const [direct = Number.NaN, floor = Number.NaN, tested = Number.NaN] = targets.map((to) =>
        median(seen.get(to) ?? []),
      );
      const measure = `added time to first event p50, ${door}`;
      return [
        {
          measure,
          unit: 'ms',
          floor: floor - direct,
          tested: tested - direct,
          of: 'ratio',
          clock: 'wall',
          must: 2.5,
          aim: 1.5,
        },
      ];
    },
  };
}

/** The default of an account is a WebSocket upstream; a turn without a session then pays for a handshake. */
export const CPU_LINES: readonly Line[] = [
  ...WORKS.map(lineFor),
  firstEventLine('SSE'),
  firstEventLine('WS'),
];
