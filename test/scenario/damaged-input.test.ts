import { expect, test } from 'vitest';
import { dice, mutated } from '../hostile/mutate.ts';
import { pickCheck } from '../hostile/parsers.ts';
import { assaults } from '../hostile/wire-fuzz.ts';
import { makeWorld } from '../support/world.ts';

const SEED = Number(process.env['FUZZ_SEED'] ?? Date.now() % 1_000_000_000);
const IN_PROCESS = 5000;
const OVER_THE_WIRE = 150;

test(`no parser stumbles over damaged input, and none accepts what JSON.parse would not (seed ${SEED})`, async () => {
  for (let seed = SEED; seed < SEED + IN_PROCESS; seed += 1) {
    const roll = dice(seed);
    try {
      await pickCheck(roll)(mutated(roll), roll);
    } catch (cause) {
      throw new Error(`npm run suite -- fuzz --count 1 --seed ${seed}`, { cause });
    }
  }
});

test.each(['api_key', 'chatgpt'] as const)(
  `whatever a peer sends, the answer is one that is documented (%s, seed ${SEED})`,
  async (kind) => {
    await using world = await makeWorld({ kind, names: ['a'] });
    await assaults(Number(new URL(world.url).port), SEED, OVER_THE_WIRE);
    expect((await fetch(`${world.url}/healthz`)).status).toBe(200);
  },
);
