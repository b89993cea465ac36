/**
 * `npm run suite -- NAME [words]`: the longer checks, each a script of its own. Without a name it lists them. Words are
 * for the script: cells, cases, counts.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

interface Suite {
  readonly script: string;
  /** Whether it runs the bundle in `dist`. */
  readonly needs: 'source' | 'build';
  readonly proves: string;
}

const SUITES: Readonly<Record<string, Suite>> = {
  matrix: {
    script: 'matrix/run.ts',
    needs: 'source',
    proves: 'every fault, in every phase, through every door',
  },
  mutants: { script: 'mutants/run.ts', needs: 'source', proves: 'the tests notice 24 mistakes in the core' },
  tenants: {
    script: 'matrix/tenants.ts',
    needs: 'source',
    proves: 'tenants cannot reach what is not theirs',
  },
  endurance: {
    script: 'matrix/endurance.ts',
    needs: 'source',
    proves: 'kills and long conversations lose nothing',
  },
  soak: {
    script: 'soak/run.ts',
    needs: 'build',
    proves: '50,000 turns leave nothing behind (--turns 1500 --seed 7)',
  },
  growth: { script: 'bench/growth.ts', needs: 'build', proves: 'what must not grow with use does not' },
  idle: { script: 'bench/idle.ts', needs: 'build', proves: 'what thousands of idle sessions cost' },
  hostile: {
    script: 'hostile/run.ts',
    needs: 'build',
    proves: 'peers that keep no rule harm nobody (--patient)',
  },
  fuzz: { script: 'hostile/fuzz.ts', needs: 'build', proves: 'damaged input is refused (--count 10000000)' },
  browser: { script: 'real/browser.ts', needs: 'source', proves: 'foreign pages in Chromium get nothing' },
  dashboard: { script: 'real/dashboard.ts', needs: 'build', proves: 'the dashboard works in Chromium' },
  codex: { script: 'real/codex.ts', needs: 'source', proves: 'the real Codex CLI notices no trouble' },
  snippets: {
    script: 'real/snippets.ts',
    needs: 'build',
    proves: 'what "respool snippet" prints runs as it is',
  },
  package: {
    script: 'real/package.ts',
    needs: 'source',
    proves: 'the packed package works in an empty folder',
  },
  container: {
    script: 'real/container.ts',
    needs: 'source',
    proves: 'what the image holds runs with its rights',
  },
};

const [name = '', ...words] = process.argv.slice(2);
const suite = Object.hasOwn(SUITES, name) ? SUITES[name] : undefined;

function run(command: string, args: readonly string[]): number {
  return spawnSync(command, args, { stdio: 'inherit' }).status ?? 1;
}

if (suite === undefined) {
  for (const [known, { proves }] of Object.entries(SUITES)) console.log(`${known.padEnd(10)} ${proves}`);
  process.exitCode = name === '' ? 0 : 2;
} else {
  const built = suite.needs === 'source' ? 0 : run('npm', ['run', '-s', 'build']);
  process.exitCode =
    built === 0 ? run(process.execPath, [join(import.meta.dirname, suite.script), ...words]) : built;
}
