/**
 * `respool doctor`: looks at everything that commonly goes wrong, and says for each what puts it right. Changes
 * nothing.
 */
import { loadConfig } from '../../config.ts';
import type { Desk } from '../desk.ts';
import { type Check, type Finding, fail, type Look } from './finding.ts';
import { lookAround } from './look.ts';
import * as machine from './machine.ts';
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

export async function examine(look: Look): Promise<readonly Finding[]> {
  const loaded = loadConfig(look.env);
  if (!loaded.ok) {
    return loaded.problems.map((problem) =>
      fail(problem, 'correct it in the environment or in .env; .env.example explains each'),
    );
  }
  const findings: Finding[] = [];
  for (const check of CHECKS) findings.push(...(await check({ config: loaded.config, look })));
  return findings;
}

export async function doctor(
  desk: Desk,
  options: { readonly json?: boolean },
  look: Look = lookAround(desk),
): Promise<0 | 1> {
  const findings = await examine(look);
  if (options.json) desk.print(JSON.stringify({ data: findings }, undefined, 2));
  else for (const finding of findings) desk.print(lineOf(finding));
  return findings.some((finding) => finding.is === 'fail') ? 1 : 0;
}

function lineOf(finding: Finding): string {
  const says = `${finding.is.padEnd(4)}  ${finding.says}`;
  return finding.is === 'ok' ? says : `${says} → ${finding.mend}`;
}
