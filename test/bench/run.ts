/**
 * `npm run bench`: what respool costs, against a floor measured in the same run. Prints a table; fails where
 * a line broke or is further off than noise explains.
 */
import { parseArgs } from 'node:util';
import { CPU_LINES } from './cpu-lines.ts';
import { FAILOVER_LINES } from './failover-lines.ts';
import type { Line } from './line.ts';
import { REST_LINES } from './rest-lines.ts';
import { writeResults } from './results.ts';
import { Stage } from './stage.ts';
import { STALL_LINES } from './stall-lines.ts';
import { isFarOff, type Row, ratioOf, tableOf, verdictOf } from './table.ts';

const LIMIT_MS = 240_000;

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    rounds: { type: 'string', default: '2' },
    write: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    peer: { type: 'string' },
    key: { type: 'string', default: '' },
    'upstream-port': { type: 'string' },
  },
});

setTimeout(() => {
  console.error(`not done after ${LIMIT_MS / 1000} s`);
  process.exit(1);
}, LIMIT_MS).unref();

const words = options.only.split(' ').filter(Boolean);
const peer = options.peer === undefined ? undefined : { url: options.peer, key: options.key };
const wanted = (line: Line): boolean =>
  words.every((word) => line.name.includes(word)) && (peer === undefined || line.only === undefined);

await using stage = await Stage.open({ peer, upstreamPort: Number(options['upstream-port'] ?? 0) });
const rows: Row[] = [];
const broken: string[] = [];
for (const line of [...CPU_LINES, ...STALL_LINES, ...FAILOVER_LINES, ...REST_LINES].filter(wanted)) {
  const begun = performance.now();
  try {
    rows.push(...(await line.measure(stage, Number(options.rounds))));
  } catch (error) {
    broken.push(`${line.name}: ${error instanceof Error ? error.message.slice(0, 400) : error}`);
  }
  console.error(`${line.name} (${((performance.now() - begun) / 1000).toFixed(1)} s)`);
}
if (options.json) {
  console.log(
    JSON.stringify({
      rows: rows.map((row) => ({ ...row, ratio: ratioOf(row), verdict: verdictOf(row) })),
      broken,
    }),
  );
} else {
  const table = tableOf(rows, stage.tested.name);
  console.log(`\n${table}`);
  if (options.write) writeResults(table);
  for (const line of broken) console.log(`broke: ${line}`);
}
const farOff = rows.filter(isFarOff);
for (const { measure } of farOff) console.error(`far off: ${measure}`);
process.exitCode = broken.length + farOff.length === 0 ? 0 : 1;
