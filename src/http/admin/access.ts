/**
 * Who may use the admin API: the bearer of the admin token, or a browser that has signed in with it. Guessing is
 * slow: an address that was wrong a few times is not heard for a minute, not even with the right token.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type Refusal, refusal } from '../../protocol/refusal.ts';
import { AdminSessions, type Login } from './admin-sessions.ts';

export const LOGIN_COOKIE = 'respool_session';
const WRONG_GUESSES = 10;
const GUESSES_FORGOTTEN_MS = 60_000;

export class AdminAccess {
  readonly logins = new AdminSessions();
  readonly #token: Buffer;
  readonly #guesses: ReturnType<FastifyInstance['createRateLimit']>;

  /** `app` has the plugin that counts. */
  constructor(app: FastifyInstance, token: string) {
    this.#token = digest(token);
    this.#guesses = app.createRateLimit({ max: WRONG_GUESSES, timeWindow: GUESSES_FORGOTTEN_MS });
  }

  async refuse(request: FastifyRequest): Promise<Refusal | undefined> {
    const { authorization } = request.headers;
    if (authorization === undefined && this.loginOf(request) !== undefined) return refuseForeignPage(request);
    const given = /^Bearer\s+(\S+)$/i.exec(authorization ?? '')?.[1];
    return given === undefined ? noToken() : this.refuseToken(request, given);
  }

  async refuseToken(request: FastifyRequest, given: string): Promise<Refusal | undefined> {
    const guesses = await this.#guesses(request, { increment: false });
    if (!guesses.isAllowed && guesses.remaining === 0) return tooManyGuesses(guesses.ttlInSeconds);
    if (timingSafeEqual(digest(given), this.#token)) return undefined;
    await this.#guesses(request);
    return wrongToken();
  }

  loginOf(request: FastifyRequest): Login | undefined {
    return this.logins.find(request.cookies[LOGIN_COOKIE]);
  }
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

const READS: ReadonlySet<string> = new Set(['GET', 'HEAD']);

/** A cookie comes along with whatever a page makes the browser send, so the page has to be one of ours. */
function refuseForeignPage(request: FastifyRequest): Refusal | undefined {
  if (READS.has(request.method)) return undefined;
  const { origin, host, 'sec-fetch-site': site } = request.headers;
  const same = origin !== undefined && URL.canParse(origin) && new URL(origin).host === host;
  if (same || site === 'same-origin') return undefined;
  return refusal(403, 'origin_not_allowed', 'With a cookie, only pages of this server may change anything.');
}

function noToken(): Refusal {
  return refusal(
    401,
    'invalid_admin_token',
    "Send 'Authorization: Bearer <admin token>'; the token is in the file admin-token of the data directory.",
  );
}

function wrongToken(): Refusal {
  return refusal(
    401,
    'invalid_admin_token',
    'This is not the admin token; it is in the file admin-token of the data directory.',
  );
}

function tooManyGuesses(seconds: number): Refusal {
  const message = `Too many wrong tokens came from this address. Try again in ${Math.max(seconds, 1)} s.`;
  return refusal(429, 'too_many_attempts', message, {
    headers: { 'retry-after': `${Math.max(seconds, 1)}` },
  });
}
