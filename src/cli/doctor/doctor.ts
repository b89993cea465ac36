/**
 * `respool doctor`: looks at everything that commonly goes wrong, and says for each what puts it right. Changes
 * nothing.
 */
import { loadConfig } from '../../config.ts';
import type { CommandContext } from '../context.ts';
import * as machine from './machine.ts';
import { probeMachine } from './probe.ts';
import { type Check, type CheckResult, fail, type Probe } from './result.ts';
import * as server from './server.ts';
import * as settings from './settings.ts';

const CHECKS: readonly Check[] = [
  machine.node,
  machine.dataDir,
  machine.modes,
  machine.disk,
  machine.database,
  machine.openFiles,
  machine.proxies,
  settings.reachable,
  settings.trusted,
  settings.transcripts,
  settings.upstreams,
  settings.codex,
  server.port,
  server.accounts,
  server.keys,
];

export async function examine(probe: Probe): Promise<readonly CheckResult[]> {
  const loaded = loadConfig(probe.env);
  if (!loaded.ok) {
    return loaded.problems.map((problem) =>
      fail(problem, 'correct it in the environment or in .env; .env.example explains each'),
    );
  }
  const results: CheckResult[] = [];
  for (const check of CHECKS) results.push(...(await check({ config: loaded.config, probe })));
  return results;
}

export async function doctor(
  context: CommandContext,
  options: { readonly json?: boolean },
  probe: Probe = probeMachine(context),
): Promise<0 | 1> {
  const results = await examine(probe);
  if (options.json) context.print(JSON.stringify({ data: results }, undefined, 2));
  else for (const result of results) context.print(lineOf(result));
  return results.some((result) => result.is === 'fail') ? 1 : 0;
}

function lineOf(result: CheckResult): string {
  const says = `${result.is.padEnd(4)}  ${result.says}`;
  return result.is === 'ok' ? says : `${says} → ${result.mend}`;
}
