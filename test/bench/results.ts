/** `RESULTS.md`: a table of figures, and what they were measured on. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem, type } from 'node:os';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');

export function writeResults(table: string): void {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  const [first, ...others] = cpus();
  const facts = [
    `- ${new Date().toISOString().slice(0, 10)}, respool ${version}${revision()}, Node ${process.versions.node}`,
    `- ${type()} ${release()}, ${1 + others.length} × ${first?.model ?? 'unknown processor'}, ${Math.round(totalmem() / 2 ** 30)} GB`,
    `- load at the end: ${loadavg()[0]?.toFixed(1)}; above ${1 + others.length} something else was running too`,
  ];
  const lines = [
    '# Results',
    '',
    'Written by `npm run bench -- --write`; what the lines mean is in [README.md](README.md). Ratios carry over',
    'to other machines, figures do not. On a busy machine the floor against itself came out between 0.8 and 1.5.',
    '',
    ...facts,
    '',
    table,
    '',
  ];
  writeFileSync(join(import.meta.dirname, 'RESULTS.md'), lines.join('\n'));
}

/** A copy without Git has no revision to name. */
function revision(): string {
  try {
    const git = ['rev-parse', '--short', 'HEAD'];
    return ` (${execFileSync('git', git, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()})`;
  } catch (cause) {
    if (cause instanceof Error) return '';
    throw cause;
  }
}
