/** The verbs under `accounts`: who may serve. Knows the admin API, not the pool behind it. */
import { readLogin } from '../accounts/import.ts';
import type { AccountChangesWire, AccountTransport, NewAccountWire } from '../admin-api/account.ts';
import { ExitError } from '../server/exit-error.ts';
import { type Account, accountSchema, check, fetchList, pick } from './answers.ts';
import type { CommandContext } from './context.ts';
import { codexLoginPath, type LoginFile, readLoginFiles } from './login-files.ts';
import { moment, table } from './table.ts';

export interface AddOptions {
  readonly name: string;
  readonly key?: string;
  readonly baseUrl?: string;
  readonly priority?: number;
  readonly transport?: AccountTransport;
  readonly proxy?: string;
}

/** Adds an API key. Without `--key` it is asked for, because a command line is seen by every process. */
export async function addAccount(context: CommandContext, options: AddOptions): Promise<void> {
  const key = options.key ?? (await context.askSecret(`API key for ${options.name} (not shown): `));
  if (key === '') throw new ExitError('No API key was given: type it, pipe it in, or use --key.', 2);
  const { name, baseUrl: base_url, priority, transport, proxy } = options;
  await sendAccount(context, { kind: 'api_key', name, api_key: key, base_url, priority, transport, proxy });
}

async function sendAccount(context: CommandContext, account: NewAccountWire): Promise<void> {
  announce(context, check(accountSchema, await context.admin.request('POST', '/api/accounts', account)));
}

/** Imports login files; one that cannot be used is named with the reason and does not stop the others. */
export async function importAccounts(context: CommandContext, paths: readonly string[]): Promise<0 | 1> {
  const from = paths.length > 0 ? paths : [codexLoginPath(context.env)];
  const files = (await Promise.all(from.map((path) => readLoginFiles(path, context.readInput)))).flat();
  const kinds: ImportKind[] = [];
  for (const file of files) kinds.push(await importFile(context, file));
  if (kinds.includes('chatgpt')) {
    context.note(
      'From now on respool renews these logins. Do not use them elsewhere any more: a token that two programs ' +
        'renew ends the login for both. Sign in again there ("codex login"), or delete their files.',
    );
  }
  return kinds.includes('refused') ? 1 : 0;
}

type ImportKind = 'chatgpt' | 'api_key' | 'refused';

async function importFile(context: CommandContext, file: LoginFile): Promise<ImportKind> {
  const read = readLogin(file.json);
  if (!read.ok) {
    context.note(`${file.name}: ${read.reason}`);
    return 'refused';
  }
  const entries: readonly unknown[] = Array.isArray(file.json) ? file.json : [file.json];
  try {
    for (const [i, login] of read.logins.entries()) {
      const account: NewAccountWire =
        login.kind === 'api_key'
          ? { kind: 'api_key', name: file.name.replace(/\.json$/, ''), api_key: login.key }
          : { kind: 'chatgpt', auth_json: entries[i] };
      await sendAccount(context, account);
    }
  } catch (error) {
    if (!(error instanceof ExitError)) throw error;
    context.note(`${file.name}: ${error.message}`);
    return 'refused';
  }
  return read.logins.some((login) => login.kind === 'chatgpt') ? 'chatgpt' : 'api_key';
}

export async function listAccounts(
  context: CommandContext,
  options: { readonly json?: boolean },
): Promise<void> {
  const accounts = await fetchList(context.admin, '/api/accounts', accountSchema);
  if (options.json) return context.print(JSON.stringify({ data: accounts }, undefined, 2));
  if (accounts.length === 0) {
    return context.note('No account yet: "respool accounts add --name NAME" or "respool accounts import".');
  }
  context.print(
    table(accounts, {
      ID: (account) => account.id,
      NAME: (account) => account.name,
      KIND: (account) => account.kind,
      PLAN: (account) => account.plan,
      STATUS: (account) => account.status,
      'AVAILABLE AT': (account) => moment(account.available_at),
      PRIORITY: (account) => account.priority,
      USED: usedOf,
      TURNS: (account) => account.active_turns,
      REASON: (account) => account.status_reason,
    }),
  );
}

export async function setPaused(
  context: CommandContext,
  wanted: string,
  state: 'paused' | 'running',
): Promise<void> {
  const account = await findAccount(context, wanted);
  const changes: AccountChangesWire = { paused: state === 'paused' };
  const answer = await context.admin.request('PATCH', pathOf(account), changes);
  announce(context, check(accountSchema, answer));
}

export async function removeAccount(context: CommandContext, wanted: string): Promise<void> {
  const account = await findAccount(context, wanted);
  await context.admin.request('DELETE', pathOf(account));
  context.print(`${account.name} (${account.id}) is removed.`);
}

/** Asks upstream what is left and frees the account of blocks that the answer does not confirm. */
export async function probeAccount(context: CommandContext, wanted: string): Promise<void> {
  const account = await findAccount(context, wanted);
  announce(context, check(accountSchema, await context.admin.request('POST', `${pathOf(account)}/probe`)));
}

export async function findAccount(context: CommandContext, wanted: string): Promise<Account> {
  return pick(await fetchList(context.admin, '/api/accounts', accountSchema), wanted, 'account');
}

export function announce(context: CommandContext, account: Account): void {
  const reason = account.status_reason ? ` (${account.status_reason})` : '';
  const plan = account.plan ? ` Plan: ${account.plan}.` : '';
  const used = usedOf(account) === '' ? '' : ` Used: ${usedOf(account)}.`;
  const known = plan + used;
  context.print(`${account.name} (${account.id}) is ${account.status}${reason}.${known}`);
}

function usedOf(account: Account): string {
  return (account.windows ?? []).map((used) => `${used.name} ${Math.round(used.used_percent)}%`).join(', ');
}

const pathOf = (account: Account) => `/api/accounts/${encodeURIComponent(account.id)}`;
