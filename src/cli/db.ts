/** The verbs under `db`: copies of the database, made, looked through and put back. */
import { constants } from 'node:fs';
import { chmod, copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import type { BackupWire } from '../admin-api/status.ts';
import type { Config } from '../config.ts';
import { holdAsCommand, holdUnlessServed } from '../server/data-dir.ts';
import { ExitError } from '../server/exit-error.ts';
import { backupPath, checkDatabase, restoreDatabase } from '../store/database/backups.ts';
import { openDatabase } from '../store/database/database.ts';
import { StoreError } from '../store/store-error.ts';
import { check, partOf } from './answers.ts';
import type { CommandContext } from './context.ts';
import { settingsFrom } from './settings.ts';

const backupSchema = partOf<BackupWire>()({ file: z.string(), bytes: z.number() });

/** While a server runs, it makes the copy; otherwise this process does. */
export async function makeBackup(context: CommandContext, file: string | undefined): Promise<void> {
  const config = settingsFrom(context.env);
  const made = await backUp(context, config);
  if (file !== undefined) await copyTo(made.file, file);
  context.print(`${file ?? made.file} (${made.bytes} bytes)`);
  context.note(
    'The copy is of use only together with the secret key: keep secret.key, or RESPOOL_SECRET_KEY, apart from it.',
  );
}

async function backUp(context: CommandContext, config: Config) {
  const lock = await holdUnlessServed(config);
  if (lock === 'served') return check(backupSchema, await context.admin.request('POST', '/api/backup'));
  using _held = lock;
  return inWords(() => backUpHere(config));
}

async function backUpHere(config: Config) {
  const database = openDatabase(config.dataDir, secretOf(config));
  try {
    return await database.backUp(backupPath(config.dataDir, new Date()));
  } finally {
    database.close();
  }
}

async function copyTo(from: string, to: string): Promise<void> {
  try {
    await copyFile(from, to, constants.COPYFILE_EXCL);
    await chmod(to, 0o600);
  } catch (error) {
    throw new ExitError(`${to} could not be written (${(error as Error).message}); the copy is at ${from}.`);
  }
}

export async function checkBackup(context: CommandContext, file: string | undefined): Promise<0 | 1> {
  const config = settingsFrom(context.env);
  const path = file ?? join(config.dataDir, 'respool.db');
  const { problems, counts } = await inWords(() => checkDatabase(path, config.dataDir, secretOf(config)));
  for (const problem of problems) context.print(`fail  ${problem}`);
  const held = Object.entries(counts).map(([table, count]) => `${count} ${table.replace('_', ' ')} rows`);
  if (problems.length === 0) context.print(`ok    ${path}: ${held.join(', ')}; the secret key fits`);
  return problems.length === 0 ? 0 : 1;
}

export async function restoreBackup(context: CommandContext, file: string): Promise<void> {
  const config = settingsFrom(context.env);
  using _held = await holdAsCommand(config, 'stop it before its database is replaced');
  const { problems } = await inWords(() => checkDatabase(file, config.dataDir, secretOf(config)));
  const [problem] = problems;
  if (problem !== undefined) throw new ExitError(`${file} is damaged (${problem}): restore another copy.`);
  const kept = await inWords(() => restoreDatabase(file, config.dataDir, new Date()));
  context.print(
    `${file} is the database now.${kept === undefined ? '' : ` The one before is kept as ${kept}.`}`,
  );
  context.note('Start the server. Conversations go on from where the copy was made.');
}

const secretOf = (config: Config): string | undefined => config.secretKey?.toString('base64');

/** Whatever is wrong with a database here, it is the file that was asked about, not the environment. */
async function inWords<T>(act: () => T | Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof StoreError) throw new ExitError(error.message);
    throw error;
  }
}
