/**
 * Failures that this server finds by itself. They never take the form of an upstream's answer: what upstream says is
 * matched by patterns, and a word of our own must not match one of them by chance.
 */
import type { OwnCode } from '../admin-api/codes.ts';
import type { Failure, FailureClass } from './failure.ts';

export type LocalFailure = Extract<
  FailureClass,
  | 'internal'
  | 'account_removed'
  | 'history_missing'
  | 'session_released'
  | 'shutting_down'
  | 'refresh_late'
  | 'refresh_unavailable'
  | 'auth_permanent'
>;

interface Words {
  readonly code: OwnCode;
  readonly message: string;
}

const WORDS: Readonly<Record<LocalFailure, Words>> = {
  internal: {
    code: 'internal_error',
    message: 'Something went wrong in respool itself; the log has the reason.',
  },
  account_removed: { code: 'account_removed', message: 'The account was removed.' },
  history_missing: {
    code: 'history_missing',
    message: 'The history of this conversation is not kept, and this account does not know it.',
  },
  session_released: { code: 'session_released', message: 'The session was released.' },
  shutting_down: { code: 'server_shutting_down', message: 'The server is shutting down.' },
  refresh_late: {
    code: 'token_refresh_late',
    message: 'The login of the account was refreshed too late for this turn.',
  },
  refresh_unavailable: {
    code: 'token_refresh_unavailable',
    message: 'The login cannot be refreshed at the moment.',
  },
  auth_permanent: { code: 'login_ended', message: 'The login has ended.' },
};

/** `more`: what is known beyond the class, such as the login service's own code. */
export function localFailure(
  kind: LocalFailure,
  more: Partial<Pick<Failure, 'code' | 'resetAt'>> = {},
): Failure {
  return { class: kind, via: 'local', ...WORDS[kind], ...more };
}
