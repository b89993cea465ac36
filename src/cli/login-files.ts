/**
 * Finds and reads login files for `accounts import`. Knows where the Codex CLI keeps its own; what is in a
 * file is for `src/accounts/import.ts` to say.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { ExitError } from '../server/exit-error.ts';

/** `json` is undefined when the text is no JSON. */
export interface LoginFile {
  readonly name: string;
  readonly json: unknown;
}

/** The login of the Codex CLI on this machine. */
export function codexLoginPath(env: NodeJS.ProcessEnv): string {
  return join(env['CODEX_HOME'] || join(homedir(), '.codex'), 'auth.json');
}

/** A file, every `.json` file of a folder (not of folders in it), or for `-` what `readInput` gives. */
export async function readLoginFiles(path: string, readInput: () => Promise<string>): Promise<LoginFile[]> {
  if (path === '-') return [{ name: 'stdin', json: parse(await readInput()) }];
  try {
    const files = (await stat(path)).isDirectory() ? await jsonFilesIn(path) : [path];
    return await Promise.all(
      files.map(async (file) => ({ name: basename(file), json: parse(await readFile(file, 'utf8')) })),
    );
  } catch (error) {
    throw new ExitError(`${path} cannot be read: ${(error as Error).message}`);
  }
}

async function jsonFilesIn(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.json')).sort();
  if (names.length === 0) throw new ExitError(`${folder} holds no .json file.`);
  return names.map((name) => join(folder, name));
}

function parse(source: string): unknown {
  try {
    return JSON.parse(source);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
