/** `accounts login`: leads a person through a sign-in that the server carries out. */
import * as z from 'zod';
import type { LoginCallbackWire, LoginStartWire, LoginWire } from '../admin-api/login.ts';
import { ExitError } from '../server/exit-error.ts';
import { announce, findAccount } from './accounts.ts';
import { check, partOf } from './answers.ts';
import type { CommandContext } from './context.ts';
import { moment } from './table.ts';

const LOOK_EVERY_MS = 1000;

const loginSchema = partOf<LoginWire>()({
  id: z.string(),
  url: z.string(),
  user_code: z.string().nullish(),
  expires_at: z.number(),
  status: z.enum(['pending', 'complete', 'failed']),
  account_id: z.string().nullish(),
  error: z.string().nullish(),
});
type Login = z.infer<typeof loginSchema>;

export async function loginAccount(
  context: CommandContext,
  options: { readonly browser?: boolean },
): Promise<void> {
  const begin: LoginStartWire = { method: options.browser ? 'browser' : 'device' };
  const login = check(loginSchema, await context.admin.request('POST', '/api/logins', begin));
  const until = moment(login.expires_at);
  if (options.browser) {
    context.print(`Open this address and sign in, until ${until}:\n\n  ${login.url}\n`);
    context.print('If the browser then shows an error page, paste its whole address here and press Enter.');
  } else {
    context.print(
      `Open ${login.url} on any device and enter the code, until ${until}:\n\n  ${login.user_code}\n`,
    );
  }
  const stop = new AbortController();
  const pasting = options.browser ? paste(context, login, stop.signal) : undefined;
  try {
    await showEnd(context, await awaitEnd(context, login));
  } finally {
    stop.abort();
    await pasting;
  }
}

async function awaitEnd(context: CommandContext, begun: Login): Promise<Login> {
  let login = begun;
  while (login.status === 'pending') {
    if ((await context.pause(LOOK_EVERY_MS)) === 'stop')
      throw new ExitError('Interrupted; the login was not finished.');
    login = check(loginSchema, await context.admin.request('GET', `/api/logins/${begun.id}`));
  }
  return login;
}

/** A wrong address is no end: the person may paste again. */
async function paste(context: CommandContext, login: Login, signal: AbortSignal): Promise<void> {
  for await (const line of context.readLines(signal)) {
    if (line.trim() === '') continue;
    try {
      const back: LoginCallbackWire = { url: line.trim() };
      await context.admin.request('POST', `/api/logins/${login.id}/callback`, back);
      return;
    } catch (error) {
      if (!(error instanceof ExitError)) throw error;
      context.note(error.message);
    }
  }
}

async function showEnd(context: CommandContext, login: Login): Promise<void> {
  if (login.status !== 'complete' || !login.account_id) {
    throw new ExitError(
      `The login has failed (${login.error ?? 'no reason given'}). Run this command again.`,
    );
  }
  announce(context, await findAccount(context, login.account_id));
}
