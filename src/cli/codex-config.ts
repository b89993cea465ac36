/**
 * Writes the Codex snippet into Codex's own configuration, and takes it out again. Text in, text out: what a
 * person wrote there stays byte for byte, between marks of ours.
 */
import { constants } from 'node:fs';
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ExitError } from '../server/exit-error.ts';
import type { CommandContext } from './context.ts';
import { codexLoginPath } from './login-files.ts';
import { settingsFrom } from './settings.ts';
import { type SnippetOptions, snippet } from './snippet.ts';

const BEGIN = '# >>> respool: this part is written and removed by "respool snippet codex"\n';
const END = '# <<< respool\n';
const OURS = new RegExp(`${escaped(BEGIN)}[^]*?${escaped(END)}`, 'g');

export async function writeCodexConfig(context: CommandContext, options: SnippetOptions): Promise<void> {
  const path = configPath(context);
  const before = await contentOf(path);
  const text = withRespool(before ?? '', snippet('codex', settingsFrom(context.env), options));
  if (text === before) return context.print(`${path} is as it should be.`);
  const backup = before === undefined ? undefined : await backUp(path);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
  context.print(
    `${path} uses respool now.${backup === undefined ? '' : ` What it was before is in ${backup}.`}`,
  );
  context.note('Take it out again with: respool snippet codex --undo');
}

export async function undoCodexConfig(context: CommandContext): Promise<void> {
  const path = configPath(context);
  const text = await contentOf(path);
  const rest = text === undefined ? undefined : withoutRespool(text);
  if (text === undefined || rest === text) throw new ExitError(`${path} has nothing of respool in it.`);
  if (rest === '') await rm(path);
  else await writeFile(path, rest ?? '');
  context.print(`${path} is without respool again.`);
}

/** Top-level members have to come before the first table, so there are two parts. Throws `ExitError`. */
export function withRespool(text: string, lines: string): string {
  const rest = withoutRespool(text);
  const top = rest.slice(0, /^\s*\[/m.exec(rest)?.index ?? rest.length);
  const other = /^\s*model_provider\s*=\s*(.+)$/m.exec(top)?.[1];
  if (other !== undefined) {
    throw new ExitError(
      `The configuration chooses the provider ${other}: remove that line, and run this again.`,
    );
  }
  if (/^\s*\[model_providers\.respool\]/m.test(rest)) {
    throw new ExitError(
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

function configPath(context: CommandContext): string {
  return join(dirname(codexLoginPath(context.env)), 'config.toml');
}

async function contentOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new ExitError(`${path} cannot be read: ${(error as Error).message}`);
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
