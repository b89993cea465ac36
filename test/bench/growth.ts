/**
 * `npm run suite -- growth`: costs that must not grow faster than what causes them. Everything is a ratio of this server to
 * itself, so that it holds on any machine, and a ratio that fails is measured once more with more rounds before it
 * counts. Every event is counted on the way.
 */

import { closeSuite } from '../support/tally.ts';
import { type Growth, growthOf, roundsOf } from './growth-ratio.ts';
import { STALLED_READERS } from './growth-stalled.ts';
import { OWNER_LOOKUP } from './growth-store.ts';
import { TURN_GROWTHS } from './growth-turns.ts';
import { Stage } from './stage.ts';

const LIMIT_MS = 300_000;

setTimeout(() => {
  console.error(`not done after ${LIMIT_MS / 1000} s`);
  process.exit(1);
}, LIMIT_MS).unref();

await using stage = await Stage.open();
let passed = 0;
let failed = 0;

/** Undefined: as it should be. */
async function complaintOf(growth: Growth): Promise<string | undefined> {
  const [few, more] = roundsOf(growth);
  const first = await growthOf(stage, growth, few);
  console.log(`  ${first.toFixed(2)} of at most ${growth.most}: ${growth.name}`);
  if (first <= growth.most) return;
  const second = await growthOf(stage, growth, more);
  console.log(`  ${second.toFixed(2)} with more rounds`);
  return second <= growth.most ? undefined : `${second.toFixed(2)} instead of at most ${growth.most}`;
}

async function judge(name: string, complaint: () => Promise<string | undefined>): Promise<void> {
  const wrong = await complaint().catch((error: Error) => error.message);
  if (wrong === undefined) passed += 1;
  else failed += 1;
  if (wrong !== undefined) console.log(`FAILED ${name}: ${wrong}`);
}

for (const growth of [...TURN_GROWTHS, OWNER_LOOKUP]) {
  await judge(growth.name, () => complaintOf(growth));
}
await judge('upstream saw each turn once', async () => {
  const { turns } = await stage.counts();
  return turns === stage.turnsDone ? undefined : `${turns} turns for ${stage.turnsDone} that were asked`;
});
// What these ask for is never read to its end, and so not counted above.
for (const growth of STALLED_READERS) await judge(growth.name, () => complaintOf(growth));

closeSuite(passed, failed);
