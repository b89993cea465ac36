/**
 * What tests and the demo may ask of the fake upstream, as plain data: its accounts, and how the next
 * turns of each account go. Knows nothing of sockets or of how a behaviour is played.
 */
import type { ErrorAnswer, Item, WireEvent } from './wire.ts';

export type Dialect = 'openai' | 'chatgpt';

/** Whether the account's upstream speaks WebSocket, and how it refuses an upgrade if it does not. */
export type WebsocketOffer =
  | 'on'
  | 'refused_400'
  | 'refused_403'
  | 'refused_404'
  | 'refused_405'
  | 'refused_426'
  | 'refused_500'
  | 'refused_503_page';

/** One usage window as the ChatGPT backend reports it. */
export interface SimulatedWindow {
  readonly usedPercent: number;
  readonly windowMinutes: number;
  readonly resetsInSeconds: number;
}

export interface SimulatedWindows {
  readonly primary?: SimulatedWindow;
  readonly secondary?: SimulatedWindow;
}

/** One upstream credential. */
export interface SimulatedAccount {
  readonly name: string;
  readonly dialect: Dialect;
  /** The bearer that is expected: API key or access token. */
  readonly token: string;
  /** The expected `chatgpt-account-id` header; absent: the header is not looked at. */
  readonly accountId?: string;
  readonly plan?: string;
  readonly email?: string;
  readonly models?: readonly string[];
  /** How long a response id can be chained from. Default: openai `account`, chatgpt `socket`. */
  readonly responseLifetime?: 'account' | 'socket';
  /** The account runs dry after so many answered turns … */
  readonly turnsBeforeQuota?: number;
  /** … and is full again so long after that. Default 3600. */
  readonly quotaResetsInSeconds?: number;
  readonly websocket?: WebsocketOffer;
  readonly windows?: SimulatedWindows;
  /**
   * Whether the upstream can compact. Without it the route answers with that status and a `compaction_trigger` is an
   * invalid item; `ignored`: both are answered as any turn, without a compaction item.
   */
  readonly compaction?: 'on' | 'none_404' | 'none_405' | 'none_501' | 'ignored';
  /** Whether items must bring the ids that their schemas demand. Default: openai `demanded`, chatgpt `optional`. */
  readonly itemIds?: 'demanded' | 'optional';
  /** Accepted once by the fake issuer, which then hands out the next one. */
  readonly refreshToken?: string;
}

/** `upgrade` hits the WebSocket handshake; over plain HTTP it means the same as `before_created`. */
export type FaultMoment =
  | 'upgrade'
  | 'before_created'
  | 'after_created'
  | 'mid_output'
  | 'after_item_done'
  | 'after_completed';

/** The forms an error frame has been seen in on a WebSocket. */
export type FrameShape = 'status' | 'status_code' | 'body_error' | 'flat' | 'no_status';

export interface WireFailure {
  readonly code: string;
  readonly message: string;
}

/**
 * How a turn goes wrong. `status` is a plain HTTP answer while nothing was sent, an error frame or `error`
 * event afterwards. `close` on SSE is an end without a terminal event, `reset` destroys the connection,
 * `silence` leaves it open and answers nothing more.
 */
export type FaultKind =
  | ({ readonly kind: 'status'; readonly shape?: FrameShape } & ErrorAnswer)
  | { readonly kind: 'response_failed'; readonly error: WireFailure | null }
  | { readonly kind: 'sse_error'; readonly error: WireFailure; readonly param?: string }
  | { readonly kind: 'close'; readonly code: number; readonly reason?: string }
  | { readonly kind: 'reset' }
  | { readonly kind: 'eof' }
  | { readonly kind: 'silence'; readonly pongs?: 'none' }
  | { readonly kind: 'garbage'; readonly frames: readonly (string | Uint8Array)[] };

export type Fault = FaultKind & { readonly at: FaultMoment; readonly afterDeltas?: number };

/** How one turn goes. Everything is optional: `{}` is the plain answer of the fake model. */
export interface Behaviour {
  /** The answer's text instead of the fake model's. */
  readonly text?: string;
  /** Whole output items instead of the fake model's; ids are added where they lack, seals are the account's. */
  readonly items?: readonly Item[];
  /** Number of text deltas (default 3); with `deltaBytes` and no `text`, filler of that size each. */
  readonly deltas?: number;
  readonly deltaBytes?: number;
  /** Wait before `response.created`; in the background, while the response is queued; of a compact, before the answer. */
  readonly delayMs?: number;
  /** Wait between deltas. */
  readonly paceMs?: number;
  readonly reasoning?: 'encrypted';
  readonly usage?: { readonly input_tokens: number; readonly output_tokens: number };
  /** The terminal event carries `output: []`, as the ChatGPT backend may do. */
  readonly emptyOutput?: true;
  readonly incomplete?: 'max_output_tokens' | 'content_filter';
  /**
   * What the last item of an incomplete answer looks like; its status is `incomplete` wherever it is listed.
   * `never_done`: nothing says that it ended, and only the terminal event lists it.
   */
  readonly cutItem?: 'done' | 'never_done';
  /** Output indexes in the order in which the items finish; those left out come last, in their own order. */
  readonly doneOrder?: readonly number[];
  /** Frames before `response.created` in place of the dialect's own ones. */
  readonly vendorFrames?: readonly WireEvent[];
  readonly fault?: Fault;
  /** Taken by a prewarm (`generate: false`) instead of by a turn; `also`: by whichever comes. */
  readonly forPrewarm?: true | 'also';
  /** Stays for so many turns (default 1); `Infinity`: until `clearScript`. */
  readonly times?: number;
}

const PLAIN: Behaviour = {};

/** The queue of behaviours of one account. */
export class Script {
  #queue: { readonly behaviour: Behaviour; left: number }[] = [];
  #default: Behaviour = PLAIN;

  add(behaviours: readonly Behaviour[]): void {
    for (const behaviour of behaviours) this.#queue.push({ behaviour, left: behaviour.times ?? 1 });
  }

  setDefault(behaviour: Behaviour): void {
    this.#default = behaviour;
  }

  /** Back to plain answers. */
  clear(): void {
    this.#queue = [];
    this.#default = PLAIN;
  }

  /** Behaviours that no turn has taken yet. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** The behaviour of the next handshake, if one is scripted for it. A turn scripted before it goes first. */
  takeForUpgrade(): Behaviour | undefined {
    const head = this.#queue.find((entry) => entry.behaviour.forPrewarm !== true);
    if (head?.behaviour.fault?.at === 'upgrade') return this.#take(head);
    return head === undefined && this.#default.fault?.at === 'upgrade' ? this.#default : undefined;
  }

  takeForPrewarm(): Behaviour {
    const entry = this.#queue.find(({ behaviour }) => behaviour.forPrewarm !== undefined);
    if (entry !== undefined) return this.#take(entry);
    return this.#default.forPrewarm === undefined ? PLAIN : this.#default;
  }

  /** Over a socket, handshake faults are left for the next handshake. */
  takeForTurn(transport: 'ws' | 'http'): Behaviour {
    const entry = this.#queue.find(
      ({ behaviour }) =>
        behaviour.forPrewarm !== true && (transport === 'http' || behaviour.fault?.at !== 'upgrade'),
    );
    if (entry !== undefined) return this.#take(entry);
    return transport === 'ws' && this.#default.fault?.at === 'upgrade' ? PLAIN : this.#default;
  }

  #take(entry: { readonly behaviour: Behaviour; left: number }): Behaviour {
    entry.left -= 1;
    if (entry.left <= 0) this.#queue = this.#queue.filter((other) => other !== entry);
    return entry.behaviour;
  }
}
