/**
 * What the fake upstream saw: every turn, every strict refusal, and a way to wait for either without
 * polling. Knows nothing of how a turn is judged or played.
 */
import type { CreateBody, ErrorAnswer, Headers, Item } from './wire.ts';

export type TurnKind = 'create' | 'prewarm' | 'compact';

/** `failed`: a scripted fault or a spent quota; `refused`: a rule of the protocol was broken. */
export type TurnStatus = 'running' | 'answered' | 'refused' | 'failed' | 'aborted';

/** One create or compact that reached the upstream. */
export interface SeenTurn {
  readonly account: string;
  readonly kind: TurnKind;
  readonly transport: 'ws' | 'http';
  /** Which socket carried it, counted from 1 over all accounts; undefined over HTTP. */
  readonly socket: number | undefined;
  readonly body: CreateBody;
  /** Request headers (of the handshake, for a socket) without credentials. */
  readonly headers: Headers;
  /** Bytes of the frame or request body. */
  readonly frameBytes: number;
  readonly receivedAt: number;
  /** All items the model can see in this turn: the resolved chain, then the input. */
  readonly history: readonly Item[];
  /** The texts of those items in order; items without text are left out. */
  readonly historyTexts: readonly string[];
  readonly status: TurnStatus;
  readonly responseId: string | undefined;
  /** When the client left, in epoch ms; only for `aborted`. */
  readonly abortedAt: number | undefined;
}

/** The same, while the simulator itself still writes to it. */
export type OpenTurn = { -readonly [field in keyof SeenTurn]: SeenTurn[field] };

/** A broken rule. `rule` names it (`foreign_item`, `unsupported_parameter`, …); `answer` is what was sent. */
export interface SeenRefusal {
  readonly account: string | undefined;
  readonly rule: string;
  readonly message: string;
  readonly answer: ErrorAnswer;
  readonly at: number;
}

/** Older turns are dropped beyond this, so that a demo can run for weeks. */
const KEPT_TURNS = 20_000;

interface Waiter {
  readonly check: () => boolean;
  readonly resolve: () => void;
}

export class Journal {
  readonly seen: SeenTurn[] = [];
  readonly refusals: SeenRefusal[] = [];
  readonly #waiters = new Set<Waiter>();

  arrive(turn: Omit<SeenTurn, 'status' | 'responseId' | 'abortedAt' | 'receivedAt'>): OpenTurn {
    const fresh = { status: 'running', responseId: undefined, abortedAt: undefined } as const;
    const open: OpenTurn = Object.assign(turn, { ...fresh, receivedAt: Date.now() });
    this.seen.push(open);
    if (this.seen.length > KEPT_TURNS) this.seen.splice(0, KEPT_TURNS / 2);
    this.changed();
    return open;
  }

  settle(turn: OpenTurn, status: Exclude<TurnStatus, 'running'>): void {
    if (turn.status !== 'running') return;
    turn.status = status;
    if (status === 'aborted') turn.abortedAt = Date.now();
    this.changed();
  }

  refuse(account: string | undefined, rule: string, answer: ErrorAnswer): void {
    const message = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body);
    this.refusals.push({ account, rule, message, answer, at: Date.now() });
    this.changed();
  }

  /** Something that a waiter may look at has changed. */
  changed(): void {
    for (const waiter of this.#waiters) if (waiter.check()) waiter.resolve();
  }

  /** Resolves when `check` holds; rejects after `timeoutMs` with what was seen so far. */
  waitFor(check: () => boolean, timeoutMs: number): Promise<void> {
    if (check()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const settle = (end: () => void) => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
        end();
      };
      const waiter = { check, resolve: () => settle(resolve) };
      const timer = setTimeout(() => settle(() => reject(new Error(this.#report()))), timeoutMs);
      this.#waiters.add(waiter);
    });
  }

  #report(): string {
    const turns = this.seen.map((turn) => `${turn.account}/${turn.transport}/${turn.kind}: ${turn.status}`);
    const refusals = this.refusals.map((refusal) => `${refusal.rule}: ${refusal.message}`);
    return `the simulator waited in vain; seen [${turns.join(', ')}], refused [${refusals.join(', ')}]`;
  }
}
