/**
 * An execution session: one conversation of one tenant, pinned to one account, with a lane for each turn that runs
 * at the same time. A lane carries one turn at a time and keeps its upstream socket warm in between; what a lane
 * lends out it does not hold, so nobody else can reach a socket that is in use.
 */
import type { AccountId, SessionId, Tenant } from '../../domain/ids.ts';
import type { UpstreamAccount } from '../../upstream/account.ts';
import type { UpstreamSocket } from '../../upstream/websocket.ts';
import type { SocketStream } from '../turn-request.ts';

export type KeyKind = 'turn_state' | 'thread' | 'session' | 'socket' | 'response' | 'none';

/** Turns that may wait for one lane. */
const MAX_QUEUE = 8;
const MAX_SWITCHES = 50;
/** A client may name as many streams as it likes; more lanes than this are kept only for what they hold. */
const MAX_IDLE_LANES = 16;

/** Why a session leaves an account: `code` for people, `cause` (a class or a state) for counters. */
export interface SwitchReason {
  readonly code: string;
  readonly cause: string;
}

export interface Switch {
  readonly at: number;
  readonly from: AccountId;
  /** Undefined until a turn has gone to another account. */
  readonly to: AccountId | undefined;
  readonly reason: string;
  readonly cause: string;
}

/** What decides which lane a turn takes. */
export interface Entry {
  readonly socketStream: SocketStream | undefined;
  readonly anchor: string | undefined;
  readonly signal: AbortSignal;
}

export type Entered =
  | { readonly ok: true; readonly lane: Lane }
  | { readonly ok: false; readonly why: 'queue_full' | 'closed' };

interface Waiting {
  readonly entry: Entry;
  readonly grant: (entered: Entered) => void;
}

export class Lane {
  readonly stream: string;
  /** Names of the response that runs here, as soon as it has one. */
  runningId: string | undefined;
  running: Entry | undefined;
  idleSince = Date.now();
  readonly waiting: Waiting[] = [];
  readonly #onIdle: () => void;
  #socket: UpstreamSocket | undefined;

  constructor(stream: string, onIdle: () => void) {
    this.stream = stream;
    this.#onIdle = onIdle;
  }

  get newest(): string | undefined {
    return this.#socket?.usable ? this.#socket.newest?.responseId : undefined;
  }

  get holdsSocket(): boolean {
    return this.#socket !== undefined;
  }

  /** The warm socket, if it belongs to this account and can carry another turn; it is the caller's from here on. */
  takeSocket(account: UpstreamAccount): UpstreamSocket | undefined {
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket === undefined) return undefined;
    socket.onIdleClose = undefined;
    const fits =
      socket.account === account.id && socket.bearer === account.bearer && socket.proxy === account.proxy;
    if (fits && socket.usable) return socket;
    socket.close();
    return undefined;
  }

  keepSocket(socket: UpstreamSocket): void {
    this.#socket?.close();
    this.#socket = socket;
    socket.onIdleClose = () => {
      if (this.#socket === socket) this.#socket = undefined;
    };
    this.#onIdle();
  }

  closeSocket(): void {
    this.#socket?.close();
    this.#socket = undefined;
  }
}

export class Session {
  readonly id: SessionId;
  readonly tenant: Tenant;
  readonly keyKind: KeyKind;
  readonly createdAt = Date.now();
  readonly switches: Switch[] = [];
  lastTurnAt = Date.now();
  turns = 0;
  pinned: AccountId | undefined;
  /** The account that was left last: the next turn begins elsewhere, where there is a choice. */
  left: AccountId | undefined;
  lanes: Lane[] = [];
  #state: 'open' | 'closed' = 'open';
  /** Ends the turns that run here when the session is released. */
  readonly #closers = new Set<() => void>();
  readonly #onIdleLane: (lane: Lane) => void;

  constructor(
    identity: { id: SessionId; tenant: Tenant; keyKind: KeyKind },
    onIdleLane: (lane: Lane) => void,
  ) {
    this.id = identity.id;
    this.tenant = identity.tenant;
    this.keyKind = identity.keyKind;
    this.#onIdleLane = onIdleLane;
  }

  get busy(): boolean {
    return this.lanes.some((lane) => lane.running !== undefined);
  }

  get holdsSocket(): boolean {
    return this.lanes.some((lane) => lane.holdsSocket);
  }

  /** A turn has been accepted into it. */
  begin(now: number): void {
    this.turns += 1;
    this.lastTurnAt = now;
  }

  /** A lane for this turn: at once, or after the turn that it has to follow. */
  enter(entry: Entry): Promise<Entered> {
    if (this.#state === 'closed') return Promise.resolve({ ok: false, why: 'closed' });
    const lane = this.#busyLaneFor(entry);
    if (lane === undefined)
      return Promise.resolve({ ok: true, lane: this.#occupy(this.#idleLaneFor(entry), entry) });
    if (lane.waiting.length >= MAX_QUEUE) return Promise.resolve({ ok: false, why: 'queue_full' });
    return new Promise((grant) => {
      const waiting = { entry, grant };
      lane.waiting.push(waiting);
      entry.signal.addEventListener('abort', () => this.#withdraw(lane, waiting), { once: true });
    });
  }

  leave(lane: Lane): void {
    lane.running = undefined;
    lane.runningId = undefined;
    lane.idleSince = Date.now();
    const next = lane.waiting.shift();
    if (next === undefined) {
      this.#onIdleLane(lane);
      if (this.lanes.length > MAX_IDLE_LANES) this.#dropEmptyLanes();
    } else next.grant({ ok: true, lane: this.#occupy(lane, next.entry) });
  }

  /** Leaving the account and closing what is open on it are one step. */
  moveAway(from: AccountId, reason: SwitchReason): void {
    if (this.pinned !== from) return;
    this.pinned = undefined;
    this.left = from;
    for (const lane of this.lanes) lane.closeSocket();
    this.#note({ at: Date.now(), from, to: undefined, reason: reason.code, cause: reason.cause });
  }

  /** Gives the change of account that this completes. `reason`: why the account pinned before is not used. */
  pin(account: AccountId, reason: SwitchReason): Switch | undefined {
    if (this.pinned === account) return undefined;
    if (this.pinned !== undefined) this.moveAway(this.pinned, reason);
    this.pinned = account;
    const last = this.switches.at(-1);
    if (last === undefined || last.to !== undefined) return undefined;
    this.switches.pop();
    // Let go and taken up again: nothing has changed.
    if (last.from === account) return undefined;
    const done = { ...last, to: account };
    this.#note(done);
    return done;
  }

  #note(change: Switch): void {
    this.switches.push(change);
    if (this.switches.length > MAX_SWITCHES) this.switches.shift();
  }

  /** Calls `close` if the session is released before the returned function is. */
  onClose(close: () => void): () => void {
    this.#closers.add(close);
    return () => this.#closers.delete(close);
  }

  /** Running turns fail, waiting ones are turned away, sockets close. */
  close(): void {
    this.#state = 'closed';
    for (const lane of this.lanes) {
      for (const { grant } of lane.waiting.splice(0)) grant({ ok: false, why: 'closed' });
    }
    for (const close of [...this.#closers]) close();
    for (const lane of this.lanes) lane.closeSocket();
    this.lanes = [];
  }

  #dropEmptyLanes(): void {
    this.lanes = this.lanes.filter(({ running, holdsSocket }) => running !== undefined || holdsSocket);
  }

  #withdraw(lane: Lane, waiting: Waiting): void {
    const at = lane.waiting.indexOf(waiting);
    if (at < 0) return;
    lane.waiting.splice(at, 1);
    waiting.grant({ ok: false, why: 'closed' });
  }

  #occupy(lane: Lane, entry: Entry): Lane {
    lane.running = entry;
    return lane;
  }

  /** Only a turn that continues the response running there waits for it; doors keep their own sockets in order. */
  #busyLaneFor({ anchor }: Entry): Lane | undefined {
    if (anchor === undefined) return undefined;
    return this.lanes.find((lane) => lane.running !== undefined && lane.runningId === anchor);
  }

  #idleLaneFor({ socketStream, anchor }: Entry): Lane {
    const stream = socketStream?.streamId ?? '';
    const idle = this.lanes.filter((lane) => lane.running === undefined);
    const continued = idle.find((lane) => anchor !== undefined && lane.newest === anchor);
    if (continued !== undefined) return continued;
    const resting = idle
      .filter((lane) => lane.stream === stream)
      .toSorted((a, b) => b.idleSince - a.idleSince);
    const quiet = !this.lanes.some((lane) => lane.running !== undefined && lane.stream === stream);
    const chosen = quiet ? (resting.find((lane) => lane.newest !== undefined) ?? resting[0]) : undefined;
    return chosen ?? this.#addLane(stream, resting);
  }

  /** A lane without a socket has nothing to lose and is used again before another is made. */
  #addLane(stream: string, resting: readonly Lane[]): Lane {
    const empty = resting.find((lane) => !lane.holdsSocket);
    if (empty !== undefined) return empty;
    const lane = new Lane(stream, () => this.#onIdleLane(lane));
    this.lanes.push(lane);
    return lane;
  }
}
