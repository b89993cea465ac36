/**
 * The admin API: what an operator and the command line do to a running server.
 */
import cookie from '@fastify/cookie';
import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { z } from 'zod';
import type { AccountStatus } from '../../admin-api/account.ts';
import type { ListWire } from '../../admin-api/answer.ts';
import type { KeyWire, NewKeyWire } from '../../admin-api/key.ts';
import type { RequestDetailWire, RequestWire } from '../../admin-api/request.ts';
import type { SessionWire } from '../../admin-api/session.ts';
import type { BackupWire, StatusWire } from '../../admin-api/status.ts';
import type { SessionId, Tenant } from '../../domain/ids.ts';
import { refusal } from '../../protocol/refusal.ts';
import { requestToWire } from '../../store/request-row.ts';
import { sendRefusal } from '../answer.ts';
import { refuseAddress } from '../api/caller.ts';
import type { Dependencies } from '../dependencies.ts';
import { AdminAccess } from './access.ts';
import { accountRoutes } from './accounts.ts';
import { eventRoutes } from './events.ts';
import { keyToWire, readKeyDraft } from './keys.ts';
import { metricsRoute } from './metrics.ts';
import { accountLoginRoutes } from './oauth-logins.ts';
import { sessionToWire } from './sessions.ts';
import { settingsRoutes } from './settings.ts';
import { loginRoutes, logoutRoute } from './sign-in.ts';
import { usageRoutes } from './usage.ts';

type ById = { Params: { id: string } };

export async function adminRoutes(app: FastifyInstance, dependencies: Dependencies): Promise<void> {
  await app.register(cookie);
  await app.register(rateLimit, { global: false });
  const access = new AdminAccess(app, dependencies.adminToken);
  app.addHook('onRequest', async (request, reply) => {
    const refused = refuseAddress(request, dependencies.config);
    return refused === undefined ? undefined : sendRefusal(reply, refused);
  });
  loginRoutes(app, access);
  metricsRoute(app, dependencies, access);
  await app.register(async (guarded) => guardedRoutes(guarded, dependencies, access));
}

function guardedRoutes(app: FastifyInstance, dependencies: Dependencies, access: AdminAccess): void {
  app.addHook('onRequest', async (request, reply) => {
    const refused = await access.refuse(request);
    return refused === undefined ? undefined : sendRefusal(reply, refused);
  });
  logoutRoute(app, access);
  eventRoutes(app, dependencies, access);
  usageRoutes(app, dependencies);
  accountRoutes(app, dependencies);
  accountLoginRoutes(app, dependencies);
  keyRoutes(app, dependencies);
  sessionRoutes(app, dependencies);
  requestRoutes(app, dependencies);
  settingsRoutes(app, dependencies);
}

function unknown(reply: FastifyReply, what: string): FastifyReply {
  return sendRefusal(reply, refusal(404, `${what}_not_found`, `There is no such ${what}.`));
}

function bad(reply: FastifyReply, reason: string): FastifyReply {
  return sendRefusal(reply, refusal(400, 'invalid_value', reason));
}

function keyRoutes(app: FastifyInstance, { store, keyLimiter }: Dependencies): void {
  app.get('/api/keys', async (): Promise<ListWire<KeyWire>> => {
    return { data: store.keys.list().map((key) => keyToWire(key, keyLimiter)) };
  });

  app.post('/api/keys', async (request, reply) => {
    const read = readKeyDraft(request.body, 'new');
    if (!read.ok) return bad(reply, read.reason);
    const { key, text } = await store.keys.create(read.draft);
    return reply.code(201).send({ ...keyToWire(key, keyLimiter), key: text } satisfies NewKeyWire);
  });

  app.patch<ById>('/api/keys/:id', async (request, reply) => {
    const read = readKeyDraft(request.body, 'change');
    if (!read.ok) return bad(reply, read.reason);
    const key = await store.keys.patch(request.params.id as Tenant, read.draft);
    return key === undefined ? unknown(reply, 'key') : keyToWire(key, keyLimiter);
  });

  app.delete<ById>('/api/keys/:id', async (request, reply) => {
    const key = await store.keys.revoke(request.params.id as Tenant);
    return key === undefined ? unknown(reply, 'key') : reply.code(204).send();
  });
}

function sessionRoutes(app: FastifyInstance, { sessions }: Dependencies): void {
  app.get('/api/sessions', async (): Promise<ListWire<SessionWire>> => {
    return { data: sessions.all().toReversed().map(sessionToWire) };
  });

  app.delete<ById>('/api/sessions/:id', async (request, reply) => {
    const session = sessions.get(request.params.id as SessionId);
    if (session === undefined) return unknown(reply, 'session');
    sessions.release(session);
    return reply.code(204).send();
  });
}

const listSchema = z.object({
  limit: z.coerce.number().int().min(1).max(1000).optional(),
  before: z.string().optional(),
  session: z.string().optional(),
  account: z.string().optional(),
  status: z.string().optional(),
  key: z.string().optional(),
});

function requestRoutes(
  app: FastifyInstance,
  { store, pool, sessions, bridge, version, config }: Dependencies,
): void {
  app.get('/api/requests', async (request, reply) => {
    const filter = listSchema.safeParse(request.query);
    if (!filter.success) return bad(reply, "'limit' is a whole number from 1 to 1000.");
    return { data: store.requests.list(filter.data).map(requestToWire) } satisfies ListWire<RequestWire>;
  });

  app.get<ById>('/api/requests/:id', async (request, reply) => {
    const row = store.requests.get(request.params.id);
    if (row === undefined) return unknown(reply, 'request');
    const { tenant, responseId } = row;
    const history = responseId && store.transcripts.historyOf(tenant, responseId);
    return { ...requestToWire(row), history: history ?? null } satisfies RequestDetailWire;
  });

  app.post('/api/backup', async (): Promise<BackupWire> => store.backUp());

  app.get('/api/status', async (): Promise<StatusWire> => {
    const accounts = pool.rows().map((row) => pool.show(row).status);
    const count = (status: AccountStatus): number => accounts.filter((one) => one === status).length;
    return {
      version,
      uptime_seconds: Math.floor(process.uptime()),
      data_dir: config.dataDir,
      pool: { accounts: accounts.length, ready: count('ready'), exhausted: count('exhausted') },
      active_turns: bridge.activeTurns,
      sessions: sessions.all().length,
      writer: { queue: store.writer.pending, dropped: store.writer.dropped },
    };
  });
}
