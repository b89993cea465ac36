/**
 * What all parts of one running simulator share: its accounts, ledger, journal and limits. Finds the account
 * that a request speaks for. Knows nothing of turns.
 */
import type { IncomingMessage } from 'node:http';
import type { AccountState } from './account-state.ts';
import type { BackgroundRun } from './background.ts';
import type { Refusal } from './dialect-openai.ts';
import { detail, invalidApiKey, tokenExpired } from './errors.ts';
import type { Journal } from './journal.ts';
import type { Ledger } from './ledger.ts';
import type { Dialect } from './script.ts';
import type { ErrorAnswer, Headers } from './wire.ts';

/**
 * How a call of the login service fails. `lost`: it was carried out and its answer never comes; `hang_up`: the
 * connection ends before; `hang`: it stays open, and nothing comes.
 */
export type LoginTrouble = ErrorAnswer | 'lost' | 'hang_up' | 'hang';

export interface World {
  readonly accounts: Map<string, AccountState>;
  readonly ledger: Ledger;
  readonly journal: Journal;
  readonly connectionLifetimeMs: number | undefined;
  readonly maxFrameBytes: number;
  /** Numbers the sockets over all accounts. */
  socketCount: number;
  /** Background responses by their ids, running ones and those that can still be followed. */
  readonly background: Map<string, BackgroundRun>;
  /** Refresh tokens that worked once, and the account whose login a second use kills. */
  readonly usedRefreshTokens: Map<string, AccountState>;
  /** Answers to the next refreshes in place of the usual ones. */
  readonly refreshAnswers: LoginTrouble[];
  /** What every call of the login service gets when nothing is scripted. */
  loginService: 'up' | LoginTrouble;
  /** What every bearer of the ChatGPT dialect gets during an incident. */
  tokenRefusal: ErrorAnswer | undefined;
  /** Every refresh token that was sent, in order. */
  readonly refreshes: string[];
  /** Codes that were exchanged: each works once. */
  readonly usedCodes: Set<string>;
  deviceLogins: number;
  /** How often the device flow is still pending. */
  devicePendings: number;
  /** The account that a browser or device login signs in to; undefined when there is none. */
  nextLogin: () => AccountState | undefined;
}

/** Lower-case headers, each as one string; credentials included. */
export function requestHeaders(request: IncomingMessage): Headers {
  const all: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers)) all[name] = String(value);
  return all;
}

/** The account behind the request's credentials. An expired token is refused without being a broken rule. */
export function authenticate(
  world: World,
  dialect: Dialect,
  headers: Headers,
):
  | { readonly account: AccountState }
  | Refusal
  | { readonly rule: undefined; readonly answer: Refusal['answer'] } {
  const token = /^Bearer (.+)$/.exec(headers['authorization'] ?? '')?.[1];
  const candidates = [...world.accounts.values()].filter((one) => one.account.dialect === dialect);
  const holders = candidates.filter((one) => token !== undefined && one.token === token);
  if (dialect === 'chatgpt' && token !== undefined && world.tokenRefusal !== undefined) {
    return { rule: undefined, answer: world.tokenRefusal };
  }
  const stated = headers['chatgpt-account-id'];
  const account = holders.find((one) => (one.account.accountId ?? stated) === stated);
  if (account !== undefined) return { account };
  if (holders.length > 0) return { rule: 'wrong_account_id', answer: detail(401, 'Unauthorized') };
  if (token !== undefined && candidates.some((one) => one.formerTokens.has(token))) {
    return { rule: undefined, answer: tokenExpired() };
  }
  const answer = dialect === 'openai' ? invalidApiKey() : detail(401, 'Unauthorized');
  return { rule: 'wrong_token', answer };
}
