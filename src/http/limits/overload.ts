/**
 * Whether the process has more to do than it can: then new turns are refused, so that those which run can end.
 * The decision is a pure function of samples; the sampler looks at the event loop and the heap once a second.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import { type Refusal, refusal } from '../../protocol/refusal.ts';

export interface Load {
  readonly state: LoadState;
  stop(): void;
}

type LoadState = 'bearable' | 'overloaded';

export interface LoadSample {
  /** 99th percentile since the sample before. */
  readonly delayMs: number;
  /** Used part of what V8 may grow to, 0 to 1. */
  readonly heapShare: number;
}

export interface Judgement {
  readonly state: LoadState;
  /** How many samples in a row have spoken against the state. */
  readonly against: number;
}

export const AT_EASE: Judgement = { state: 'bearable', against: 0 };

/** Between the two bounds of a pair nothing changes: a server at the edge would otherwise refuse every other turn. */
const TOO_MUCH: LoadSample = { delayMs: 500, heapShare: 0.85 };
const LITTLE_AGAIN: LoadSample = { delayMs: 250, heapShare: 0.75 };
/** One long parse or one late collection is no overload; three seconds of them are. */
const SAMPLES_TO_CHANGE = 3;
const SAMPLE_EVERY_MS = 1000;

export function judge(before: Judgement, sample: LoadSample): Judgement {
  const speaksAgainst =
    before.state === 'bearable'
      ? sample.delayMs > TOO_MUCH.delayMs || sample.heapShare > TOO_MUCH.heapShare
      : sample.delayMs < LITTLE_AGAIN.delayMs && sample.heapShare < LITTLE_AGAIN.heapShare;
  if (!speaksAgainst) return { state: before.state, against: 0 };
  if (before.against + 1 < SAMPLES_TO_CHANGE) return { state: before.state, against: before.against + 1 };
  return { state: before.state === 'bearable' ? 'overloaded' : 'bearable', against: 0 };
}

export class OverloadDetector implements Load {
  readonly #delay = monitorEventLoopDelay({ resolution: 20 });
  readonly #timer: NodeJS.Timeout;
  #judged = AT_EASE;

  constructor(onChange: (state: LoadState, sample: LoadSample) => void) {
    this.#delay.enable();
    this.#timer = setInterval(() => this.#look(onChange), SAMPLE_EVERY_MS).unref();
  }

  get state(): LoadState {
    return this.#judged.state;
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#delay.disable();
  }

  #look(onChange: (state: LoadState, sample: LoadSample) => void): void {
    const heap = getHeapStatistics();
    const sample = {
      delayMs: this.#delay.percentile(99) / 1e6,
      heapShare: heap.used_heap_size / heap.heap_size_limit,
    };
    this.#delay.reset();
    const before = this.#judged.state;
    this.#judged = judge(this.#judged, sample);
    if (this.#judged.state !== before) onChange(this.#judged.state, sample);
  }
}

export function overloaded(): Refusal {
  return refusal(503, 'server_is_overloaded', 'The server has more to do than it can; try again shortly.', {
    headers: { 'retry-after': '5' },
  });
}
