/**
 * The way to the writing thread: one bounded queue, one batch in flight, one transaction per batch. Callers
 * never see a database error; they learn that their unit is committed, or that it was dropped.
 */
import { Worker } from 'node:worker_threads';
import type { StoreLog } from '../store-log.ts';
import { packUnits } from './packed-units.ts';
import {
  type Pending,
  pendingOf,
  type TimelyWrite,
  takeBatch,
  WITHDRAWN,
  type WriteResult,
} from './pending-write.ts';
import type {
  Durability,
  FromWorker,
  Patience,
  ToWorker,
  UnitResult,
  WriterOptions,
  WriteUnit,
} from './write-unit.ts';

const MAX_QUEUED_UNITS = 10_000;
const MAX_QUEUED_BYTES = 64 * 1024 * 1024;
/** Under load, turns that end within this span share a commit, which costs more than their rows; a single one never waits. */
const COMMIT_EVERY_MS = 2;
const FIRST_RETRY_MS = 250;
const LAST_RETRY_MS = 5000;
const FLUSH_LIMIT_MS = 5000;
/** Whoever changes something by hand learns soon that it cannot be saved; several tries fit in before. */
const PATIENCE: Patience = { withdrawAfterMs: 2000, uncertainAfterMs: 5000 };

export class Writer {
  readonly #options: WriterOptions;
  readonly #log: StoreLog | undefined;
  readonly #queues: Record<Durability, Pending[]> = { token: [], log: [] };
  #inFlight: readonly Pending[] = [];
  /** What the thread that runs was sent, in order. */
  readonly #texts = new Map<string, number>();
  #worker: Worker | undefined;
  #bytes = 0;
  #timer: { cancel(): void } | undefined;
  #retryMs = 0;
  #sentAt = 0;
  #dropped = 0;
  #state: 'open' | 'closed' = 'open';
  #flushed: (() => void)[] = [];

  constructor(options: WriterOptions, log?: StoreLog) {
    this.#options = options;
    this.#log = log;
    this.#startWorker();
  }

  /** Units not yet committed, the ones in flight included. */
  get pending(): number {
    return this.#queues.token.length + this.#queues.log.length + this.#inFlight.length;
  }

  /** Units lost since the start. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Whether the last try to commit succeeded. */
  get healthy(): boolean {
    return this.#retryMs === 0 && this.#state === 'open';
  }

  /** Resolves when the unit is committed (its rows are then on disk) or given up; never rejects. */
  write(unit: WriteUnit, durability: Durability = 'log'): Promise<WriteResult> {
    return new Promise((settle) => this.#enqueue(pendingOf(unit, durability, settle)));
  }

  /**
   * For changes that are answered: a unit that is not committed in time is taken back, because what was answered as
   * failed must not happen later. A unit that is being tried just then is not tried again.
   */
  writeInTime(unit: WriteUnit, durability: Durability): TimelyWrite {
    const { promise: settled, resolve: settle } = Promise.withResolvers<WriteResult>();
    const { promise: late, resolve: giveUp } = Promise.withResolvers<{ readonly kind: 'unsettled' }>();
    const entry = pendingOf(unit, durability, settle);
    const { withdrawAfterMs, uncertainAfterMs } = this.#options.patience ?? PATIENCE;
    const withdrawal = setTimeout(() => this.#withdraw(entry), withdrawAfterMs);
    const end = setTimeout(() => giveUp({ kind: 'unsettled' }), uncertainAfterMs);
    this.#enqueue(entry);
    this.#trySoon();
    const inTime = Promise.race([settled, late]);
    void inTime.then(() => {
      clearTimeout(withdrawal);
      clearTimeout(end);
    });
    return { settled, inTime };
  }

  /** Like `write`, for callers that wait so long and not longer: `queued` also when a first try has failed. */
  writeWithin(limitMs: number, unit: WriteUnit): Promise<'committed' | 'queued'> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve('queued'), limitMs);
      const settle = (kind: 'committed' | 'queued') => {
        clearTimeout(timer);
        resolve(kind);
      };
      const healthy = this.healthy;
      const entry = pendingOf(unit, 'log', (result) =>
        settle(result.kind === 'committed' ? 'committed' : 'queued'),
      );
      this.#enqueue({ ...entry, delayed: () => settle('queued') });
      if (!healthy) settle('queued');
    });
  }

  /** Resolves when nothing is left to commit, or after `limitMs`. */
  async flush(limitMs = FLUSH_LIMIT_MS): Promise<void> {
    if (this.pending === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, limitMs);
    this.#flushed.push(resolve);
    await promise;
    clearTimeout(timer);
  }

  /** Commits what is queued (for at most 5 s), drops the rest and ends the thread. */
  async close(): Promise<void> {
    if (this.#state !== 'open') return;
    await this.flush();
    this.#state = 'closed';
    this.#timer?.cancel();
    for (const entry of [...this.#queues.token.splice(0), ...this.#queues.log.splice(0)]) {
      this.#drop(entry, 'closed');
    }
    const worker = this.#worker;
    if (!worker) return;
    const ended = new Promise((resolve) => worker.once('exit', resolve));
    worker.postMessage({ kind: 'close' } satisfies ToWorker);
    await ended;
  }

  #enqueue(entry: Pending): void {
    const full = this.pending >= MAX_QUEUED_UNITS || this.#bytes + entry.bytes > MAX_QUEUED_BYTES;
    // Tokens are few and each is the only copy: the bound is for what traffic brings.
    if (this.#state === 'open' && (entry.durability === 'token' || !full)) this.#accept(entry);
    else this.#drop(entry, full ? 'queue_full' : 'closed');
  }

  #accept(entry: Pending): void {
    this.#queues[entry.durability].push(entry);
    this.#bytes += entry.bytes;
    this.#schedule();
  }

  #withdraw(entry: Pending): void {
    entry.tries = 'over';
    const queue = this.#queues[entry.durability];
    const at = queue.indexOf(entry);
    if (at < 0) return;
    queue.splice(at, 1);
    this.#giveBack(entry);
  }

  #giveBack(entry: Pending): void {
    this.#bytes -= entry.bytes;
    entry.settle(WITHDRAWN);
  }

  /** The pause between tries grows longer than people are made to wait. */
  #trySoon(): void {
    if (this.#retryMs <= FIRST_RETRY_MS || this.#timer === undefined) return;
    this.#retryMs = FIRST_RETRY_MS;
    this.#timer.cancel();
    this.#timer = undefined;
    this.#schedule();
  }

  #drop(entry: Pending, reason: string): void {
    this.#dropped += 1;
    if (this.#dropped % 1000 === 1)
      this.#log?.warn({ reason, dropped: this.#dropped }, 'database writes are lost');
    entry.settle({ kind: 'dropped', reason });
  }

  /** After this loop turn, so that everything queued in it shares one commit. */
  #schedule(): void {
    if (this.#timer || this.#inFlight.length > 0 || this.#state === 'closed') return;
    const send = () => {
      this.#timer = undefined;
      this.#send();
    };
    const sinceLast = performance.now() - this.#sentAt;
    if (this.#retryMs === 0 && sinceLast >= COMMIT_EVERY_MS) {
      const immediate = setImmediate(send);
      this.#timer = { cancel: () => clearImmediate(immediate) };
    } else {
      const timeout = setTimeout(send, Math.max(this.#retryMs, COMMIT_EVERY_MS - sinceLast));
      this.#timer = { cancel: () => clearTimeout(timeout) };
    }
  }

  #send(): void {
    const durability: Durability = this.#queues.token.length > 0 ? 'token' : 'log';
    const batch = takeBatch(this.#queues[durability]);
    if (batch.length === 0) return;
    this.#inFlight = batch;
    this.#sentAt = performance.now();
    this.#worker ??= this.#startWorker();
    const known = this.#texts.size;
    const units = packUnits(
      batch.map(({ unit }) => unit),
      (sql) => this.#numberOf(sql),
    );
    const texts = known === this.#texts.size ? [] : [...this.#texts.keys()].slice(known);
    this.#worker.postMessage({ kind: 'commit', durability, texts, units } satisfies ToWorker, [
      units.bytes.buffer,
    ]);
  }

  /** A turn's statements are always the same: to send their texts again costs more than the rest of the message. */
  #numberOf(sql: string): number {
    const known = this.#texts.get(sql);
    if (known !== undefined) return known;
    this.#texts.set(sql, this.#texts.size);
    return this.#texts.size - 1;
  }

  #answered(answer: FromWorker): void {
    if (answer.kind === 'failed') this.#failed(answer.reason);
    else this.#committed(answer.results);
  }

  #committed(results: readonly UnitResult[]): void {
    if (this.#retryMs > 0) this.#log?.warn({}, 'the database takes writes again');
    this.#retryMs = 0;
    const done = this.#inFlight;
    this.#inFlight = [];
    for (const [index, entry] of done.entries()) this.#settle(entry, results[index]);
    if (this.pending > 0) this.#schedule();
    else for (const resolve of this.#flushed.splice(0)) resolve();
  }

  #settle(entry: Pending, result: UnitResult | undefined): void {
    this.#bytes -= entry.bytes;
    if (result?.kind === 'committed') entry.settle(result);
    else this.#drop(entry, result?.reason ?? 'no_result');
  }

  /** Everything goes back to the head of its queue, in order, and is tried again later. */
  #failed(reason: string): void {
    if (this.#retryMs === 0)
      this.#log?.warn({ reason }, 'the database does not take writes; they are queued');
    this.#retryMs = Math.min(this.#retryMs === 0 ? FIRST_RETRY_MS : this.#retryMs * 2, LAST_RETRY_MS);
    const batch = this.#inFlight;
    this.#inFlight = [];
    if (this.#state === 'closed') {
      for (const entry of batch) this.#drop(entry, 'closed');
      return;
    }
    const kept = batch.filter((entry) => entry.tries === 'without_end');
    for (const entry of batch) if (entry.tries === 'over') this.#giveBack(entry);
    const first = kept[0];
    if (first) this.#queues[first.durability].unshift(...kept);
    for (const entry of [...this.#queues.token, ...this.#queues.log]) entry.delayed?.();
    if (this.pending > 0) this.#schedule();
  }

  #startWorker(): Worker {
    // Development runs the TypeScript, the bundle has the compiled thread beside it.
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    const worker = new Worker(new URL(`./writer-worker.${extension}`, import.meta.url), {
      workerData: this.#options,
      execArgv: [],
      resourceLimits: { maxYoungGenerationSizeMb: 4 },
    });
    worker.on('message', (answer: FromWorker) => this.#answered(answer));
    worker.on('error', (error) => this.#log?.warn({ reason: error.name }, 'the writing thread has failed'));
    worker.once('exit', () => {
      this.#worker = undefined;
      // What was in flight may then be committed twice: every insert tolerates that.
      if (this.#inFlight.length > 0) this.#failed('writing thread ended');
    });
    this.#texts.clear();
    this.#worker = worker;
    return worker;
  }
}
