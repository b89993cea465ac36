/**
 * Accounts over the admin API: who may serve, and how an operator changes that.
 */
import type { FastifyInstance, FastifyReply } from 'fastify';
import { maskedProxy } from '../../accounts/account.ts';
import { readAccountInput, readChanges } from '../../accounts/account-input.ts';
import type { AccountWire } from '../../admin-api/account.ts';
import type { ListWire } from '../../admin-api/answer.ts';
import type { AccountId } from '../../domain/ids.ts';
import { refusal } from '../../protocol/refusal.ts';
import { sendRefusal } from '../answer.ts';
import type { Dependencies } from '../dependencies.ts';

type ById = { Params: { id: string } };

export function accountRoutes(app: FastifyInstance, { pool, quotaMonitor, store }: Dependencies): void {
  app.get('/api/accounts', async (): Promise<ListWire<AccountWire>> => {
    return { data: pool.rows().map((row) => pool.show(row)) };
  });

  app.post('/api/accounts', async (request, reply) => {
    const input = readAccountInput(request.body);
    if (!input.ok) return refuse(reply, input.reason);
    const saved = await Promise.all(input.drafts.map((draft) => store.accounts.upsert(draft)));
    const created = saved.some((one) => one.outcome === 'created');
    // Bounded in time: a person sees the plan and what is left at once, or the account as it is known.
    const probed = await Promise.all(saved.map((one) => quotaMonitor.probe(one.row.id)));
    const shown = saved.map((one, at) => pool.show(probed[at] ?? one.row));
    const several: ListWire<AccountWire> = { data: shown };
    return reply.code(created ? 201 : 200).send(shown.length === 1 ? shown[0] : several);
  });

  app.patch<ById>('/api/accounts/:id', async (request, reply) => {
    const read = readChanges(request.body);
    if (!read.ok) return refuse(reply, read.reason);
    const id = request.params.id as AccountId;
    const { proxy, ...changes } = read.changes;
    // What was shown comes back unchanged when somebody edits another member.
    const same = proxy !== undefined && proxy === maskedProxy(pool.get(id)?.proxy);
    const row = await pool.patch(id, same ? changes : read.changes);
    return row === undefined ? unknown(reply) : pool.show(row);
  });

  app.delete<ById>('/api/accounts/:id', async (request, reply) => {
    const outcome = await pool.remove(request.params.id as AccountId);
    return outcome === 'unknown' ? unknown(reply) : reply.code(204).send();
  });

  app.post<ById>('/api/accounts/:id/probe', async (request, reply) => {
    const row = await quotaMonitor.probe(request.params.id as AccountId);
    return row === undefined ? unknown(reply) : pool.show(row);
  });
}

function unknown(reply: FastifyReply): FastifyReply {
  return sendRefusal(reply, refusal(404, 'account_not_found', 'There is no such account.'));
}

function refuse(reply: FastifyReply, reason: string): FastifyReply {
  return sendRefusal(reply, refusal(400, 'invalid_value', reason));
}
