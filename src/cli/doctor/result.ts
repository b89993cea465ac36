/**
 * What a check of `doctor` finds, and what it may look at. Everything from outside comes through `Probe`, so that
 * every misconfiguration can be tried without having it.
 */
import type { Config } from '../../config.ts';

export type CheckResult =
  | { readonly is: 'ok'; readonly says: string }
  /** `mend` is the command or the setting that puts it right. */
  | { readonly is: 'warn' | 'fail'; readonly says: string; readonly mend: string };

export interface Disk {
  readonly freeBytes: number;
  readonly totalBytes: number;
  /** As `statfs` numbers it. */
  readonly type: number;
}

/** `other`: something answered that is not what was asked for. */
export type Reached =
  | {
      readonly kind: 'answered';
      readonly status: number;
      readonly body: string;
      readonly date: number | undefined;
    }
  | { readonly kind: 'refused' }
  | { readonly kind: 'unreachable'; readonly code: string };

export interface Probe {
  readonly env: NodeJS.ProcessEnv;
  readonly nodeVersion: string;
  readonly now: number;
  /** Permission bits; undefined when there is no such file. */
  mode(path: string): number | undefined;
  text(path: string): string | undefined;
  writable(folder: string): boolean;
  disk(folder: string): Disk | undefined;
  /** Descriptors this process may have open. */
  openFiles(): number | undefined;
  reach(url: string): Promise<Reached>;
  /** Where the server that holds the data directory is reached; undefined when none does. */
  serving(): Promise<string | undefined>;
  /** Asks the running server; undefined when none answers. */
  ask(path: string): Promise<unknown>;
  /** Throws an error whose message is a sentence. */
  checkDatabase(): readonly string[];
}

export interface Subject {
  readonly config: Config;
  readonly probe: Probe;
}

export type Check = (subject: Subject) => Promise<readonly CheckResult[]> | readonly CheckResult[];

export const ok = (says: string): CheckResult => ({ is: 'ok', says });
export const warn = (says: string, mend: string): CheckResult => ({ is: 'warn', says, mend });
export const fail = (says: string, mend: string): CheckResult => ({ is: 'fail', says, mend });
