/**
 * How a verb ends early: one sentence for the person at the terminal, with the next step in it, and the
 * exit code. Anything else that is thrown is a bug and shown with its stack.
 */
export type ExitCode = 0 | 1 | 2 | 78;

/** 1 the thing could not be done, 2 the command line is wrong, 78 the environment is wrong (sysexits). */
export class ExitError extends Error {
  readonly exitCode: ExitCode;

  constructor(message: string, exitCode: ExitCode = 1) {
    super(message);
    this.name = 'ExitError';
    this.exitCode = exitCode;
  }
}
