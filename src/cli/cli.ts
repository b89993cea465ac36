/**
 * The command line: verbs, their options and their exit codes. What a verb does is in a file of its own,
 * imported when it is called, so that `--help` does not load the server.
 */
import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import manifest from '../../package.json' with { type: 'json' };
import type { AccountTransport } from '../admin-api/account.ts';
import { type ExitCode, ExitError } from '../server/exit-error.ts';
import type { AddOptions } from './accounts.ts';
import { type CommandContext, processDesk } from './context.ts';
import type { KeyOptions } from './keys.ts';
import type { RequestsOptions } from './requests.ts';
import type { SnippetKind, SnippetOptions } from './snippet.ts';

const TRANSPORTS: readonly AccountTransport[] = ['auto', 'websocket', 'http'];

/** Runs a verb and keeps its exit code; a verb that gives none went well. */
type Act = (verb: () => Promise<unknown>) => Promise<void>;
type JsonOption = { readonly json?: boolean };

/** Runs one command; `argv` is without node and script. Gives the exit code; never exits the process. */
export async function runCli(
  argv: readonly string[],
  context: CommandContext = processDesk(),
): Promise<number> {
  let code = 0;
  const act: Act = async (verb) => {
    const result = await verb();
    if (typeof result === 'number') code = result;
  };
  try {
    await buildProgram(context, act).parseAsync(argv, { from: 'user' });
    return code;
  } catch (error) {
    return explain(context, error);
  }
}

function buildProgram(context: CommandContext, act: Act): Command {
  const program = new Command('respool')
    .description(manifest.description)
    .version(manifest.version)
    .showHelpAfterError('(add --help to see what is possible)')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.print(text.trimEnd()),
      writeErr: (text) => context.note(text.trimEnd()),
    });
  addServers(program, act);
  addAccounts(program, context, act);
  addKeys(program, context, act);
  addSessions(program, context, act);
  addReports(program, context, act);
  addDatabase(program, context, act);
  return program;
}

function addServers(program: Command, act: Act): void {
  program
    .command('serve')
    .description('run the server')
    .action(() => act(async () => (await import('./serve.ts')).serve()));
  program
    .command('demo')
    .description('run the server with three fake accounts, the first of which soon runs dry')
    .action(() => act(async () => (await import('./demo.ts')).demo()));
}

function addAccounts(program: Command, context: CommandContext, act: Act): void {
  const accounts = program.command('accounts').description('who may serve');
  const load = () => import('./accounts.ts');
  accounts
    .command('add')
    .description('add an API key; without --key it is asked for, or read from stdin')
    .requiredOption('--name <name>', 'a name of your choice')
    .option('--key <key>', 'the API key (every program on this machine can see it here)')
    .option('--base-url <url>', 'another address than that of RESPOOL_OPENAI_BASE_URL')
    .option('--priority <number>', 'higher serves first', wholeNumber)
    .addOption(new Option('--transport <kind>', 'way to upstream').choices(TRANSPORTS))
    .option('--proxy <url>', 'way out for this account: an http:// or socks5:// URL')
    .action((options: AddOptions) => act(async () => (await load()).addAccount(context, options)));
  accounts
    .command('import')
    .description('import ChatGPT logins: auth.json files, folders of them, or - for stdin')
    .argument('[paths...]', 'default: the login of the Codex CLI')
    .action((paths: string[]) => act(async () => (await load()).importAccounts(context, paths)));
  accounts
    .command('login')
    .description('sign in to a ChatGPT account with a code on any device')
    .option('--browser', 'sign in with a browser on this machine instead')
    .action((options: { browser?: boolean }) =>
      act(async () => (await import('./login.ts')).loginAccount(context, options)),
    );
  accounts
    .command('probe <account>')
    .description('ask upstream what is left, and lift blocks that it does not confirm')
    .action((account: string) => act(async () => (await load()).probeAccount(context, account)));
  accounts
    .command('list')
    .description('list accounts and what is left of them')
    .option('--json', 'as JSON')
    .action((options: JsonOption) => act(async () => (await load()).listAccounts(context, options)));
  accounts
    .command('pause <account>')
    .description('give an account, by id or name, no further turns')
    .action((account: string) => act(async () => (await load()).setPaused(context, account, 'paused')));
  accounts
    .command('resume <account>')
    .description('let a paused account serve again')
    .action((account: string) => act(async () => (await load()).setPaused(context, account, 'running')));
  accounts
    .command('rm <account>')
    .description('forget an account and its login')
    .action((account: string) => act(async () => (await load()).removeAccount(context, account)));
}

function addKeys(program: Command, context: CommandContext, act: Act): void {
  const keys = program.command('keys').description('who may call');
  const load = () => import('./keys.ts');
  keys
    .command('create <name>')
    .description('make a key and print it, this once')
    .option('--expires <date>', 'last instant of the key, such as 2030-01-31', unixSeconds)
    .option('--models <names>', 'only these models, separated by commas', commaList)
    .option('--accounts <ids>', 'only these accounts, separated by commas', commaList)
    .option('--requests-per-minute <number>', 'limit', wholeNumber)
    .option('--tokens-per-day <number>', 'limit', wholeNumber)
    .option('--concurrent-turns <number>', 'limit', wholeNumber)
    .option('--json', 'as JSON')
    .action((name: string, options: KeyOptions) =>
      act(async () => (await load()).createKey(context, name, options)),
    );
  keys
    .command('list')
    .description('list keys, never their text')
    .option('--json', 'as JSON')
    .action((options: JsonOption) => act(async () => (await load()).listKeys(context, options)));
  keys
    .command('revoke <key>')
    .description('end a key, by id or name')
    .action((key: string) => act(async () => (await load()).revokeKey(context, key)));
}

function addSessions(program: Command, context: CommandContext, act: Act): void {
  const sessions = program.command('sessions').description('conversations held by the server');
  const load = () => import('./sessions.ts');
  sessions
    .command('list')
    .description('list sessions and the accounts they stay on')
    .option('--json', 'as JSON')
    .action((options: JsonOption) => act(async () => (await load()).listSessions(context, options)));
  sessions
    .command('release <session>')
    .description('close its upstream socket and forget its account')
    .action((session: string) => act(async () => (await load()).releaseSession(context, session)));
}

function addReports(program: Command, context: CommandContext, act: Act): void {
  program
    .command('requests')
    .description('the log of turns, newest last')
    .option('-f, --follow', 'go on showing turns as they end')
    .option('--limit <number>', 'how many to begin with, up to 1000', wholeNumber, 50)
    .option('--session <id>', 'only of this session')
    .option('--account <id>', 'only of this account')
    .option('--status <status>', 'only completed, incomplete, failed or cancelled ones')
    .option('--key <id>', 'only of this key')
    .option('--json', 'as JSON, one turn a line')
    .action((options: RequestsOptions) =>
      act(async () => (await import('./requests.ts')).showRequests(context, options)),
    );
  program
    .command('status')
    .description('what the server says of itself')
    .option('--json', 'as JSON')
    .action((options: JsonOption) =>
      act(async () => (await import('./status.ts')).showStatus(context, options)),
    );
  program
    .command('doctor')
    .description('look for what commonly goes wrong, and say what puts it right')
    .option('--json', 'as JSON')
    .action((options: JsonOption) =>
      act(async () => (await import('./doctor/doctor.ts')).doctor(context, options)),
    );
  program
    .command('snippet')
    .description('what to paste into a client')
    .addArgument(new Argument('<client>').choices(['codex', 'curl', 'python', 'js']))
    .option('--url <url>', 'address of the server as the client reaches it')
    .option('--model <name>', 'model in the example', 'gpt-5.5')
    .option('--http', 'codex: without WebSockets, for networks that let none through')
    .option('--write', "put it into Codex's own configuration, of which a copy is kept")
    .option('--undo', "take it out of Codex's configuration again")
    .action((kind: SnippetKind, options: SnippetOptions & { write?: true; undo?: true }) =>
      act(async () => (await import('./snippet-verb.ts')).snippetVerb(context, kind, options)),
    );
}

function addDatabase(program: Command, context: CommandContext, act: Act): void {
  const db = program.command('db').description('the database and its copies');
  const load = () => import('./db.ts');
  db.command('backup')
    .description('copy the database, also while a server runs')
    .argument('[file]', 'default: a new file in the folder backups of the data directory')
    .action((file?: string) => act(async () => (await load()).makeBackup(context, file)));
  db.command('restore')
    .description('put a copy in the place of the database; the present one is kept beside it')
    .argument('<file>')
    .action((file: string) => act(async () => (await load()).restoreBackup(context, file)));
  db.command('check')
    .description('look through the database, or a copy, and whether the secret key opens it')
    .argument('[file]', 'default: the database in the data directory')
    .action((file?: string) => act(async () => (await load()).checkBackup(context, file)));
}

function explain(context: CommandContext, error: unknown): ExitCode {
  if (error instanceof ExitError) {
    context.note(error.message);
    return error.exitCode;
  }
  // Commander has printed its own message, and counts help that was asked for as no failure.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  context.note(error instanceof Error ? (error.stack ?? error.message) : String(error));
  return 1;
}

function wholeNumber(text: string): number {
  if (!/^-?\d+$/.test(text)) throw new InvalidArgumentError('It is not a whole number.');
  return Number(text);
}

function unixSeconds(text: string): number {
  const at = Date.parse(text);
  if (Number.isNaN(at)) throw new InvalidArgumentError('It is not a date such as 2030-01-31.');
  return Math.floor(at / 1000);
}

function commaList(text: string): string[] {
  return text.split(',').map((entry) => entry.trim());
}
