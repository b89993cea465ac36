/**
 * Looks at the pool when an account has changed and now and then besides, and sends what is new to the channels.
 * Decides neither what is news (`incidents.ts`) nor how a channel wants it (`channels.ts`).
 */
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { statusOf } from '../../accounts/account.ts';
import type { Log } from '../../log.ts';
import type { Store } from '../../store/store.ts';
import { type AlertText, alertText, testAlert } from './alert-text.ts';
import { ChannelList } from './channel-list.ts';
import { type Channel, render, wants } from './channels.ts';
import * as delivery from './delivery.ts';
import { compare, EVENTS, type Incidents, type PoolSnapshot } from './incidents.ts';

/** Blocks end by the clock, and nobody reports that. */
const LOOK_EVERY_MS = 15_000;
/** A turn changes an account several times in a breath. */
const SOON_MS = 250;
/** A channel that is down for hours must not gather what nobody will want to read. */
const MAX_WAITING = 50;

export interface Clock {
  now(): number;
  /** Returns what cancels it. */
  after(ms: number, run: () => void): () => void;
}

export interface NotifierOptions {
  readonly store: Store;
  readonly log: Log;
  readonly clock?: Clock;
  readonly post?: delivery.Post;
  readonly pause?: delivery.Pause;
}

export interface Tested {
  readonly channel: Channel;
  readonly outcome: delivery.Outcome;
}

const systemClock: Clock = {
  now: Date.now,
  after: (ms, run) => {
    const timer = setTimeout(run, ms).unref();
    return () => clearTimeout(timer);
  },
};

const NAME = 'episodes';
const incidentsSchema = z.record(
  z.string(),
  z.object({ phase: z.enum(['open', 'over']), toldAt: z.partialRecord(z.enum(EVENTS), z.number()) }),
);

interface Lane {
  waiting: number;
  tail: Promise<void>;
}

export class Notifier {
  readonly channels: ChannelList;
  readonly #options: NotifierOptions;
  readonly #clock: Clock;
  readonly #stopping = new AbortController();
  /** By channel id: what is announced in one order arrives in it. */
  readonly #lanes = new Map<string, Lane>();
  #incidents: Incidents;
  #next: { readonly kind: 'soon' | 'later'; cancel(): void } | undefined;

  constructor(options: NotifierOptions) {
    const { store } = options;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.channels = new ChannelList(store);
    this.#incidents = incidentsSchema.safeParse(store.settings.get(NAME)).data ?? {};
    store.accounts.watch(() => this.#lookSoon());
    this.#lookSoon();
  }

  /** One try for each, all at the same time. */
  async test(channels: readonly Channel[]): Promise<readonly Tested[]> {
    const alert = testAlert(this.#clock.now());
    const post = this.#options.post ?? delivery.post;
    return Promise.all(
      channels.map(async (channel) => ({
        channel,
        outcome: await post(render(channel, alert), this.#stopping.signal),
      })),
    );
  }

  /** What is on its way is given up. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#next?.cancel();
    await Promise.all([...this.#lanes.values()].map(({ tail }) => tail));
  }

  #lookSoon(): void {
    if (this.#next?.kind !== 'soon') this.#lookIn('soon', SOON_MS);
  }

  #lookIn(kind: 'soon' | 'later', ms: number): void {
    if (this.#stopping.signal.aborted) return;
    this.#next?.cancel();
    this.#next = { kind, cancel: this.#clock.after(ms, () => this.#look()) };
  }

  #look(): void {
    this.#lookIn('later', LOOK_EVERY_MS);
    const snapshot = this.#snapshot();
    const { incidents, news } = compare(this.#incidents, snapshot);
    this.#remember(incidents);
    for (const one of news) this.#send(alertText(one, snapshot));
  }

  #snapshot(): PoolSnapshot {
    const { accounts, writer } = this.#options.store;
    const at = this.#clock.now();
    return {
      at,
      accounts: accounts.all().map((row) => ({
        id: row.id,
        name: row.name,
        status: statusOf(row, at),
        availableAt: row.availableAt,
      })),
      disk: writer.healthy ? 'writable' : 'failing',
    };
  }

  /** Nobody waits for the disk here: that it cannot be written may be the news. */
  #remember(incidents: Incidents): void {
    if (isDeepStrictEqual(incidents, this.#incidents)) return;
    this.#incidents = incidents;
    this.#options.store.settings
      .set(NAME, incidents)
      .catch((error: Error) => this.#options.log.warn({ reason: error.message }, 'episodes not saved'));
  }

  #send(alert: AlertText): void {
    this.#options.log.info({ event: alert.event, account: alert.accountId }, 'news about the pool');
    for (const channel of this.channels.all()) {
      if (wants(channel, alert)) this.#queue(channel, alert);
    }
  }

  #queue(channel: Channel, alert: AlertText): void {
    const lane = this.#lanes.get(channel.id) ?? { waiting: 0, tail: Promise.resolve() };
    this.#lanes.set(channel.id, lane);
    if (lane.waiting >= MAX_WAITING) {
      this.#note(channel, alert, { ok: false, reason: 'too many wait', repeat: 'useless' });
      return;
    }
    lane.waiting += 1;
    lane.tail = lane.tail.then(async () => {
      await this.#deliver(channel, alert);
      lane.waiting -= 1;
      if (lane.waiting === 0) this.#lanes.delete(channel.id);
    });
  }

  async #deliver(channel: Channel, alert: AlertText): Promise<void> {
    const { post = delivery.post, pause = delivery.pause } = this.#options;
    const signal = this.#stopping.signal;
    const outcome = await delivery.deliver(render(channel, alert), { post, pause, signal });
    this.#note(channel, alert, outcome);
  }

  #note({ id, kind }: Channel, { event }: AlertText, outcome: delivery.Outcome): void {
    const line = { channel: id, kind, event };
    if (outcome.ok) this.#options.log.info(line, 'notification sent');
    else this.#options.log.warn({ ...line, reason: outcome.reason }, 'notification not sent');
  }
}
