/**
 * What a Codex client asks beside its turns: the limits, shown for the pool as if it were one account, and where
 * its workspace lives.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { poolWindows, usageBody } from '../../accounts/quota.ts';
import { refusal } from '../../protocol/refusal.ts';
import { sendRefusal } from '../answer.ts';
import type { Dependencies } from '../dependencies.ts';
import type { CallerOf } from './caller.ts';

export function codexRoutes(app: FastifyInstance, dependencies: Dependencies, callerOf: CallerOf): void {
  for (const path of ['/api/codex/usage', '/backend-api/wham/usage']) {
    app.get(path, async (request) => {
      const now = Date.now();
      const { allowed } = callerOf(request);
      const plan = dependencies.quotaMonitor.plan(allowed);
      const accountId = String(request.headers['chatgpt-account-id'] ?? 'respool');
      return usageBody(
        poolWindows(dependencies.quotaMonitor.windows(allowed), now),
        { accountId, plan },
        now,
      );
    });
  }
  for (const path of ['/api/codex/accounts/check', '/backend-api/wham/accounts/check']) {
    app.get(path, async (request, reply) => checkAccount(request, reply));
  }
  for (const [name, body] of NOTHING_TO_SAY) {
    for (const root of ['/api/codex', '/backend-api/wham']) app.get(`${root}/${name}`, async () => body);
  }
}

/** What Codex asks about its user in passing, and notes as an error in its log when it is not answered. */
const NOTHING_TO_SAY: readonly (readonly [name: string, body: object])[] = [
  ['settings/user', {}],
  ['security-setup', { notice: null }],
  ['rate-limit-reset-credits', { credits: [], available_count: 0, total_earned_count: 0 }],
];

/**
 * Codex with a ChatGPT login asks where to send its turns before it sends any. Over plain HTTP it takes no answer
 * but `https://chatgpt.com`, and if that answer comes from the very address it sends its turns to, it goes past this
 * server, with its user's token. It stays only where the two addresses are written differently.
 */
function checkAccount(request: FastifyRequest, reply: FastifyReply): unknown {
  const id = String(request.headers['chatgpt-account-id'] ?? 'respool');
  const encrypted = request.protocol === 'https';
  const name = request.hostname.split(':')[0];
  if (!encrypted && name !== 'localhost') {
    const message =
      'Over plain HTTP set chatgpt_base_url = "http://localhost:<port>/backend-api" and openai_base_url = "http://127.0.0.1:<port>/backend-api/codex" in ~/.codex/config.toml: with one and the same host, Codex would send its turns past this server.';
    return sendRefusal(reply, refusal(503, 'account_check_needs_localhost', message));
  }
  const origin = encrypted ? 'NO_CONSTRAINT' : 'https://chatgpt.com';
  return { accounts: [{ id, workspace_backend_origin: origin, account_routing_override: 'NO_CONSTRAINT' }] };
}
