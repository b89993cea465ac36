/** The verb `snippet`: shows what to paste, or puts it into Codex's configuration by itself. */

import { runningServer } from '../server/data-dir.ts';
import { ExitError } from '../server/exit-error.ts';
import { undoCodexConfig, writeCodexConfig } from './codex-config.ts';
import type { CommandContext } from './context.ts';
import { settingsFrom } from './settings.ts';
import { type SnippetKind, type SnippetOptions, showSnippet } from './snippet.ts';

export async function snippetVerb(
  context: CommandContext,
  kind: SnippetKind,
  given: SnippetOptions & { readonly write?: true; readonly undo?: true },
): Promise<void> {
  const url = given.url ?? (await runningServer(settingsFrom(context.env)))?.url;
  const options = { ...given, ...(url !== undefined && { url }) };
  if (options.write === undefined && options.undo === undefined) return showSnippet(context, kind, options);
  if (kind !== 'codex') throw new ExitError('Only the Codex CLI has a configuration to write into.', 2);
  await (options.undo === undefined ? writeCodexConfig(context, options) : undoCodexConfig(context));
}
