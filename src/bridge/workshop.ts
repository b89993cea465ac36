/**
 * What every running turn uses and no turn owns.
 */
import { LRUCache } from 'lru-cache';
import type { Allowances } from '../accounts/allowances.ts';
import type { AccountPool } from '../accounts/pool.ts';
import { limitHeaders, poolWindows, rateLimitsFrame } from '../accounts/quota.ts';
import type { Choice, Wish } from '../accounts/selection.ts';
import type { Config } from '../config.ts';
import type { AccountId, Tenant } from '../ids.ts';
import type { Log } from '../log.ts';
import type { Frame } from '../protocol/frame.ts';
import type { HeaderMap } from '../protocol/headers.ts';
import type { CommittedTurn, Store } from '../store/store.ts';
import type { Failure } from '../turn/failure.ts';
import type { Reason, Unavailable } from '../turn/states.ts';
import type { Glimpse } from './glimpse.ts';
import { anchorKey, type History, type Memory, sealedElsewhere } from './history.ts';
import { affinityOf } from './identity.ts';
import type { Carriers } from './outgoing.ts';
import type { Sessions } from './sessions.ts';
import type { TurnRequest } from './stream.ts';

export interface WorkshopParts {
  readonly pool: AccountPool;
  readonly allowances: Allowances;
  readonly sessions: Sessions;
  readonly carriers: Carriers;
  readonly memory: Memory;
  readonly refusedAnchors: LRUCache<string, true>;
  readonly store: Store;
  readonly config: Config;
  readonly log: Log;
  readonly onTurn: (turn: CommittedTurn) => void;
  readonly onGlimpse: (glimpse: Glimpse) => void;
}

const AFFINITIES_KEPT = 10_000;
/** When the account that sealed a compaction has no reset to name. */
const ASK_AGAIN_MS = 60_000;

export class Workshop {
  readonly pool: AccountPool;
  readonly allowances: Allowances;
  readonly sessions: Sessions;
  readonly carriers: Carriers;
  readonly memory: Memory;
  readonly config: Config;
  readonly log: Log;
  readonly #parts: WorkshopParts;
  readonly #refusedAnchors: LRUCache<string, true>;
  readonly #affine = new LRUCache<string, AccountId>({ max: AFFINITIES_KEPT });
  #closing: Failure = released();

  constructor(parts: WorkshopParts) {
    this.#parts = parts;
    this.pool = parts.pool;
    this.allowances = parts.allowances;
    this.sessions = parts.sessions;
    this.carriers = parts.carriers;
    this.memory = parts.memory;
    this.#refusedAnchors = parts.refusedAnchors;
    this.config = parts.config;
    this.log = parts.log;
  }

  /** Sessions that share a cache key go to the same account, where its prompt cache is warm. */
  choose(request: TurnRequest, wish: Omit<Wish, 'kind' | 'affine'>): Choice {
    const shared = affinityOf(request);
    const key = shared === undefined ? undefined : `${request.tenant} ${shared}`;
    const { background, conversation } = request.envelope;
    const apiOnly = request.route === 'input_tokens' || background === 'yes' || conversation === 'given';
    const choice = this.pool.select(
      {
        ...wish,
        kind: apiOnly ? 'api_key' : undefined,
        affine: key === undefined ? undefined : this.#affine.get(key),
        model: request.envelope.model,
        allowed: request.allowed,
      },
      Date.now(),
    );
    if (choice.ok && key !== undefined) this.#affine.set(key, choice.account);
    return choice;
  }

  /** What the pool has left, in the form of one account's limits; `undefined` while nothing is known. */
  poolLimits(request: TurnRequest): Frame | undefined {
    const known = this.allowances.windows(request.allowed);
    const windows = poolWindows(known, Date.now());
    return windows.length === 0
      ? undefined
      : rateLimitsFrame(windows, this.allowances.plan(request.allowed), Date.now());
  }

  /** The same for the headers of an answer; nothing for clients that do not read them. */
  poolHeaders(request: TurnRequest): HeaderMap {
    if (request.client !== 'codex') return {};
    return limitHeaders(poolWindows(this.allowances.windows(request.allowed), Date.now()));
  }

  refuseAnchor(tenant: Tenant, id: string): void {
    this.#refusedAnchors.set(anchorKey(tenant, id), true);
  }

  /**
   * A compaction stands for history that only its issuer can open: the turn has to wait for that account, and the
   * client is told so in the only words it understands, as a usage limit.
   */
  reasonFor(
    reason: Reason,
    turn: { history: History; account: AccountId | undefined; tenant: Tenant },
  ): Reason {
    const { history, account, tenant } = turn;
    const sealed = reason.kind === 'failure' && reason.failure.class === 'encrypted_content_foreign';
    if (!sealed || account === undefined) return reason;
    const issuer = sealedElsewhere(history, account, { tenant, memory: this.memory });
    const row = issuer === undefined ? undefined : this.pool.get(issuer);
    if (row === undefined) return reason;
    const resetAt = row.availableAt ?? Date.now() + ASK_AGAIN_MS;
    const until: Unavailable = { why: 'exhausted', resetAt, plan: row.plan };
    return { kind: 'unavailable', reason: until, binding: reason.binding, last: undefined };
  }

  async commit(turn: CommittedTurn): Promise<void> {
    await this.#parts.store.commitTurn(turn);
    const { row } = turn;
    this.log.info(
      {
        request: row.id,
        session: row.session,
        door: row.door,
        account: row.accountId,
        status: row.status,
        continuity: row.continuity,
        attempts: row.attempts.map((one) =>
          one.errorCode === undefined ? one.outcome : `${one.errorClass}:${one.errorCode}`,
        ),
        first_event_ms: row.firstEventMs,
        total_ms: row.totalMs,
        ...(row.error === undefined ? {} : { error_code: row.error.code }),
      },
      'turn',
    );
    this.#parts.onTurn(turn);
  }

  show(glimpse: Glimpse): void {
    this.#parts.onGlimpse(glimpse);
  }

  /** Why a session that is closed now is closed. */
  closing(): Failure {
    return this.#closing;
  }

  shutDown(): void {
    this.#closing = {
      class: 'upstream_unavailable',
      via: 'eof',
      code: 'server_shutting_down',
      message: 'The server is shutting down.',
    };
  }
}

function released(): Failure {
  return {
    class: 'stream_incomplete',
    via: 'eof',
    code: 'session_released',
    message: 'The session was released.',
  };
}
