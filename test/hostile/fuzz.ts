/**
 * Damaged input for as long as one likes: `npm run suite -- fuzz --count 10000000 --seed 1`. Parsers are called in this
 * process; one in ten thousand goes over the wire to the built server. With `--seed` alone a failure is played again.
 */
import { parseArgs } from 'node:util';
import { closeSuite } from '../support/tally.ts';
import { dice, mutated } from './mutate.ts';
import { pickCheck } from './parsers.ts';
import { Stage } from './stage.ts';
import { assaults } from './wire-fuzz.ts';

const OVER_THE_WIRE = 10_000;
const SAY_EVERY = 1_000_000;
/** After so many the event loop gets to breathe. */
const BATCH = 2000;

const { values } = parseArgs({ options: { count: { type: 'string' }, seed: { type: 'string' } } });
const count = Number(values.count ?? 1_000_000);
const seed = Number(values.seed ?? Date.now() % 1_000_000_000);
console.log(`${count} damaged inputs, seeds from ${seed} on`);

let failures = 0;

async function inProcess(one: number): Promise<void> {
  const roll = dice(one);
  try {
    const done = pickCheck(roll)(mutated(roll), roll);
    if (done !== undefined) await done;
  } catch (error) {
    failures += 1;
    console.log(`not ok  seed ${one}: ${error instanceof Error ? error.stack?.slice(0, 600) : error}`);
  }
}

for (let done = 0; done < count && failures < 10; done += 1) {
  const waiting = inProcess(seed + done);
  if (done % BATCH === 0) await new Promise((resolve) => setImmediate(resolve));
  await waiting;
  if ((done + 1) % SAY_EVERY === 0) console.log(`${done + 1} done`);
}

const onWire = Math.ceil(count / OVER_THE_WIRE);
await using stage = await Stage.open();
try {
  await assaults(stage.port, seed, onWire);
  await stage.checkUp();
} catch (error) {
  failures += 1;
  console.log(`not ok  over the wire: ${error instanceof Error ? error.message : error}`);
}
closeSuite(count + onWire - failures, failures);
