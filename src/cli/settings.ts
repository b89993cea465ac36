/** The configuration for verbs: a bad environment ends the command with every problem listed and exit 78. */
import { type Config, loadConfig } from '../config.ts';
import { ExitError } from '../server/exit-error.ts';

/** Throws `ExitError` with exit code 78. */
export function settingsFrom(env: NodeJS.ProcessEnv): Config {
  const loaded = loadConfig(env);
  if (loaded.ok) return loaded.config;
  const list = loaded.problems.map((problem) => `  - ${problem}`).join('\n');
  throw new ExitError(
    `The configuration cannot be used:\n${list}\nEvery variable is explained in .env.example.`,
    78,
  );
}
