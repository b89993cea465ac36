/**
 * Who is signed in to the dashboard: random names of sessions, held in memory, so that signing out and a restart
 * end them. The admin token itself is never kept in a browser.
 */
import { createHash, randomBytes } from 'node:crypto';

export const LOGIN_LIFETIME_MS = 7 * 24 * 3_600_000;
/** Whoever signs in more often than this loses the oldest sign-in. */
const MAX_LOGINS = 200;

export interface Login {
  readonly endsAt: number;
  /** Aborts when the user signs out. */
  readonly ended: AbortSignal;
}

export class AdminSessions {
  readonly #logins = new Map<string, Login & { readonly end: AbortController }>();
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** Returns what the browser keeps; only a hash of it is kept here. */
  open(): string {
    const name = randomBytes(32).toString('base64url');
    const end = new AbortController();
    this.#logins.set(hash(name), { endsAt: this.#now() + LOGIN_LIFETIME_MS, ended: end.signal, end });
    const [oldest] = this.#logins.keys();
    if (this.#logins.size > MAX_LOGINS && oldest !== undefined) this.#end(oldest);
    return name;
  }

  find(name: string | undefined): Login | undefined {
    const login = name === undefined ? undefined : this.#logins.get(hash(name));
    if (name === undefined || login === undefined) return undefined;
    if (login.endsAt > this.#now()) return login;
    this.close(name);
    return undefined;
  }

  close(name: string): void {
    this.#end(hash(name));
  }

  #end(hashed: string): void {
    const login = this.#logins.get(hashed);
    this.#logins.delete(hashed);
    login?.end.abort();
  }
}

function hash(name: string): string {
  return createHash('sha256').update(name).digest('base64');
}
