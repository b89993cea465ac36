/** The verbs under `sessions`: conversations that the running server holds. */
import { fetchList, sessionSchema } from './answers.ts';
import type { CommandContext } from './context.ts';
import { moment, table } from './table.ts';

export async function listSessions(
  context: CommandContext,
  options: { readonly json?: boolean },
): Promise<void> {
  const sessions = await fetchList(context.admin, '/api/sessions', sessionSchema);
  if (options.json) return context.print(JSON.stringify({ data: sessions }, undefined, 2));
  if (sessions.length === 0) return context.note('No session is held at the moment.');
  context.print(
    table(sessions, {
      ID: (session) => session.id,
      TENANT: (session) => session.tenant,
      'KNOWN BY': (session) => session.key_kind,
      ACCOUNT: (session) => session.account_id,
      SOCKET: (session) => session.socket,
      TURNS: (session) => session.turns,
      SWITCHES: (session) => session.switches?.length,
      'LAST TURN': (session) => moment(session.last_turn_at),
    }),
  );
}

/** Closes the session's upstream socket and forgets its account; the conversation can go on. */
export async function releaseSession(context: CommandContext, id: string): Promise<void> {
  await context.admin.request('DELETE', `/api/sessions/${encodeURIComponent(id)}`);
  context.print(`${id} is released.`);
}
