/** `accounts login`: leads a person through a sign-in that the server carries out. */
import * as z from 'zod';
import type { LoginCallbackWire, LoginStartWire, LoginWire } from '../admin-api/login.ts';
import { Stop } from '../server/exit-error.ts';
import { announce, findAccount } from './accounts.ts';
import { check, partOf } from './answers.ts';
import type { Desk } from './desk.ts';
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

export async function loginAccount(desk: Desk, options: { readonly browser?: boolean }): Promise<void> {
  const begin: LoginStartWire = { method: options.browser ? 'browser' : 'device' };
  const login = check(loginSchema, await desk.admin.request('POST', '/api/logins', begin));
  const until = moment(login.expires_at);
  if (options.browser) {
    desk.print(`Open this address and sign in, until ${until}:\n\n  ${login.url}\n`);
    desk.print('If the browser then shows an error page, paste its whole address here and press Enter.');
  } else {
    desk.print(
      `Open ${login.url} on any device and enter the code, until ${until}:\n\n  ${login.user_code}\n`,
    );
  }
  const stop = new AbortController();
  const pasting = options.browser ? paste(desk, login, stop.signal) : undefined;
  try {
    await showEnd(desk, await awaitEnd(desk, login));
  } finally {
    stop.abort();
    await pasting;
  }
}

async function awaitEnd(desk: Desk, begun: Login): Promise<Login> {
  let login = begun;
  while (login.status === 'pending') {
    if ((await desk.pause(LOOK_EVERY_MS)) === 'stop')
      throw new Stop('Interrupted; the login was not finished.');
    login = check(loginSchema, await desk.admin.request('GET', `/api/logins/${begun.id}`));
  }
  return login;
}

/** A wrong address is no end: the person may paste again. */
async function paste(desk: Desk, login: Login, signal: AbortSignal): Promise<void> {
  for await (const line of desk.readLines(signal)) {
    if (line.trim() === '') continue;
    try {
      const back: LoginCallbackWire = { url: line.trim() };
      await desk.admin.request('POST', `/api/logins/${login.id}/callback`, back);
      return;
    } catch (error) {
      if (!(error instanceof Stop)) throw error;
      desk.note(error.message);
    }
  }
}

async function showEnd(desk: Desk, login: Login): Promise<void> {
  if (login.status !== 'complete' || !login.account_id) {
    throw new Stop(`The login has failed (${login.error ?? 'no reason given'}). Run this command again.`);
  }
  announce(desk, await findAccount(desk, login.account_id));
}
