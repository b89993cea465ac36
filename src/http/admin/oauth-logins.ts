/**
 * Signing in to ChatGPT accounts over the admin API.
 */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { CallbackOutcome, Login } from '../../accounts/oauth-logins.ts';
import type { LoginCallbackWire, LoginStartWire, LoginWire } from '../../admin-api/login.ts';
import { type Refusal, refusal } from '../../protocol/refusal.ts';
import { sendRefusal } from '../answer.ts';
import type { Dependencies } from '../dependencies.ts';

type ById = { Params: { id: string } };

const startSchema = z.strictObject({ method: z.enum(['device', 'browser']) }) satisfies z.ZodType<
  unknown,
  LoginStartWire
>;
const callbackSchema = z.strictObject({ url: z.url({ protocol: /^https?$/ }) }) satisfies z.ZodType<
  unknown,
  LoginCallbackWire
>;

export function accountLoginRoutes(app: FastifyInstance, { logins }: Dependencies): void {
  app.post('/api/logins', async (request, reply) => {
    const asked = startSchema.safeParse(request.body);
    if (!asked.success) {
      return sendRefusal(reply, refusal(400, 'invalid_value', "'method' is 'device' or 'browser'."));
    }
    const login = asked.data.method === 'device' ? await logins.startDevice() : await logins.startBrowser();
    if ('failed' in login) {
      const message = `The login could not be started: ${login.failed}. Try again, or use the other method.`;
      return sendRefusal(reply, refusal(502, 'login_unavailable', message));
    }
    return reply.code(201).send(loginToWire(login));
  });

  app.get<ById>('/api/logins/:id', async (request, reply) => {
    const login = logins.get(request.params.id);
    return login === undefined ? sendRefusal(reply, unknownLogin()) : loginToWire(login);
  });

  app.post<ById>('/api/logins/:id/callback', async (request, reply) => {
    const login = logins.get(request.params.id);
    if (login === undefined) return sendRefusal(reply, unknownLogin());
    const given = callbackSchema.safeParse(request.body);
    const url = given.success ? URL.parse(given.data.url) : null;
    if (url === null) return sendRefusal(reply, REFUSED.not_a_callback);
    const outcome = await logins.callback(login.id, url);
    return outcome === 'accepted' ? loginToWire(login) : sendRefusal(reply, REFUSED[outcome]);
  });
}

function loginToWire({ id, method, url, userCode, expiresAt, state }: Login): LoginWire {
  return {
    id,
    method,
    url,
    ...(userCode === undefined ? {} : { user_code: userCode }),
    expires_at: Math.floor(expiresAt / 1000),
    status: state.status,
    ...(state.status === 'complete' ? { account_id: state.accountId } : {}),
    ...(state.status === 'failed' ? { error: state.error } : {}),
  };
}

function unknownLogin(): Refusal {
  return refusal(404, 'login_not_found', 'There is no such login, or it is long over: start a new one.');
}

const REFUSED: Readonly<Record<Exclude<CallbackOutcome, 'accepted'>, Refusal>> = {
  unknown_login: refusal(400, 'not_a_browser_login', 'Only a browser login takes a callback.'),
  wrong_state: refusal(
    400,
    'state_mismatch',
    'This address belongs to another login; this one goes on waiting.',
  ),
  already_used: refusal(
    409,
    'login_already_used',
    'The callback of this login has been used: start a new one.',
  ),
  not_a_callback: refusal(
    400,
    'invalid_value',
    "'url' is the whole address that the browser ended at: http://localhost:1455/auth/callback?code=…&state=…",
  ),
};
