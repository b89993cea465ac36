/**
 * `npm run suite -- idle`: what lasts. 9,500 conversations that have had a turn and then say nothing; waves of clients that
 * come and go; a day of home use in a few minutes. Fails where a session is lost or a figure misses its bound by far.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Job } from './jobs.ts';
import { cpuUs, descriptors, settledRssKb } from './proc.ts';
import type { Target } from './server.ts';
import { Stage } from './stage.ts';
import { isFarOff, type Row, tableOf } from './table.ts';
import { modelOf } from './wire.ts';

const LIMIT_MS = 290_000;
/** As the README asks for; the sockets of the sessions and of the accounts fit in it. */
const OPEN_FILES = 20_000;
const IDLE = 9500;
const WATCHED_MS = 20_000;
const WAVE = 2000;
const WAVES = 3;
const HOURS = 24;
const TURNS_AN_HOUR = 600;
const AT_HOME = 6;
/** At home there is a pause after each turn; here one after each hour's stands for them. */
const BETWEEN_HOURS_MS = 1000;
/** Before each look: until everything that has to be tidied up is. */
const NIGHT_MS = 15_000;

setTimeout(() => {
  console.error(`not done after ${LIMIT_MS / 1000} s`);
  process.exit(1);
}, LIMIT_MS).unref();

type Sockets = Extract<Job, { do: 'sockets' }>;

const model = modelOf({ deltas: 3, bytes: 400, paceMs: 0, textBytes: 200 });

const speak = ({ base, key }: Target, group: string, clients: number): Sockets => ({
  do: 'sockets',
  base,
  key,
  group,
  model,
  clients,
  turnsEach: 1,
  history: 'chained',
});

const figure = (measure: string, unit: string, tested: number, bounds: Partial<Row> = {}): Row => ({
  measure,
  unit,
  tested,
  of: 'figure',
  ...bounds,
});

async function idle(stage: Stage): Promise<readonly Row[]> {
  await using server = await stage.fresh({ accounts: ['a', 'b'], openFiles: OPEN_FILES });
  await server.speak('websocket');
  const { pid } = server.target;
  const before = descriptors(pid);
  await stage.run(speak(server.target, 'idle', IDLE));
  // V8 tidies up for some seconds after a crowd has come; that is no cost of sitting there.
  await pause(NIGHT_MS);
  const rssMb = (await settledRssKb(pid)) / 1024;
  const sockets = descriptors(pid) - before;
  const cpuBefore = cpuUs(pid);
  await pause(WATCHED_MS);
  const percent = (cpuUs(pid) - cpuBefore) / (WATCHED_MS * 10);
  // Whoever was closed meanwhile cannot have a second turn.
  await stage.run(speak(server.target, 'idle', IDLE));
  await stage.run({ do: 'close', group: 'idle' });
  const name = `${IDLE.toLocaleString('en')} idle sessions`;
  return [
    figure(`${name}: processor`, '%', percent, { must: 1, aim: 0.2, note: 'none lost' }),
    figure(`${name}: memory`, 'MB', rssMb, { aim: 450, note: `${sockets} sockets` }),
  ];
}

async function waves(stage: Stage): Promise<readonly Row[]> {
  await using server = await stage.fresh({ accounts: ['a', 'b'] });
  await server.speak('websocket');
  const after: number[] = [];
  for (let wave = 0; wave < WAVES; wave += 1) {
    const group = `wave ${wave}`;
    await stage.run(speak(server.target, group, WAVE));
    await stage.run({ do: 'close', group });
    await pause(NIGHT_MS);
    after.push(await settledRssKb(server.target.pid));
  }
  const [, second = Number.NaN, third = Number.NaN] = after;
  const note = after.map((kb) => `${(kb / 1024).toFixed(0)} MB`).join(', ');
  return [
    figure('third wave of 2,000 sessions against the second', 'memory', third / second, {
      must: 1.1,
      aim: 1.03,
      note,
    }),
  ];
}

async function day(stage: Stage): Promise<readonly Row[]> {
  await using server = await stage.fresh({ accounts: ['a', 'b'] });
  await server.speak('websocket');
  const after: number[] = [];
  for (let hour = 0; hour < HOURS; hour += 1) {
    const group = `hour ${hour}`;
    const turnsEach = TURNS_AN_HOUR / AT_HOME;
    await stage.run({ ...speak(server.target, group, AT_HOME), turnsEach });
    await stage.run({ do: 'close', group });
    await pause(BETWEEN_HOURS_MS);
    if (hour > 0 && hour < HOURS - 1) continue;
    await pause(NIGHT_MS);
    after.push(await settledRssKb(server.target.pid));
  }
  const [first = Number.NaN, last = Number.NaN] = after;
  const turns = (HOURS * TURNS_AN_HOUR).toLocaleString('en');
  const note = `${turns} turns; ${after.map((kb) => `${(kb / 1024).toFixed(0)} MB`).join(', ')}`;
  return [
    figure('a day of home use: its end against its first hour', 'memory', last / first, { must: 1.1, note }),
  ];
}

await using stage = await Stage.open();
const rows: Row[] = [];
for (const measure of [idle, waves, day]) {
  rows.push(...(await measure(stage)));
  console.error(`${measure.name} done after ${(performance.now() / 1000).toFixed(0)} s`);
}
console.log(`\n${tableOf(rows, stage.tested.name)}`);
process.exitCode = rows.some(isFarOff) ? 1 : 0;
