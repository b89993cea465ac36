/**
 * `node test/bench/versions.ts /other/clone/dist/respool.js [ws|json|…] [rounds]`: what one load costs here and in
 * another build. The two take turns, so that a machine which grows slower meanwhile does so for both.
 */
import { loadNamed } from './loads.ts';
import type { Respool } from './server.ts';
import { Stage } from './stage.ts';

const ROUNDS = 10;

const [bundle, name = 'ws', rounds = String(ROUNDS)] = process.argv.slice(2);
if (bundle === undefined) throw new Error('say which other bundle: /other/clone/dist/respool.js');
const load = loadNamed(name);

await using stage = await Stage.open();
await using other = await stage.fresh({ accounts: ['a'], bundle });
await using here = await stage.fresh({ accounts: ['a'] });
const servers: readonly Respool[] = [other, here];
const costs: [number[], number[]] = [[], []];
for (const server of servers) {
  await server.speak(load.speaks);
  await stage.run(load.job(server.target.base, server.target.key));
}
for (let round = 0; round < Number(rounds); round += 1) {
  for (const [index, server] of servers.entries()) {
    const job = load.job(server.target.base, server.target.key);
    const { us, yielded } = await stage.cost(server.target, job);
    costs[index]?.push(us / (load.per === 'turn' ? yielded.turns : yielded.events));
  }
}
const median = (all: readonly number[]): number =>
  all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)] ?? 0;
const ratios = costs[1].map((us, round) => us / (costs[0][round] ?? us));
const [there, hereUs] = costs.map((all) => Math.min(...all)) as [number, number];
console.log(
  `${name}, µs a ${load.per} there and here: least ${there.toFixed(1)} and ${hereUs.toFixed(1)} ` +
    `(${(hereUs / there).toFixed(3)}), medians ${median(costs[0]).toFixed(1)} and ${median(costs[1]).toFixed(1)}, ` +
    `median of the ratios ${median(ratios).toFixed(3)}`,
);
