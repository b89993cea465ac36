/**
 * A program as a process of its own, for checks of what is shipped: what it says is kept, and nothing is left running.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { delimiter, dirname } from 'node:path';

export interface ProgramOptions {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
}

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const LIMIT_MS = 120_000;

/** Without what `npm run` tells its children of this repository, and without settings of a server that runs here. */
export function cleanEnv(): NodeJS.ProcessEnv {
  const ours =
    /^(RESPOOL_|INIT_CWD$|npm_(package|lifecycle|command|execpath|config_(local_|global_)?prefix))/;
  const kept = Object.entries(process.env).filter(([name]) => !ours.test(name));
  const path = [dirname(process.execPath), process.env['PATH'] ?? ''].join(delimiter);
  return { ...Object.fromEntries(kept), PATH: path };
}

/** Runs a program to its end; `input` is all that it can read. */
export function run(
  argv: readonly [string, ...string[]],
  options: ProgramOptions,
  input = '',
): Promise<Outcome> {
  const [command, ...args] = argv;
  const limits = { timeout: LIMIT_MS, maxBuffer: 64 * 1024 * 1024 };
  return new Promise((resolve, reject) => {
    const child = execFile(command, args, { ...options, ...limits }, (error, stdout, stderr) => {
      if (error !== null && typeof error.code !== 'number') reject(error);
      else resolve({ code: Number(error?.code ?? 0), stdout, stderr });
    });
    child.stdin?.on('error', (error: NodeJS.ErrnoException) => {
      // A program may end without having read what it was given.
      if (error.code !== 'EPIPE') reject(error);
    });
    child.stdin?.end(input);
  });
}

/** A program that goes on until it is told to end. */
export class Program implements AsyncDisposable {
  readonly #child: ChildProcess;
  #said = '';

  constructor(argv: readonly [string, ...string[]], options: ProgramOptions) {
    const [command, ...args] = argv;
    // A group of its own, so that what it starts can be ended with it.
    this.#child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (chunk) => {
        this.#said += String(chunk);
        this.#child.emit('said');
      });
    }
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** All it has said so far, on either stream. */
  get said(): string {
    return this.#said;
  }

  /** The first group of `pattern` in what it says; rejects when it ends, or says nothing like it in time. */
  async saying(pattern: RegExp): Promise<string> {
    const signal = AbortSignal.timeout(LIMIT_MS);
    const ended = once(this.#child, 'close', { signal });
    ended.catch(() => {});
    for (;;) {
      const found = pattern.exec(this.#said);
      if (found !== null) return found[1] ?? found[0];
      if (this.#hasEnded()) throw new Error(`it ended without ${pattern}: ${this.#said}`);
      await Promise.race([once(this.#child, 'said', { signal }), ended]);
    }
  }

  /**
   * Its exit code, or the name of the signal that ended it, after SIGTERM. Behind a wrapper that passes no signals on,
   * `pid` is the process that is told.
   */
  async stop(pid = Number(this.#child.pid), limitMs = LIMIT_MS): Promise<number | NodeJS.Signals | null> {
    if (!this.#hasEnded()) {
      const ended = once(this.#child, 'exit', { signal: AbortSignal.timeout(limitMs) });
      process.kill(pid, 'SIGTERM');
      await ended;
    }
    return this.#child.exitCode ?? this.#child.signalCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = this.#hasEnded() ? undefined : once(this.#child, 'exit');
    try {
      process.kill(-Number(this.#child.pid), 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
    await ended;
  }

  #hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }
}
