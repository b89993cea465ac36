/** The verbs under `sessions`: conversations that the running server holds. */
import { fetchList, sessionSchema } from './answers.ts';
import type { Desk } from './desk.ts';
import { moment, table } from './table.ts';

export async function listSessions(desk: Desk, options: { readonly json?: boolean }): Promise<void> {
  const sessions = await fetchList(desk.admin, '/api/sessions', sessionSchema);
  if (options.json) return desk.print(JSON.stringify({ data: sessions }, undefined, 2));
  if (sessions.length === 0) return desk.note('No session is held at the moment.');
  desk.print(
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
export async function releaseSession(desk: Desk, id: string): Promise<void> {
  await desk.admin.request('DELETE', `/api/sessions/${encodeURIComponent(id)}`);
  desk.print(`${id} is released.`);
}
