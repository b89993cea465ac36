/**
 * The live feed: what changed, in order, for everybody who watches and for those who come back after a lost
 * connection. It knows neither what the events are about nor how they travel.
 */
import { randomBytes } from 'node:crypto';

const MAX_REMEMBERED = 1000;
/** A thing that changes all the time is told of at most this often, always with its newest state. */
const PAUSE_MS = 250;
/** A browser that lost its connection is back within this time; later nobody is waiting for what was kept. */
const KEPT_FOR_NOBODY_MS = 60_000;

export interface FeedEvent {
  /** Absent: not worth repeating to one who has missed it. */
  readonly id: string | undefined;
  readonly name: string;
  readonly data: string;
}

export type Listener = (event: FeedEvent) => void;

export type Joined =
  | { readonly how: 'anew' | 'too_late'; readonly at: string }
  | { readonly how: 'resumed'; readonly at: string; readonly missed: readonly FeedEvent[] };

interface Resting {
  /** The newest state that came while the key rests. */
  render: (() => unknown) | undefined;
}

type Name<Events> = keyof Events & string;

/** `Events` says what each kind of event carries. */
export class Feed<Events extends object = Readonly<Record<string, unknown>>> {
  /** Ids of another process say nothing about this one. */
  readonly #process = randomBytes(6).toString('hex');
  readonly #listeners = new Set<Listener>();
  readonly #resting = new Map<string, Resting>();
  readonly #now: () => number;
  #newest = 0;
  #ring: FeedEvent[] = [];
  #leftAt = Number.NEGATIVE_INFINITY;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  get watched(): boolean {
    return this.#listeners.size > 0;
  }

  publish<Kind extends Name<Events>>(name: Kind, render: () => Events[Kind]): void {
    this.#publish(name, render);
  }

  /** At once when the key was quiet, else with the newest state as soon as its pause is over. */
  update<Kind extends Name<Events>>(name: Kind, key: string, render: () => Events[Kind]): void {
    const id = `${name} ${key}`;
    const resting = this.#resting.get(id);
    if (resting !== undefined) {
      resting.render = render;
      return;
    }
    this.#publish(name, render);
    if (this.isKept) this.#rest(id, name);
  }

  /** For those who listen now; nobody is told later. */
  whisper<Kind extends Name<Events>>(name: Kind, data: Events[Kind]): void {
    const event = { id: undefined, name, data: JSON.stringify(data) };
    for (const listener of this.#listeners) listener(event);
  }

  join(listener: Listener, lastId: string | undefined): Joined {
    if (!this.isKept) this.#forget();
    this.#listeners.add(listener);
    const at = this.#idOf(this.#newest);
    if (lastId === undefined || lastId === '') return { how: 'anew', at };
    const [process, count] = lastId.split('-');
    const behind = this.#newest - Number(count);
    if (process !== this.#process || !(behind >= 0 && behind <= this.#ring.length)) {
      return { how: 'too_late', at };
    }
    return { how: 'resumed', at: lastId, missed: this.#ring.slice(this.#ring.length - behind) };
  }

  leave(listener: Listener): void {
    if (this.#listeners.delete(listener) && !this.watched) this.#leftAt = this.#now();
  }

  #publish(name: string, render: () => unknown): void {
    if (!this.isKept) {
      this.#forget();
      return;
    }
    this.#newest += 1;
    const event = { id: this.#idOf(this.#newest), name, data: JSON.stringify(render()) };
    this.#ring.push(event);
    if (this.#ring.length > MAX_REMEMBERED) this.#ring.shift();
    for (const listener of this.#listeners) listener(event);
  }

  /** Events may have gone untold: no id given so far says what its owner has missed. */
  #forget(): void {
    this.#newest += 1;
    this.#ring = [];
  }

  #rest(id: string, name: string): void {
    const resting: Resting = { render: undefined };
    this.#resting.set(id, resting);
    setTimeout(() => {
      this.#resting.delete(id);
      if (resting.render === undefined) return;
      this.#publish(name, resting.render);
      this.#rest(id, name);
    }, PAUSE_MS).unref();
  }

  /** Somebody listens, or was here a moment ago and may come back: what happens now is told or kept. */
  get isKept(): boolean {
    return this.watched || this.#now() - this.#leftAt < KEPT_FOR_NOBODY_MS;
  }

  #idOf(count: number): string {
    return `${this.#process}-${count}`;
  }
}
