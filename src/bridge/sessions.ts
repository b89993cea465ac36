/**
 * All sessions of this process and the bounds on them: which request belongs to which, how long an unused socket
 * stays open, and how many there may be. Sessions are disposable: the conversation lives in the transcript.
 */
import { randomUUID } from 'node:crypto';
import type { AccountId, ResponseId, SessionId, Tenant } from '../ids.ts';
import { type SessionKey, sessionKeyOf } from './identity.ts';
import { type Lane, Session } from './session.ts';
import type { TurnRequest } from './stream.ts';

/** A turn without any identity is seldom continued: its socket is not kept long. */
const NAMELESS_IDLE_MS = 60_000;
/** For whoever looks at what has just been; afterwards the request log remembers. */
const NAMELESS_KEPT_MS = 10 * 60_000;
const KEPT_MS = 24 * 3_600_000;
const MOST_IDLE_SOCKETS = 2048;
const MOST_SESSIONS = 20_000;
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
  readonly #byName = new Map<string, Session>();
  readonly #names = new Map<SessionId, string>();
  /** Lanes with a warm socket and no turn, least recently used first. */
  readonly #idle = new Map<Lane, Session>();
  readonly #turnStates = new Map<string, { readonly name: string; readonly account: AccountId }>();
  readonly #options: SessionsOptions;
  readonly #sweep: NodeJS.Timeout;

  constructor(options: SessionsOptions) {
    this.#options = options;
    this.#sweep = setInterval(() => this.#closeStale(), SWEEP_EVERY_MS).unref();
  }

  all(): readonly Session[] {
    return [...this.#byName.values()];
  }

  get(id: SessionId): Session | undefined {
    const key = this.#names.get(id);
    return key === undefined ? undefined : this.#byName.get(key);
  }

  sessionFor(request: TurnRequest): Session {
    const key = sessionKeyOf(request, {
      turnState: (state) => this.#turnStates.get(this.#hash(request.tenant, state))?.name,
      sessionOf: (id) => this.#options.sessionOf(request.tenant, id),
    });
    const name = this.#nameOf(request.tenant, key);
    const session = this.#byName.get(name) ?? this.#open(name, key, request.tenant);
    // Put back at the end: the map's order is the order of use.
    this.#byName.delete(name);
    this.#byName.set(name, session);
    return session;
  }

  /** Upstream's sticky token came down through us: whoever shows it again means this session and this account. */
  rememberTurnState(session: Session, state: string, account: AccountId): void {
    const name = this.#names.get(session.id);
    if (name === undefined) return;
    this.#turnStates.set(this.#hash(session.tenant, state), { name, account });
    const [oldest] = this.#turnStates.keys();
    if (this.#turnStates.size > MOST_SESSIONS && oldest !== undefined) this.#turnStates.delete(oldest);
  }

  /** The account that issued this token to this tenant; nobody else may see it. */
  issuerOf(tenant: Tenant, state: string): AccountId | undefined {
    return this.#turnStates.get(this.#hash(tenant, state))?.account;
  }

  pin(session: Session, account: AccountId): void {
    if (session.pinned === account) return;
    this.#options.onPin({ from: session.pinned, to: account });
    session.pin(account);
    this.#options.onChange(session);
  }

  moveAway(session: Session, from: AccountId, reason: string): void {
    if (session.pinned !== from) return;
    this.#options.onPin({ from, to: undefined });
    session.moveAway(from, reason);
    this.#options.onChange(session);
  }

  release(session: Session): void {
    const key = this.#names.get(session.id);
    this.#names.delete(session.id);
    if (key !== undefined) this.#byName.delete(key);
    for (const lane of session.lanes) this.#idle.delete(lane);
    if (session.pinned !== undefined) this.#options.onPin({ from: session.pinned, to: undefined });
    session.close();
    this.#options.onChange(session);
  }

  close(): void {
    clearInterval(this.#sweep);
    for (const session of this.all()) this.release(session);
  }

  #open(name: string, key: SessionKey, tenant: Tenant): Session {
    const id = key.kind === 'response' ? (key.value as SessionId) : this.#newId(name, key);
    const session: Session = new Session({ id, tenant, keyKind: key.kind }, (lane) =>
      this.#rest(session, lane),
    );
    this.#byName.set(name, session);
    this.#names.set(id, name);
    this.#evict();
    return session;
  }

  /** The same key is the same session after a restart; a turn without identity is alone. */
  #newId(name: string, key: SessionKey): SessionId {
    const unique = key.kind === 'none' ? randomUUID() : name;
    return `ses_${this.#options.mac('session', unique).toString('hex').slice(0, 20)}` as SessionId;
  }

  /** A turn state leads to the name it was issued under; so does a response, while its session is still here. */
  #nameOf(tenant: Tenant, key: SessionKey): string {
    if (key.kind === 'turn_state') return key.value;
    const known = key.kind === 'response' ? this.#names.get(key.value as SessionId) : undefined;
    return known ?? `${tenant} ${key.kind} ${key.value}`;
  }

  #rest(session: Session, lane: Lane): void {
    this.#idle.delete(lane);
    if (lane.holdsSocket && lane.running === undefined) this.#idle.set(lane, session);
    const [oldest] = this.#idle.keys();
    if (this.#idle.size > MOST_IDLE_SOCKETS && oldest !== undefined) this.#closeIdle(oldest);
  }

  #closeIdle(lane: Lane): void {
    this.#idle.delete(lane);
    if (lane.running === undefined) lane.closeSocket();
  }

  #closeStale(): void {
    const now = Date.now();
    for (const [lane, session] of this.#idle) {
      const limit =
        session.keyKind === 'none' ? Math.min(NAMELESS_IDLE_MS, this.#options.idleMs) : this.#options.idleMs;
      if (lane.running !== undefined) this.#idle.delete(lane);
      else if (now - lane.idleSince >= limit) this.#closeIdle(lane);
    }
    for (const session of this.all()) {
      const kept = session.keyKind === 'none' ? NAMELESS_KEPT_MS : KEPT_MS;
      if (!session.busy && now - session.lastTurnAt >= kept) this.release(session);
    }
  }

  #evict(): void {
    if (this.#byName.size <= MOST_SESSIONS) return;
    for (const session of this.#byName.values()) {
      if (session.busy) continue;
      this.release(session);
      return;
    }
  }

  #hash(tenant: Tenant, state: string): string {
    return this.#options.mac('turn-state', tenant, state).toString('base64');
  }
}
