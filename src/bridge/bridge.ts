/**
 * The way of a request from a door to its running turn: its session, its place there, its history, its bounds.
 * Everything that can be refused without asking an account is refused here.
 */
import { randomUUID } from 'node:crypto';
import type { AccountId, ResponseId } from '../ids.ts';
import { parseObject } from '../protocol/frame.ts';
import { bindsToAccount, hasSideEffectTools } from '../protocol/items.ts';
import { type Refusal, refusal } from '../protocol/refusal.ts';
import type { Binding, TurnFacts } from '../turn/states.ts';
import { type History, resolveHistory } from './history.ts';
import type { Rations } from './rations.ts';
import { TurnRun } from './runner.ts';
import type { Entered, Lane, Session } from './session.ts';
import type { RunningTurn, TurnRequest, TurnSink } from './stream.ts';
import { TurnRecord } from './turn-record.ts';
import type { Workshop } from './workshop.ts';

export class Bridge {
  readonly #shop: Workshop;
  readonly #rations: Rations;
  readonly #running = new Set<PendingTurn>();
  #state: 'open' | 'draining' = 'open';
  #emptied: (() => void) | undefined;

  constructor(shop: Workshop, rations: Rations) {
    this.#shop = shop;
    this.#rations = rations;
  }

  get activeTurns(): number {
    return this.#running.size;
  }

  get isDraining(): boolean {
    return this.#state === 'draining';
  }

  /** `sink.end` is called exactly once, whatever happens; never before this returns. */
  run(request: TurnRequest, sink: TurnSink): RunningTurn {
    const admission = this.#rations.enter(request.tenant, Date.now());
    const turn = new PendingTurn(request, this.#shop, admission.ok ? leaving(sink, admission.leave) : sink);
    this.#running.add(turn);
    const over = admission.ok ? turn.begin(this.#state) : turn.turnAway(admission.refused);
    over
      .catch((cause: Error) => turn.broke(cause))
      .finally(() => {
        this.#running.delete(turn);
        if (this.#running.size === 0) this.#emptied?.();
      });
    return turn;
  }

  /** New turns are refused from now on; running ones have `limitMs` to finish, then each gets one failure. */
  async drain(limitMs: number): Promise<void> {
    this.#state = 'draining';
    const emptied = new Promise<void>((resolve) => {
      this.#emptied = resolve;
    });
    if (this.#running.size > 0) await withLimit(emptied, limitMs);
    this.#shop.shutDown();
    this.#shop.sessions.close();
    if (this.#running.size > 0) await withLimit(emptied, LAST_FAILURES_MS);
  }
}

/** For the failures of the turns that were cut off to be written and sent. */
const LAST_FAILURES_MS = 3000;

async function withLimit(event: Promise<void>, limitMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limitMs);
  });
  await Promise.race([event, limit]);
  clearTimeout(timer);
}

/** The place is free before the client hears of the end: it may send its next turn in the same breath. */
function leaving(sink: TurnSink, leave: () => void): TurnSink {
  return {
    frame: (frame) => sink.frame(frame),
    flush: () => sink.flush(),
    end: (outcome) => {
      leave();
      sink.end(outcome);
    },
  };
}

/** A turn from its first moment: what a door holds does not change when the turn gets its lane. */
class PendingTurn implements RunningTurn {
  readonly #request: TurnRequest;
  readonly #shop: Workshop;
  readonly #sink: TurnSink;
  readonly #left = new AbortController();
  #run: TurnRun | undefined;
  #paused: 'paused' | 'flowing' = 'flowing';
  #seat: { readonly session: Session; readonly lane: Lane } | undefined;

  constructor(request: TurnRequest, shop: Workshop, sink: TurnSink) {
    this.#request = request;
    this.#shop = shop;
    this.#sink = sink;
  }

  get headers(): Readonly<Record<string, string>> {
    return this.#run?.headers ?? {};
  }

  get droppedParams(): readonly string[] {
    return this.#run?.droppedParams ?? [];
  }

  get responseId(): ResponseId | undefined {
    return this.#run?.responseId;
  }

  pause(): void {
    this.#paused = 'paused';
    this.#run?.pause();
  }

  resume(): void {
    this.#paused = 'flowing';
    this.#run?.resume();
  }

  leave(): void {
    this.#left.abort();
    this.#run?.leave();
  }

  /** The caller is past the limits of its key: no turn was accepted, so none is written down. */
  async turnAway(refused: Refusal): Promise<void> {
    await Promise.resolve();
    this.#sink.end({ kind: 'refused', refusal: refused });
  }

  /** Resolves when the turn is over. */
  async begin(state: 'open' | 'draining'): Promise<void> {
    // A turn of the event loop, so that the door holds its handle before anything comes back.
    await Promise.resolve();
    const session = this.#shop.sessions.sessionFor(this.#request);
    if (state === 'draining') return this.#refuse(session, shuttingDown());
    const { envelope, line } = this.#request;
    const entered = await session.enter({
      line,
      anchor: envelope.previousResponseId,
      signal: this.#left.signal,
    });
    if (!entered.ok) return this.#turnedAway(session, entered);
    session.turns += 1;
    session.lastTurnAt = Date.now();
    this.#seat = { session, lane: entered.lane };
    try {
      await this.#serve(session, entered.lane);
    } finally {
      this.#vacate();
    }
  }

  /** A mistake of ours ends this turn, and not the process with all others in it. */
  broke(cause: Error): void {
    this.#shop.log.error(
      { reason: cause.message, stack: cause.stack },
      'turn broke before its first attempt',
    );
    const message = 'Something went wrong in respool itself; the log has the reason.';
    this.#sink.end({ kind: 'refused', refusal: refusal(500, 'internal_error', message) });
  }

  /** Before the client hears of the end: it may send its next turn in the same breath. */
  #vacate(): void {
    const seat = this.#seat;
    this.#seat = undefined;
    seat?.session.leave(seat.lane);
  }

  async #serve(session: Session, lane: Lane): Promise<void> {
    if (this.#left.signal.aborted) return this.#cancelled(session);
    const resolved = resolveHistory(this.#request, this.#shop.memory);
    if (!resolved.ok) return this.#refuse(session, resolved.refused);
    const facts = this.#facts(session, resolved.history);
    await new Promise<void>((done) => {
      const assignment = { request: this.#request, session, lane, history: resolved.history, facts };
      this.#run = new TurnRun(assignment, this.#shop, {
        sink: this.#sink,
        vacate: () => this.#vacate(),
        done,
      });
      if (this.#paused === 'paused') this.#run.pause();
    });
  }

  #facts(session: Session, history: History): TurnFacts {
    const { envelope, door } = this.#request;
    const tools = envelope.members.get('tools');
    const parsed: unknown =
      tools === undefined ? [] : JSON.parse(envelope.bytes.toString('utf8', tools.start, tools.end));
    return {
      hold: door === 'json' ? 'until_end' : 'until_output',
      sideEffects: hasSideEffectTools(parsed) ? 'possible' : 'none',
      budgetMs: this.#shop.config.failoverBudgetMs,
      binding: bindingOf(this.#request, history, session.pinned),
    };
  }

  async #turnedAway(session: Session, entered: Extract<Entered, { ok: false }>): Promise<void> {
    if (this.#left.signal.aborted) return this.#cancelled(session);
    if (entered.why === 'queue_full') return this.#refuse(session, queueFull());
    const { code, message } = this.#shop.closing();
    return this.#refuse(
      session,
      code === 'server_shutting_down' ? shuttingDown() : refusal(502, 'stream_incomplete', message),
    );
  }

  async #refuse(session: Session, refused: Refusal): Promise<void> {
    const record = new TurnRecord(this.#request, session.id);
    record.refused(refused);
    await this.#shop.commit(record.finish('failed', this.#shop.memory, {}));
    this.#sink.end({ kind: 'refused', refusal: refused });
  }

  async #cancelled(session: Session): Promise<void> {
    const record = new TurnRecord(this.#request, session.id);
    await this.#shop.commit(record.finish('cancelled', this.#shop.memory, {}));
    this.#sink.end({ kind: 'cancelled' });
  }
}

const FILE_MARKS = ['"file_id"', 'sediment://'];

function bindingOf(request: TurnRequest, history: History, pinned: AccountId | undefined): Binding {
  const { anchor, whole } = history.past;
  if (anchor?.owner !== undefined && whole === 'missing') return { kind: 'owner', account: anchor.owner };
  if (pinned === undefined) return { kind: 'free' };
  const { envelope } = request;
  const files = envelope.conversation === 'given' || envelope.input.some(namesFile);
  return files ? { kind: 'files', account: pinned } : { kind: 'free' };
}

function namesFile(item: Buffer): boolean {
  return FILE_MARKS.some((mark) => item.includes(mark)) && bindsToAccount(parseObject(item));
}

let issued = 0;

/** Ids sort in the order of issue, so that rows of one millisecond keep theirs: time, a counter, and chance. */
export function newRequestId(): string {
  issued = (issued + 1) % 0x10000;
  const time = Date.now().toString(16).padStart(12, '0');
  return `req_${time}${issued.toString(16).padStart(4, '0')}${randomUUID().replaceAll('-', '').slice(16)}`;
}

export function shuttingDown(): Refusal {
  return refusal(
    503,
    'server_shutting_down',
    'The server is shutting down; the next one will take this turn.',
    {
      headers: { 'retry-after': '5' },
    },
  );
}

function queueFull(): Refusal {
  return refusal(429, 'too_many_pending_turns', 'Too many turns are waiting in this conversation already.', {
    headers: { 'retry-after': '1' },
  });
}
