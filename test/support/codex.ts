/**
 * The real Codex CLI as a process, away from whatever configuration and login a person has here.
 */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';

const VERSION = '0.169.0';
const RUN_LIMIT_MS = 60_000;
const FLAGS = ['--json', '--skip-git-repo-check', '--dangerously-bypass-approvals-and-sandbox'];

/** The path of the real binary, installed once into a cache outside of the dependencies. */
export function installCodex(): string {
  const cache = join(
    process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'),
    'respool',
    `codex-${VERSION}`,
  );
  const platform = `${process.platform}-${process.arch}`;
  const target = { 'linux-x64': 'x86_64-unknown-linux-musl', 'linux-arm64': 'aarch64-unknown-linux-musl' }[
    platform
  ];
  if (target === undefined) throw new Error(`this check knows no Codex binary for ${platform}`);
  const binary = join(cache, `node_modules/@openai/codex-${platform}/vendor/${target}/bin/codex`);
  if (!existsSync(binary)) {
    execFileSync(
      'npm',
      ['install', '--prefix', cache, '--no-save', '--no-audit', '--no-fund', `@openai/codex@${VERSION}`],
      { stdio: 'ignore' },
    );
  }
  return binary;
}

export interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The client with a home of its own, which it never leaves. */
export class Codex implements AsyncDisposable {
  readonly #binary: string;
  readonly #home: string;
  readonly #env: NodeJS.ProcessEnv;

  private constructor(binary: string, home: string, env: NodeJS.ProcessEnv) {
    this.#binary = binary;
    this.#home = home;
    this.#env = env;
  }

  get configPath(): string {
    return join(this.#home, 'home/config.toml');
  }

  static async prepare(binary: string, config: string, env: NodeJS.ProcessEnv = {}): Promise<Codex> {
    const home = await mkdtemp(join(tmpdir(), 'respool-codex-'));
    for (const folder of ['home', 'tmp', 'work']) await mkdir(join(home, folder));
    const codex = new Codex(binary, home, env);
    await writeFile(codex.configPath, config);
    return codex;
  }

  exec(prompt: string): Promise<Run> {
    return this.#run(['exec', ...FLAGS, prompt]);
  }

  resume(prompt: string): Promise<Run> {
    return this.#run(['exec', 'resume', '--last', ...FLAGS, prompt]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#home, { recursive: true, force: true });
  }

  #run(args: readonly string[]): Promise<Run> {
    const env = {
      PATH: process.env['PATH'] ?? '',
      HOME: this.#home,
      TMPDIR: join(this.#home, 'tmp'),
      CODEX_HOME: join(this.#home, 'home'),
      HTTPS_PROXY: 'http://127.0.0.1:9',
      NO_PROXY: '127.0.0.1,localhost,0.0.0.0',
      ...this.#env,
    };
    return new Promise((resolve) => {
      const child = spawn(this.#binary, args, {
        cwd: join(this.#home, 'work'),
        env,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let stdout = '';
      let stderr = '';
      child.stdout.on('data', (chunk) => {
        stdout += chunk;
      });
      child.stderr.on('data', (chunk) => {
        stderr += chunk;
      });
      const limit = setTimeout(() => child.kill(), RUN_LIMIT_MS);
      child.on('close', (code) => {
        clearTimeout(limit);
        resolve({ code, stdout, stderr });
      });
    });
  }
}
