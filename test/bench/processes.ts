/** Processes that belong to a run and end with it. Knows nothing of what they do. */
import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';

const children = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

export function remember(child: ChildProcess): ChildProcess {
  children.add(child);
  child.once('exit', () => children.delete(child));
  return child;
}

export async function end(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  await ended;
}

/** What the process says first that matches. */
export function saying(child: ChildProcess, pattern: RegExp): Promise<string> {
  let said = '';
  return new Promise((resolve, reject) => {
    child.stdout?.on('data', (chunk) => {
      if (said.length > 10_000) return;
      said += String(chunk);
      const [, found] = pattern.exec(said) ?? [];
      if (found !== undefined) resolve(found);
    });
    child.once('exit', () => reject(new Error(`a process ended instead of starting: ${said}`)));
  });
}

/** A script of this folder that prints the port it listens on; it ends when this process does. */
export async function startScript(
  script: string,
  ...words: string[]
): Promise<{ child: ChildProcess; port: number }> {
  const child = remember(
    fork(join(import.meta.dirname, script), words, { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] }),
  );
  return { child, port: Number(await saying(child, /listening (\d+)/)) };
}
