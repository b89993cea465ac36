/** What `doctor` looks at on a real machine. */
import { accessSync, constants, readFileSync, statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { runningServer } from '../../server/data-dir.ts';
import { ExitError } from '../../server/exit-error.ts';
import { checkDatabase } from '../../store/database/backups.ts';
import type { CommandContext } from '../context.ts';
import { settingsFrom } from '../settings.ts';
import type { Probe, Reached } from './result.ts';

const REACH_TIMEOUT_MS = 5000;

export function probeMachine(context: CommandContext): Probe {
  const { env } = context;
  return {
    env,
    nodeVersion: process.version,
    now: Date.now(),
    mode: (path) => quietly(() => statSync(path).mode & 0o777),
    text: (path) => quietly(() => readFileSync(path, 'utf8')),
    writable: (folder) => quietly(() => accessSync(folder, constants.W_OK) ?? true) ?? false,
    disk: (folder) =>
      quietly(() => {
        const { bavail, bsize, blocks, type } = statfsSync(folder);
        return { freeBytes: bavail * bsize, totalBytes: blocks * bsize, type };
      }),
    openFiles: () => {
      const limits = quietly(() => readFileSync('/proc/self/limits', 'utf8'));
      const soft = /^Max open files\s+(\d+)/m.exec(limits ?? '')?.[1];
      return soft === undefined ? undefined : Number(soft);
    },
    reach,
    serving: async () => (await runningServer(settingsFrom(env)))?.url,
    ask: async (path) => {
      try {
        return await context.admin.request('GET', path);
      } catch (error) {
        if (error instanceof ExitError) return undefined;
        throw error;
      }
    },
    checkDatabase: () => {
      const { dataDir, secretKey } = settingsFrom(env);
      return checkDatabase(join(dataDir, 'respool.db'), dataDir, secretKey?.toString('base64')).problems;
    },
  };
}

/** Undefined where the system says no: what is missing is for the checks to judge. */
function quietly<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return undefined;
  }
}

async function reach(url: string): Promise<Reached> {
  try {
    const answer = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(REACH_TIMEOUT_MS) });
    const date = Date.parse(answer.headers.get('date') ?? '');
    const body = (await answer.text()).slice(0, 1000);
    return { kind: 'answered', status: answer.status, body, date: Number.isNaN(date) ? undefined : date };
  } catch (error) {
    const { code = (error as Error).name } = ((error as Error).cause ?? {}) as NodeJS.ErrnoException;
    return code === 'ECONNREFUSED' ? { kind: 'refused' } : { kind: 'unreachable', code };
  }
}
