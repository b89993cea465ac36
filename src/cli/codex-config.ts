/**
 * Writes the Codex snippet into Codex's own configuration, and takes it out again. Text in, text out: what a
 * person wrote there stays byte for byte, between marks of ours.
 */
import { constants } from 'node:fs';
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Stop } from '../server/exit-error.ts';
import type { Desk } from './desk.ts';
import { codexLoginPath } from './login-files.ts';
import { settingsFrom } from './settings.ts';
import { type SnippetOptions, snippet } from './snippet.ts';

const BEGIN = '# >>> respool: this part is written and removed by "respool snippet codex"\n';
const END = '# <<< respool\n';
const OURS = new RegExp(`${escaped(BEGIN)}[^]*?${escaped(END)}`, 'g');

export async function writeCodexConfig(desk: Desk, options: SnippetOptions): Promise<void> {
  const path = configPath(desk);
  const before = await contentOf(path);
  const text = withRespool(before ?? '', snippet('codex', settingsFrom(desk.env), options));
  if (text === before) return desk.print(`${path} is as it should be.`);
  const backup = before === undefined ? undefined : await backUp(path);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
  desk.print(
    `${path} uses respool now.${backup === undefined ? '' : ` What it was before is in ${backup}.`}`,
  );
  desk.note('Take it out again with: respool snippet codex --undo');
}

export async function undoCodexConfig(desk: Desk): Promise<void> {
  const path = configPath(desk);
  const text = await contentOf(path);
  const rest = text === undefined ? undefined : withoutRespool(text);
  if (text === undefined || rest === text) throw new Stop(`${path} has nothing of respool in it.`);
  if (rest === '') await rm(path);
  else await writeFile(path, rest ?? '');
  desk.print(`${path} is without respool again.`);
}

/** Top-level members have to come before the first table, so there are two parts. Throws `Stop`. */
export function withRespool(text: string, lines: string): string {
  const rest = withoutRespool(text);
  const top = rest.slice(0, /^\s*\[/m.exec(rest)?.index ?? rest.length);
  const other = /^\s*model_provider\s*=\s*(.+)$/m.exec(top)?.[1];
  if (other !== undefined) {
    throw new Stop(`The configuration chooses the provider ${other}: remove that line, and run this again.`);
  }
  if (/^\s*\[model_providers\.respool\]/m.test(rest)) {
    throw new Stop(
      'The configuration has a provider respool that somebody wrote by hand: remove it, and run this again.',
    );
  }
  const [choice = '', ...provider] = lines
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('# ~'));
  return `${BEGIN}${choice}\n${END}${rest}${BEGIN}${provider.join('\n')}\n${END}`;
}

export function withoutRespool(text: string): string {
  return text.replace(OURS, '');
}

function configPath(desk: Desk): string {
  return join(dirname(codexLoginPath(desk.env)), 'config.toml');
}

async function contentOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new Stop(`${path} cannot be read: ${(error as Error).message}`);
  }
}

async function backUp(path: string): Promise<string> {
  const copy = `${path}.before-respool-${new Date().toISOString().replaceAll(/[:.]/g, '-')}`;
  await copyFile(path, copy, constants.COPYFILE_EXCL);
  return copy;
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
