/**
 * What may be done about each class of failure: one row each, and nothing about it anywhere else.
 */
import type { ErrorClass, Failure } from './failure.ts';

/** Something to change about the next attempt on the same account. Each kind is tried once per account, a pause twice. */
export type Repair =
  | 'renew_login'
  | 'reconnect'
  | 'use_http'
  | 'expand_anchor'
  | 'strip_reasoning'
  | 'drop_param'
  | 'pause'
  | 'none';

/** What the failure says about the account, for every session at once. Request faults and lost sockets say nothing. */
export type Mark = 'none' | 'exhausted' | 'cooling' | 'needs_login' | 'suspended' | 'model_not_in_plan';

export interface Rule {
  readonly repair: Repair;
  /** How often a turn may change accounts because of this class. */
  readonly moves: number;
  readonly mark: Mark;
  /** Whether the upstream socket may carry another turn. */
  readonly connection: 'keep' | 'drop';
  /** Passed to the client as upstream wrote it when nothing repairs it: the request itself is at fault. */
  readonly atFault: 'request' | 'upstream';
}

const ANY = Number.POSITIVE_INFINITY;

const REQUEST_FAULT = {
  repair: 'none',
  moves: 0,
  mark: 'none',
  connection: 'keep',
  atFault: 'request',
} as const;
const LOSS = {
  repair: 'reconnect',
  moves: ANY,
  mark: 'none',
  connection: 'drop',
  atFault: 'upstream',
} as const;

export const RECOVERY: Readonly<Record<ErrorClass, Rule>> = {
  quota: { repair: 'none', moves: ANY, mark: 'exhausted', connection: 'drop', atFault: 'upstream' },
  plan_unsupported: {
    repair: 'none',
    moves: ANY,
    mark: 'model_not_in_plan',
    connection: 'keep',
    atFault: 'request',
  },
  rate_limit_transient: {
    repair: 'none',
    moves: ANY,
    mark: 'cooling',
    connection: 'keep',
    atFault: 'upstream',
  },
  auth_expired: {
    repair: 'renew_login',
    moves: ANY,
    mark: 'needs_login',
    connection: 'drop',
    atFault: 'upstream',
  },
  auth_permanent: {
    repair: 'none',
    moves: ANY,
    mark: 'needs_login',
    connection: 'drop',
    atFault: 'upstream',
  },
  account_forbidden: { repair: 'none', moves: 2, mark: 'suspended', connection: 'drop', atFault: 'upstream' },
  edge_forbidden: { repair: 'none', moves: 1, mark: 'none', connection: 'drop', atFault: 'upstream' },
  not_found_continuity: {
    repair: 'expand_anchor',
    moves: 0,
    mark: 'none',
    connection: 'keep',
    atFault: 'request',
  },
  encrypted_content_foreign: { ...REQUEST_FAULT, repair: 'strip_reasoning' },
  context_overflow: REQUEST_FAULT,
  invalid_request: REQUEST_FAULT,
  unsupported_param: { ...REQUEST_FAULT, repair: 'drop_param' },
  policy: REQUEST_FAULT,
  overloaded: { repair: 'pause', moves: 1, mark: 'none', connection: 'keep', atFault: 'upstream' },
  upstream_unavailable: LOSS,
  connection_limit: LOSS,
  message_too_big: { repair: 'use_http', moves: 0, mark: 'none', connection: 'drop', atFault: 'request' },
  stream_incomplete: LOSS,
  client_abort: { repair: 'none', moves: 0, mark: 'none', connection: 'drop', atFault: 'request' },
  pool_exhausted: { repair: 'none', moves: 0, mark: 'none', connection: 'keep', atFault: 'upstream' },
};

/** An unknown 403 that every account gives would otherwise walk through the whole pool. */
export function movesAllowed(failure: Failure): number {
  return failure.variant === 'unknown_403' ? 1 : RECOVERY[failure.class].moves;
}

/** How often one kind of repair may happen on one account. */
export function timesAllowed(repair: Repair): number {
  if (repair === 'none') return 0;
  return repair === 'pause' ? 2 : 1;
}

/** Nothing came back: the upstream may or may not have acted on what was sent. */
export function isSilentLoss(failure: Failure): boolean {
  return ['close', 'socket', 'timeout', 'eof'].includes(failure.via);
}
