/**
 * What a verb has at hand: the environment, the terminal, the clock and the way to the server. Tests hand
 * over another context, so that no verb touches the process itself.
 */
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { ExitError } from '../server/exit-error.ts';
import type { AdminApi, Offline } from './admin-client.ts';

export interface CommandContext {
  readonly env: NodeJS.ProcessEnv;
  readonly admin: AdminApi;
  /** One or more lines of result, to stdout. */
  print(text: string): void;
  /** A remark for the person, to stderr, so that it never mixes with a piped result. */
  note(text: string): void;
  /** All of stdin. */
  readInput(): Promise<string>;
  /** A secret typed without echo, or all of stdin when it is not a terminal. */
  askSecret(question: string): Promise<string>;
  /** Lines typed or piped in, until the signal. */
  readLines(signal: AbortSignal): AsyncIterable<string>;
  pause(durationMs: number): Promise<'go_on' | 'stop'>;
}

/** The context of a real process; while no server runs, the database stands in for it. */
export function processDesk(): CommandContext {
  const { env, stdin, stdout, stderr } = process;
  const remarks = new Set<string>();
  const remark = (line: string): void => {
    if (!remarks.has(line)) stderr.write(`${line}\n`);
    remarks.add(line);
  };
  const offline: Offline = async (config) => (await import('./offline.ts')).offlineApi(config, remark);
  return {
    env,
    admin: {
      // Imported when a verb asks, because reading the configuration costs more than showing the help does.
      request: async (...request) =>
        (await import('./admin-client.ts')).adminApi(env, offline).request(...request),
    },
    print: (line) => void stdout.write(`${line}\n`),
    note: (line) => void stderr.write(`${line}\n`),
    readInput: () => text(stdin),
    askSecret: async (question) => (stdin.isTTY ? askUnseen(question) : (await text(stdin)).trim()),
    readLines: (signal) => createInterface({ input: stdin, signal }),
    pause: (durationMs) => sleep(durationMs, 'go_on'),
  };
}

async function askUnseen(question: string): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const line = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  const interrupted = new AbortController();
  line.once('SIGINT', () => interrupted.abort());
  process.stderr.write(question);
  try {
    return (await line.question('', { signal: interrupted.signal })).trim();
  } catch (error) {
    if (interrupted.signal.aborted) throw new ExitError('Interrupted; nothing was changed.');
    throw error;
  } finally {
    line.close();
    process.stderr.write('\n');
  }
}
