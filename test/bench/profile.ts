/**
 * `node test/bench/profile.ts [json|body|sse|sse-paced|ws|ws-paced]`: where the microseconds go. Runs one load against
 * the built server under V8's profiler and adds up the samples by module of the source, function and thread.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Job } from './jobs.ts';
import { loadNamed } from './loads.ts';
import { Stage } from './stage.ts';

const ROOT = join(import.meta.dirname, '../..');
const SHOWN = 60;

interface ProfileNode {
  readonly id: number;
  readonly callFrame: {
    readonly functionName: string;
    readonly url: string;
    readonly lineNumber: number;
    readonly columnNumber: number;
  };
  readonly children?: readonly number[];
}

interface Profile {
  /** Of the monotonic clock, in microseconds. */
  readonly startTime: number;
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

const maps = new Map<string, SourceMap>();

function mapOf(path: string): SourceMap {
  const known = maps.get(path) ?? new SourceMap(JSON.parse(readFileSync(`${path}.map`, 'utf8')));
  maps.set(path, known);
  return known;
}

/** `src/bridge/turn/turn.ts`, `undici`, `node:http`, or what V8 calls its own work. */
function moduleOf({ url, functionName, lineNumber, columnNumber }: ProfileNode['callFrame']): string {
  if (url === '') return functionName.startsWith('(') ? functionName : '(native)';
  if (url.startsWith('node:')) return url.replace(/^node:internal\//, 'node:').split('/')[0] ?? url;
  if (!url.startsWith('file:')) return url.slice(0, 60);
  const path = fileURLToPath(url);
  const source = path.includes('/dist/') ? sourceOf(path, lineNumber, columnNumber) : relative(ROOT, path);
  return /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(source)?.[1] ?? source;
}

function sourceOf(bundle: string, line: number, column: number): string {
  const entry = mapOf(bundle).findEntry(line, column);
  if (!('originalSource' in entry)) return 'bundle';
  return relative(ROOT, fileURLToPath(new URL(entry.originalSource, `file://${bundle}`)));
}

interface Tally {
  readonly areas: Map<string, number>;
  readonly modules: Map<string, number>;
  readonly functions: Map<string, number>;
  totalUs: number;
}

/** Coarse enough for a table: a folder of ours, a package, Node's own JavaScript, or what is no JavaScript at all. */
function areaOf(module: string): string {
  if (module.startsWith('src/'))
    return module
      .split('/')
      .slice(0, module.split('/').length > 2 ? 2 : 1)
      .join('/');
  return module.startsWith('node:') ? 'node' : module;
}

/** What ran before the load, the start of the process above all, is left out. */
function tally({ nodes, samples, timeDeltas, startTime }: Profile, sinceUs: number): Tally {
  const byId = new Map(nodes.map((node) => [node.id, node.callFrame]));
  const tallied: Tally = { areas: new Map(), modules: new Map(), functions: new Map(), totalUs: 0 };
  const add = (to: Map<string, number>, name: string, us: number): void =>
    void to.set(name, (to.get(name) ?? 0) + us);
  const selfUs = new Map<number, number>();
  let at = startTime;
  for (const [index, id] of samples.entries()) {
    at += timeDeltas[index] ?? 0;
    if (at >= sinceUs) selfUs.set(id, (selfUs.get(id) ?? 0) + (timeDeltas[index] ?? 0));
  }
  for (const [id, us] of selfUs) {
    const frame = byId.get(id);
    if (frame === undefined || frame.functionName === '(idle)') continue;
    const module = moduleOf(frame);
    add(tallied.areas, areaOf(module), us);
    add(tallied.modules, module, us);
    add(tallied.functions, `${frame.functionName || '(anonymous)'} · ${module}`, us);
    tallied.totalUs += us;
  }
  return tallied;
}

/** What happened how often, to divide by. */
interface Units {
  readonly name: 'turn' | 'event';
  readonly count: number;
}

function print(title: string, figures: Map<string, number>, { name, count }: Units): void {
  const total = [...figures.values()].reduce((sum, us) => sum + us, 0);
  console.log(`\n${title}: µs a ${name}, share`);
  for (const [what, us] of [...figures].sort(([, a], [, b]) => b - a).slice(0, SHOWN)) {
    console.log(
      `${(us / count).toFixed(2).padStart(9)} ${((100 * us) / total).toFixed(1).padStart(6)} %  ${what}`,
    );
  }
}

const chosen = process.argv[2] ?? 'json';
const load = loadNamed(chosen);
await using stage = await Stage.open();
const profiles = stage.directory();
const server = await stage.fresh({
  accounts: ['a'],
  node: ['--cpu-prof', `--cpu-prof-dir=${profiles}`, '--cpu-prof-interval=200'],
});
await server.speak(load.speaks);
const job = (): Job => load.job(server.target.base, server.target.key);
await stage.run(job());
const sinceUs = Number(process.hrtime.bigint() / 1000n);
const { us, yielded } = await stage.cost(server.target, job());
await server.stop();
const units: Units =
  load.per === 'turn' ? { name: 'turn', count: yielded.turns } : { name: 'event', count: yielded.events };
console.log(`${chosen}: ${(us / units.count).toFixed(1)} µs a ${units.name}, with the profiler`);
for (const file of readdirSync(profiles)) {
  const profile = JSON.parse(readFileSync(join(profiles, file), 'utf8')) as Profile;
  const { areas, modules, functions, totalUs } = tally(profile, sinceUs);
  if (totalUs < 1000) continue;
  const thread = file.split('.').at(-3) === '0' ? 'main thread' : 'other thread';
  console.log(`\n--- ${thread}: ${(totalUs / units.count).toFixed(1)} µs a ${units.name}`);
  print('by area', areas, units);
  print('by module', modules, units);
  print('by function', functions, units);
}
