/**
 * Signing in to the dashboard and out of it. The browser keeps a cookie that scripts cannot read.
 */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { SignedInWire } from '../../admin-api/answer.ts';
import { refusal } from '../../protocol/refusal.ts';
import { sendRefusal } from '../answer.ts';
import { type AdminAccess, LOGIN_COOKIE } from './access.ts';
import { LOGIN_LIFETIME_MS } from './admin-sessions.ts';

const schema = z.object({ token: z.string().min(1) });

export function loginRoutes(app: FastifyInstance, access: AdminAccess): void {
  /** Asked before anything else, and not an error for somebody who is not signed in. */
  app.get('/api/login', async (request): Promise<SignedInWire> => {
    return { signed_in: access.loginOf(request) !== undefined };
  });

  app.post('/api/login', async (request, reply) => {
    const parsed = schema.safeParse(request.body);
    if (!parsed.success) {
      return sendRefusal(reply, refusal(400, 'invalid_value', 'token: the admin token is missing.'));
    }
    const refused = await access.refuseToken(request, parsed.data.token.trim());
    if (refused !== undefined) return sendRefusal(reply, refused);
    reply.setCookie(LOGIN_COOKIE, access.logins.open(), {
      path: '/',
      httpOnly: true,
      sameSite: 'strict',
      secure: request.protocol === 'https',
      maxAge: LOGIN_LIFETIME_MS / 1000,
    });
    return reply.send({ signed_in: true } satisfies SignedInWire);
  });
}

/** Behind the same guard as the rest of the admin API. */
export function logoutRoute(app: FastifyInstance, access: AdminAccess): void {
  app.delete('/api/login', async (request, reply) => {
    const name = request.cookies[LOGIN_COOKIE];
    if (name !== undefined) access.logins.close(name);
    return reply.clearCookie(LOGIN_COOKIE, { path: '/' }).code(204).send();
  });
}
