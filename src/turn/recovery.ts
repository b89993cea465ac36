/**
 * What is done about each class of failure: one row each. A decision that differs between two failures makes them
 * two classes; no other file asks for a class by name.
 */
import type { ErrorClass } from '../admin-api/request.ts';
import type { Failure, FailureClass } from './failure.ts';

/** Something to change about the next attempt on the same account. Each kind is tried once per account, a pause twice. */
export type Repair =
  | 'refresh_token'
  | 'reconnect'
  | 'use_http'
  | 'expand_anchor'
  | 'leave_out_seals'
  | 'drop_param'
  | 'pause'
  | 'none';

/** What the failure says about the account, for every session at once. Request faults and lost sockets say nothing. */
export type Mark = 'none' | 'exhausted' | 'cooling' | 'needs_login' | 'suspended' | 'model_not_in_plan';

/** What the client is told when nothing repairs the failure; the words are in `refusals.ts`. */
export type RefusalKind =
  | 'as_upstream'
  | 'out_of_quota'
  | 'too_fast'
  | 'overloaded'
  | 'account_unavailable'
  | 'host_refused'
  | 'unreachable'
  | 'incomplete'
  | 'too_large'
  | 'cannot_continue'
  | 'internal_error'
  | 'shutting_down';

export interface Rule {
  readonly shownAs: ErrorClass;
  readonly repair: Repair;
  /** Where the repaired attempt goes first, if there is a choice. */
  readonly next: 'same_account' | 'another_account';
  /** How often a turn may change accounts because of this class. */
  readonly moves: number;
  /** An account that is left `while_marked` may be waited for by the same turn. */
  readonly leave: 'for_this_turn' | 'while_marked';
  readonly mark: Mark;
  readonly marked: 'at_once' | 'after_repair' | 'when_another_serves';
  /** Whose mark it is: all seats of a workspace share what its owner has used up. */
  readonly markedFor: 'account' | 'workspace';
  /** Seen on two accounts within a minute it is trouble of this host, and no account is marked. */
  readonly everywhere: 'host_trouble' | 'coincidence';
  /** How long the account is out where nobody says so. */
  readonly cooldownMs: number;
  /** Whether the upstream socket may carry another turn. */
  readonly connection: 'keep' | 'drop';
  /** `let_go`: a turn that ends in this leaves the session free to begin its next turn elsewhere. */
  readonly pin: 'keep' | 'let_go';
  /** Counts towards the losses in a row after which an account takes no new sessions for a while. */
  readonly loss: 'counts' | 'no';
  /** The id that was continued from is not known any more where it was kept. */
  readonly anchor: 'keep' | 'forget';
  readonly told: RefusalKind;
}

const ANY = Number.POSITIVE_INFINITY;
const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

/** The request itself is at fault: no account is blamed, none is tried after it. */
const REQUEST_FAULT: Omit<Rule, 'shownAs'> = {
  repair: 'none',
  next: 'same_account',
  moves: 0,
  leave: 'for_this_turn',
  mark: 'none',
  marked: 'at_once',
  markedFor: 'account',
  everywhere: 'coincidence',
  cooldownMs: 0,
  connection: 'keep',
  pin: 'keep',
  loss: 'no',
  anchor: 'keep',
  told: 'as_upstream',
};

const LOST: Omit<Rule, 'shownAs'> = {
  ...REQUEST_FAULT,
  repair: 'reconnect',
  moves: ANY,
  connection: 'drop',
  pin: 'let_go',
  loss: 'counts',
  told: 'unreachable',
};

const QUOTA: Rule = {
  ...REQUEST_FAULT,
  shownAs: 'quota',
  moves: ANY,
  mark: 'exhausted',
  cooldownMs: 5 * MINUTE_MS,
  connection: 'drop',
  pin: 'let_go',
  told: 'out_of_quota',
};

const ACCOUNT: Omit<Rule, 'shownAs' | 'mark'> = {
  ...REQUEST_FAULT,
  moves: ANY,
  connection: 'drop',
  pin: 'let_go',
  told: 'account_unavailable',
};

const LOCAL: Omit<Rule, 'shownAs' | 'told'> = { ...REQUEST_FAULT, connection: 'drop' };

export const RECOVERY: Readonly<Record<FailureClass, Rule>> = {
  quota: QUOTA,
  budget_spent: { ...QUOTA, cooldownMs: HOUR_MS },
  credits_spent: { ...QUOTA, cooldownMs: 30 * MINUTE_MS },
  workspace_spent: { ...QUOTA, cooldownMs: 30 * MINUTE_MS, markedFor: 'workspace' },
  plan_lacks_codex: { ...QUOTA, cooldownMs: 24 * HOUR_MS },
  plan_unsupported: {
    ...REQUEST_FAULT,
    shownAs: 'plan_unsupported',
    moves: ANY,
    mark: 'model_not_in_plan',
    marked: 'when_another_serves',
    cooldownMs: 10 * MINUTE_MS,
  },
  rate_limit_transient: {
    ...REQUEST_FAULT,
    shownAs: 'rate_limit_transient',
    moves: ANY,
    leave: 'while_marked',
    mark: 'cooling',
    cooldownMs: SECOND_MS,
    told: 'too_fast',
  },
  auth_expired: {
    ...ACCOUNT,
    shownAs: 'auth_expired',
    repair: 'refresh_token',
    mark: 'needs_login',
    marked: 'after_repair',
    everywhere: 'host_trouble',
  },
  auth_permanent: { ...ACCOUNT, shownAs: 'auth_permanent', mark: 'needs_login' },
  account_ended: { ...ACCOUNT, shownAs: 'auth_permanent', mark: 'needs_login' },
  refresh_unavailable: {
    ...ACCOUNT,
    shownAs: 'auth_expired',
    leave: 'while_marked',
    mark: 'cooling',
    cooldownMs: 5 * SECOND_MS,
  },
  refresh_late: { ...LOCAL, shownAs: 'auth_expired', told: 'unreachable' },
  account_forbidden: {
    ...ACCOUNT,
    shownAs: 'account_forbidden',
    moves: 2,
    mark: 'suspended',
    cooldownMs: 10 * MINUTE_MS,
  },
  forbidden_unexplained: {
    ...ACCOUNT,
    shownAs: 'account_forbidden',
    // Every account may answer the same: the turn must not walk through the whole pool.
    moves: 1,
    mark: 'suspended',
    cooldownMs: MINUTE_MS,
    everywhere: 'host_trouble',
  },
  edge_forbidden: { ...ACCOUNT, shownAs: 'edge_forbidden', moves: 1, mark: 'none', told: 'host_refused' },
  account_removed: { ...ACCOUNT, shownAs: 'upstream_unavailable', mark: 'none', told: 'unreachable' },
  not_found_continuity: {
    ...REQUEST_FAULT,
    shownAs: 'not_found_continuity',
    repair: 'expand_anchor',
    anchor: 'forget',
  },
  history_missing: { ...REQUEST_FAULT, shownAs: 'not_found_continuity', told: 'cannot_continue' },
  encrypted_content_foreign: {
    ...REQUEST_FAULT,
    shownAs: 'encrypted_content_foreign',
    repair: 'leave_out_seals',
  },
  context_overflow: { ...REQUEST_FAULT, shownAs: 'context_overflow' },
  invalid_request: { ...REQUEST_FAULT, shownAs: 'invalid_request' },
  unsupported_param: { ...REQUEST_FAULT, shownAs: 'unsupported_param', repair: 'drop_param' },
  policy: { ...REQUEST_FAULT, shownAs: 'policy' },
  message_too_big: {
    ...REQUEST_FAULT,
    shownAs: 'message_too_big',
    repair: 'use_http',
    connection: 'drop',
    told: 'too_large',
  },
  overloaded: {
    ...REQUEST_FAULT,
    shownAs: 'overloaded',
    repair: 'pause',
    moves: 1,
    told: 'overloaded',
  },
  // A 5xx is an answer of the account's own making: another account is asked first, if there is one.
  upstream_unavailable: { ...LOST, shownAs: 'upstream_unavailable', next: 'another_account' },
  connection_lost: { ...LOST, shownAs: 'upstream_unavailable' },
  // The socket has reached its age: nothing is wrong with the account.
  connection_limit: { ...LOST, shownAs: 'connection_limit', pin: 'keep', loss: 'no' },
  stream_incomplete: { ...LOST, shownAs: 'stream_incomplete', told: 'incomplete' },
  upgrade_refused: { ...LOST, shownAs: 'upstream_unavailable', repair: 'use_http', loss: 'no' },
  unary_timeout: { ...LOST, shownAs: 'stream_incomplete', repair: 'none', moves: 0, told: 'incomplete' },
  session_released: { ...LOCAL, shownAs: 'stream_incomplete', told: 'incomplete' },
  shutting_down: { ...LOCAL, shownAs: 'upstream_unavailable', told: 'shutting_down' },
  internal: { ...LOCAL, shownAs: 'internal', told: 'internal_error' },
};

/** How often one kind of repair may happen on one account. */
export function timesAllowed(repair: Repair): number {
  if (repair === 'none') return 0;
  return repair === 'pause' ? 2 : 1;
}

/** The connection ended without an answer: upstream may or may not have acted on what was sent. */
export function isUnanswered({ via }: Failure): boolean {
  return via === 'close' || via === 'socket' || via === 'timeout' || via === 'eof';
}

/** May be over at the next try, whoever answers it. */
export function isPassing(failure: Failure): boolean {
  return PASSING.has(RECOVERY[failure.class].told);
}

const PASSING: ReadonlySet<RefusalKind> = new Set(['overloaded', 'unreachable', 'incomplete']);
