/**
 * All sessions of this process and the bounds on them: which request belongs to which, how long an unused socket
 * stays open, and how many there may be. Sessions are disposable: the conversation lives in the transcript.
 */
import { randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { AccountId, ResponseId, SessionId, Tenant } from '../../domain/ids.ts';
import type { TurnRequest } from '../turn-request.ts';
import { type SessionKey, sessionKeyOf } from './identity.ts';
import { type Lane, Session, type Switch, type SwitchReason } from './session.ts';

/** A turn without any identity is seldom continued: its socket is not kept long, and few such sockets are kept. */
const NAMELESS_IDLE_MS = 60_000;
const MAX_NAMELESS_SOCKETS = 32;
/** For whoever looks at what has just been; afterwards the request log remembers. */
const NAMELESS_KEPT_MS = 10 * 60_000;
const KEPT_MS = 24 * 3_600_000;
const MAX_IDLE_SOCKETS = 2048;
const MAX_SESSIONS = 20_000;
/** Ten bytes: by chance two of all sessions that ever were are not alike. */
const ID_BYTES = 10;
/** Of all keys whose id is at hand; a client may write long ones. */
const MAX_KEY_CHARS = 1_000_000;
const SWEEP_EVERY_MS = 5000;

export interface SessionsOptions {
  readonly idleMs: number;
  readonly mac: (purpose: string, ...parts: string[]) => Buffer;
  readonly sessionOf: (tenant: Tenant, responseId: ResponseId) => SessionId | undefined;
  readonly onPin: (change: { from: AccountId | undefined; to: AccountId | undefined }) => void;
  readonly onChange: (session: Session) => void;
}

export class Sessions {
  /** Least recently used first, which is the order of eviction. */
  readonly #byId = new Map<SessionId, Session>();
  /** Lanes with a warm socket and no turn, least recently used first. */
  readonly #idle = new Map<Lane, Session>();
  readonly #namelessIdle = new Set<Lane>();
  readonly #turnStates = new Map<string, { readonly session: SessionId; readonly account: AccountId }>();
  /** Each turn of a conversation asks for it, and to work it out takes longer than to look it up. */
  readonly #idOfKey = new LRUCache<string, SessionId>({
    maxSize: MAX_KEY_CHARS,
    sizeCalculation: (_id, key) => key.length,
  });
  readonly #options: SessionsOptions;
  readonly #sweep: NodeJS.Timeout;

  constructor(options: SessionsOptions) {
    this.#options = options;
    this.#sweep = setInterval(() => this.#closeStale(), SWEEP_EVERY_MS).unref();
  }

  all(): readonly Session[] {
    return [...this.#byId.values()];
  }

  get(id: SessionId): Session | undefined {
    return this.#byId.get(id);
  }

  sessionFor(request: TurnRequest): Session {
    const key = sessionKeyOf(request, {
      turnState: (state) => this.#turnStates.get(this.#hash(request.tenant, state))?.session,
      sessionOf: (id) => this.#options.sessionOf(request.tenant, id),
    });
    const id = this.#idOf(request.tenant, key);
    const session = this.#byId.get(id) ?? this.#open(id, key, request.tenant);
    // Put back at the end: the map's order is the order of use.
    this.#byId.delete(id);
    this.#byId.set(id, session);
    return session;
  }

  /** Upstream's sticky token came down through us: whoever shows it again means this session and this account. */
  rememberTurnState(session: Session, state: string, account: AccountId): void {
    if (!this.#byId.has(session.id)) return;
    this.#turnStates.set(this.#hash(session.tenant, state), { session: session.id, account });
    const [oldest] = this.#turnStates.keys();
    if (this.#turnStates.size > MAX_SESSIONS && oldest !== undefined) this.#turnStates.delete(oldest);
  }

  /** The account that issued this token to this tenant; nobody else may see it. */
  issuerOf(tenant: Tenant, state: string): AccountId | undefined {
    return this.#turnStates.get(this.#hash(tenant, state))?.account;
  }

  /** Gives the change of account that this completes; `reason`: why the account pinned before is not used. */
  pin(session: Session, account: AccountId, reason: SwitchReason): Switch | undefined {
    if (session.pinned === account) return undefined;
    this.#onPin(session, account);
    const change = session.pin(account, reason);
    this.#options.onChange(session);
    return change;
  }

  moveAway(session: Session, from: AccountId, reason: SwitchReason): void {
    if (session.pinned !== from) return;
    this.#onPin(session, undefined);
    session.moveAway(from, reason);
    this.#options.onChange(session);
  }

  release(session: Session): void {
    if (this.#byId.get(session.id) !== session) return;
    for (const lane of session.lanes) this.#forgetIdle(lane);
    if (session.pinned !== undefined) this.#onPin(session, undefined);
    this.#byId.delete(session.id);
    session.close();
    this.#options.onChange(session);
  }

  /** A turn may outlive its session: what it does then is counted nowhere. */
  #onPin(session: Session, to: AccountId | undefined): void {
    if (this.#byId.get(session.id) !== session) return;
    this.#options.onPin({ from: session.pinned, to });
  }

  close(): void {
    clearInterval(this.#sweep);
    for (const session of this.all()) this.release(session);
  }

  #open(id: SessionId, key: SessionKey, tenant: Tenant): Session {
    const session: Session = new Session({ id, tenant, keyKind: key.kind }, (lane) =>
      this.#rest(session, lane),
    );
    this.#byId.set(id, session);
    this.#evict();
    return session;
  }

  /** The same key is the same session after a restart; a turn without identity is alone. */
  #idOf(tenant: Tenant, key: SessionKey): SessionId {
    if (key.kind === 'turn_state' || key.kind === 'response') return key.value as SessionId;
    if (key.kind === 'none') return sessionId(randomBytes(ID_BYTES));
    const unique = `${tenant} ${key.kind} ${key.value}`;
    const known = this.#idOfKey.get(unique);
    if (known !== undefined) return known;
    const id = sessionId(this.#options.mac('session', unique));
    this.#idOfKey.set(unique, id);
    return id;
  }

  #rest(session: Session, lane: Lane): void {
    this.#forgetIdle(lane);
    if (!lane.holdsSocket || lane.running !== undefined) return;
    this.#idle.set(lane, session);
    if (session.keyKind === 'none') this.#namelessIdle.add(lane);
    const [oldest] = this.#idle.keys();
    if (this.#idle.size > MAX_IDLE_SOCKETS && oldest !== undefined) this.#closeIdle(oldest);
    const [nameless] = this.#namelessIdle;
    if (this.#namelessIdle.size > MAX_NAMELESS_SOCKETS && nameless !== undefined) this.#closeIdle(nameless);
  }

  #forgetIdle(lane: Lane): void {
    this.#idle.delete(lane);
    this.#namelessIdle.delete(lane);
  }

  #closeIdle(lane: Lane): void {
    this.#forgetIdle(lane);
    if (lane.running === undefined) lane.closeSocket();
  }

  #closeStale(): void {
    const now = Date.now();
    for (const [lane, session] of this.#idle) {
      const limit =
        session.keyKind === 'none' ? Math.min(NAMELESS_IDLE_MS, this.#options.idleMs) : this.#options.idleMs;
      if (lane.running !== undefined) this.#forgetIdle(lane);
      else if (now - lane.idleSince >= limit) this.#closeIdle(lane);
    }
    for (const session of this.all()) {
      const kept = session.keyKind === 'none' ? NAMELESS_KEPT_MS : KEPT_MS;
      if (!session.busy && now - session.lastTurnAt >= kept) this.release(session);
    }
  }

  #evict(): void {
    if (this.#byId.size <= MAX_SESSIONS) return;
    for (const session of this.#byId.values()) {
      if (session.busy) continue;
      this.release(session);
      return;
    }
  }

  #hash(tenant: Tenant, state: string): string {
    return this.#options.mac('turn-state', tenant, state).toString('base64');
  }
}

function sessionId(bytes: Buffer): SessionId {
  return `ses_${bytes.toString('hex', 0, ID_BYTES)}` as SessionId;
}
