/**
 * The bridge as the doors see it: takes requests, knows which turns run, and lets them come to an end when the server
 * shuts down.
 */
import { randomUUID } from 'node:crypto';
import type { ResponseId, Tenant } from '../domain/ids.ts';
import type { TranscriptNode } from '../store/transcripts/node.ts';
import { localFailure } from '../turn/local-failure.ts';
import { refusalForFailure } from '../turn/refusals.ts';
import type { TurnDependencies } from './dependencies.ts';
import { backgroundAnswer } from './history/background-answer.ts';
import type { Admission, KeyRateLimiter } from './key-rate-limiter.ts';
import { Turn } from './turn/turn.ts';
import type { RunningTurn, TurnRequest, TurnSink } from './turn-request.ts';

export class Bridge {
  readonly #dependencies: TurnDependencies;
  readonly #keyLimiter: KeyRateLimiter;
  readonly #onDrained: () => void;
  readonly #running = new Set<Turn>();
  #state: 'open' | 'draining' = 'open';
  #emptied: (() => void) | undefined;

  constructor(dependencies: TurnDependencies, keyLimiter: KeyRateLimiter, onDrained: () => void) {
    this.#dependencies = dependencies;
    this.#onDrained = onDrained;
    this.#keyLimiter = keyLimiter;
  }

  get activeTurns(): number {
    return this.#running.size;
  }

  get isDraining(): boolean {
    return this.#state === 'draining';
  }

  /** `sink.end` is called exactly once, whatever happens; never before this returns. */
  run(request: TurnRequest, sink: TurnSink): RunningTurn {
    const admission = this.#admit(request.tenant);
    const turn = new Turn(request, this.#dependencies, admission.ok ? leaving(sink, admission.leave) : sink);
    this.#running.add(turn);
    const over = admission.ok ? turn.run(this.#state) : turn.turnAway(admission.refused);
    void over.then(() => {
      this.#running.delete(turn);
      if (this.#running.size === 0) this.#emptied?.();
    });
    return turn;
  }

  /** What is thrown here would end the door's connection, and on a WebSocket all its other turns. */
  #admit(tenant: Tenant): Admission {
    try {
      return this.#keyLimiter.enter(tenant, Date.now());
    } catch (cause) {
      const { message, stack } = cause as Error;
      this.#dependencies.log.error({ reason: message, stack }, 'the limits of a key could not be checked');
      return { ok: false, refused: refusalForFailure(localFailure('internal'), Date.now()) };
    }
  }

  /** A background response that has come to its end, as a part of its conversation; undefined if that is known. */
  backgroundAnswer(tenant: Tenant, id: ResponseId, body: Buffer): TranscriptNode | undefined {
    return backgroundAnswer(id, body, { tenant, source: this.#dependencies.source });
  }

  /** New turns are refused from now on; running ones have `limitMs` to finish, then each gets one failure. */
  async drain(limitMs: number): Promise<void> {
    this.#state = 'draining';
    const emptied = new Promise<void>((resolve) => {
      this.#emptied = resolve;
    });
    if (this.#running.size > 0) await withLimit(emptied, limitMs);
    this.#onDrained();
    this.#dependencies.sessions.close();
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

let issued = 0;

/** Ids sort in the order of issue, so that rows of one millisecond keep theirs: time, a counter, and chance. */
export function newRequestId(): string {
  issued = (issued + 1) % 0x10000;
  const time = Date.now().toString(16).padStart(12, '0');
  const chance = randomUUID();
  return `req_${time}${issued.toString(16).padStart(4, '0')}${chance.slice(19, 23)}${chance.slice(24)}`;
}
