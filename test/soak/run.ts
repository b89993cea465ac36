/**
 * Whether a server that goes on for long, and through troubles, stays whole: `npm run suite -- soak`, or a shorter
 * `npm run suite -- soak --turns 1500 --seed 7`. Every turn is held against its conversation; then the clients leave, and
 * what was held for them has to be given back.
 */
import { parseArgs } from 'node:util';
import { Tally } from '../support/tally.ts';
import { Crowd } from './crowd.ts';
import { memoryPoint, type Point, restPoints, turnPoints, WARM_AFTER_TURNS } from './points.ts';
import { inWords, type Sample } from './samples.ts';
import { SoakStage } from './stage.ts';

const { values } = parseArgs({
  options: { turns: { type: 'string', default: '50000' }, seed: { type: 'string', default: '1' } },
});
const turns = Number(values.turns);
const seed = Number(values.seed);
const SAMPLES = 50;
/** Enough samples for a line that means something. */
const LONG_ENOUGH = 2 * WARM_AFTER_TURNS;
const OPERATOR_EVERY_MS = 400;

await using stage = await SoakStage.open();
const samples: Sample[] = [];
const every = Math.max(Math.ceil(turns / SAMPLES), 500);
const begun = performance.now();

async function sample(turn: number): Promise<void> {
  await stage.releaseSessions();
  samples.push({ ...(await stage.diagnose()), turn, descriptors: stage.descriptors() });
  const seconds = Math.round((performance.now() - begun) / 1000);
  console.error(`${seconds} s, ${samples.slice(-1).map(inWords).join('')}`);
}

const crowd = new Crowd(stage, { seed, turns, rests: { everyTurns: every, meanwhile: sample } });
const operator = setInterval(() => void stage.freeAccounts().catch(console.error), OPERATOR_EVERY_MS);
await crowd.play();
clearInterval(operator);

const points: readonly Point[] = [
  ...turnPoints(stage, crowd),
  ...(turns >= LONG_ENOUGH ? [memoryPoint(samples)] : []),
  ...restPoints(stage),
];
const tally = new Tally();
for (const { name, hold } of points) await tally.check(name, hold);
const troubles = [...crowd.books.troubles].map(([name, count]) => `${name} ${count}`).join(', ');
console.log(`seed ${seed}, ${crowd.books.conversations} conversations; troubles: ${troubles}`);
tally.close();
