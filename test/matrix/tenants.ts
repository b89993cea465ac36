/**
 * Tenants against each other for as long as wanted: `npm run suite -- tenants --steps 100000`. Prints the seed of
 * each round that failed, then the number of steps.
 */
import { parseArgs } from 'node:util';
import { closeSuite } from '../support/tally.ts';
import { playTenants } from '../support/tenants.ts';
import type { Kind } from '../support/world.ts';

/** A round has a server of its own, so that a failure is played again in seconds. */
const STEPS_A_ROUND = 500;
const KINDS: readonly Kind[] = ['api_key', 'chatgpt'];

const { values } = parseArgs({ options: { steps: { type: 'string', default: '5000' } } });
const steps = Number(values.steps);
let passed = 0;
let failed = 0;
let overlapping = 0;
for (let round = 0; passed + failed < steps; round += 1) {
  const size = Math.min(STEPS_A_ROUND, steps - passed - failed);
  try {
    const played = await playTenants(KINDS[round % KINDS.length] ?? 'api_key', round, size);
    overlapping += played.overlapping;
    passed += size;
  } catch (error) {
    failed += size;
    const { message, cause } = error as Error;
    console.log(`not ok  ${message}\n${String(cause).slice(0, 800)}\n`);
  }
}
console.log(`${overlapping} steps began while a turn of another tenant ran`);
closeSuite(passed, failed);
