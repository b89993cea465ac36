/** The verb `snippet`: shows what to paste, or puts it into Codex's configuration by itself. */

import { runningServer } from '../server/data-dir.ts';
import { Stop } from '../server/exit-error.ts';
import { undoCodexConfig, writeCodexConfig } from './codex-config.ts';
import type { Desk } from './desk.ts';
import { settingsFrom } from './settings.ts';
import { type SnippetKind, type SnippetOptions, showSnippet } from './snippet.ts';

export async function snippetVerb(
  desk: Desk,
  kind: SnippetKind,
  given: SnippetOptions & { readonly write?: true; readonly undo?: true },
): Promise<void> {
  const url = given.url ?? (await runningServer(settingsFrom(desk.env)))?.url;
  const options = { ...given, ...(url !== undefined && { url }) };
  if (options.write === undefined && options.undo === undefined) return showSnippet(desk, kind, options);
  if (kind !== 'codex') throw new Stop('Only the Codex CLI has a configuration to write into.', 2);
  await (options.undo === undefined ? writeCodexConfig(desk, options) : undoCodexConfig(desk));
}
