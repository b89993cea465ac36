/**
 * Many conversations at once, most of them short and a few long, through every door and in every manner of a client,
 * while troubles strike. What became of each turn is counted; what should not have happened is kept in words.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { within } from '../hostile/stage.ts';
import { Caller } from './caller.ts';
import { Conversation, type End, type Manner } from './conversation.ts';
import { Random } from './random.ts';
import { ACCOUNTS, type SoakStage } from './stage.ts';
import { drawTrouble, type Strike } from './troubles.ts';

interface Length {
  readonly atOnce: number;
  /** From … to. */
  readonly turns: readonly [number, number];
  readonly contextBytes: readonly [number, number];
}

const LENGTHS: readonly Length[] = [
  { atOnce: 17, turns: [1, 12], contextBytes: [4000, 10_000] },
  { atOnce: 3, turns: [60, 150], contextBytes: [500, 500] },
];
const TROUBLED = 0.05;
const RECONNECTS = 0.05;
const SHUT_MS = 300;
const MAX_TURN_MS = 60_000;
const MAX_COMPLAINTS = 20;
/** What a server says that has more to do than it can; clients are told to try again. */
const BUSY = /more to do than it can/;
const BUSY_PAUSE_MS = 1000;
const MAX_BUSY = 60;

export interface Books {
  answered: number;
  left: number;
  /** Refused for the moment, on a machine that is busy with other work, and sent again. */
  busy: number;
  conversations: number;
  /** By the code that clients were told, and by the one that a trouble may make them be told. */
  readonly told: Map<string, number>;
  readonly mayTell: Map<string, number>;
  readonly troubles: Map<string, number>;
  /** Of turns with an answer that is not theirs, or with none. */
  readonly wrong: string[];
  wrongTurns: number;
}

/** Every so many turns, but for the last, all hold still, so that what the server holds then can be compared. */
export interface Rests {
  readonly everyTurns: number;
  readonly meanwhile: (turn: number) => Promise<void>;
}

export class Crowd {
  readonly books: Books = {
    answered: 0,
    left: 0,
    busy: 0,
    conversations: 0,
    told: new Map(),
    mayTell: new Map(),
    troubles: new Map(),
    wrong: [],
    wrongTurns: 0,
  };
  readonly #stage: SoakStage;
  readonly #caller: Caller;
  readonly #seed: number;
  readonly #turns: number;
  readonly #rests: Rests;
  #rest: Promise<void> = Promise.resolve();
  #running = 0;
  #onStill: (() => void) | undefined;
  #begun = 0;
  #ended = 0;
  #sent = 0;
  #dealt = 0;

  constructor(stage: SoakStage, plan: { seed: number; turns: number; rests: Rests }) {
    this.#stage = stage;
    this.#caller = new Caller(stage.url);
    this.#seed = plan.seed;
    this.#turns = plan.turns;
    this.#rests = plan.rests;
  }

  /** Turns that were sent, those included that a client left or that were refused for the moment. */
  get sent(): number {
    return this.#sent;
  }

  /** Troubles that were dealt to accounts. */
  get dealt(): number {
    return this.#dealt;
  }

  /** Until all turns were taken; afterwards no client has a connection any more. */
  async play(): Promise<void> {
    const all = LENGTHS.flatMap((length) => Array.from({ length: length.atOnce }, () => length));
    await Promise.all(all.map((length) => this.#converse(length)));
    await this.#rested();
    this.#caller.close();
  }

  async #converse(length: Length): Promise<void> {
    while (this.#begun < this.#turns) {
      this.books.conversations += 1;
      const name = `c${this.books.conversations}`;
      const random = new Random(this.#seed * 1_000_003 + this.books.conversations);
      const manner = this.#manner(random, length);
      await using conversation = new Conversation(name, manner, {
        url: this.#stage.url,
        caller: this.#caller,
        random,
      });
      const turns = random.between(...length.turns);
      for (let turn = 0; turn < turns && this.#begun < this.#turns; turn += 1) {
        this.#begun += 1;
        await this.#take(conversation, random, `${name} (${manner.door}, ${manner.upload}, ${manner.names})`);
      }
      this.#sent += conversation.sent;
    }
  }

  #manner(random: Random, length: Length): Manner {
    const door = random.one(['json', 'sse', 'ws'] as const);
    const upload = random.one(door === 'json' ? (['anchored', 'whole'] as const) : UPLOADS);
    const names = upload === 'codex' ? 'thread' : random.one(['thread', 'session', 'nothing'] as const);
    const contextBytes = random.between(...length.contextBytes);
    return { door, upload, names, headers: random.one(this.#stage.callers), contextBytes };
  }

  async #take(conversation: Conversation, random: Random, who: string): Promise<void> {
    await this.#rested();
    this.#running += 1;
    await this.#takeNow(conversation, random, who);
    this.#running -= 1;
    this.#ended += 1;
    const due = this.#ended % this.#rests.everyTurns === 0 && this.#ended < this.#turns;
    if (due) this.#rest = this.#holdStill(this.#ended);
    if (this.#running === 0) this.#onStill?.();
  }

  /** Until nobody holds still any more: another rest may have begun while the last one was waited for. */
  async #rested(): Promise<void> {
    for (let rest: Promise<void> | undefined; rest !== this.#rest; ) {
      rest = this.#rest;
      await rest;
    }
  }

  async #holdStill(turn: number): Promise<void> {
    if (this.#running > 0) {
      await new Promise<void>((resolve) => {
        this.#onStill = resolve;
      });
    }
    await this.#rests.meanwhile(turn);
  }

  async #takeNow(conversation: Conversation, random: Random, who: string): Promise<void> {
    const strike = random.next() < TROUBLED ? this.#deal(random) : undefined;
    if (random.next() < RECONNECTS) await conversation.reconnect();
    const leavesAfterMs = strike?.on === 'client' ? strike.leavesAfterMs : undefined;
    try {
      this.#count(await within(MAX_TURN_MS, 'a turn', this.#insist(conversation, leavesAfterMs)));
    } catch (error) {
      this.books.wrongTurns += 1;
      const why = String(error instanceof Error ? error.message : error).slice(0, 600);
      if (this.books.wrong.length < MAX_COMPLAINTS) this.books.wrong.push(`${who}: ${why}`);
      await conversation.reconnect();
    }
  }

  /** Again, as clients are told to, while the server refuses new turns. */
  async #insist(conversation: Conversation, leavesAfterMs: number | undefined): Promise<End> {
    for (let refused = 0; ; refused += 1) {
      const end = await conversation.say(leavesAfterMs);
      if (end.end !== 'told' || !BUSY.test(end.message) || refused === MAX_BUSY) return end;
      this.books.busy += 1;
      await pause(BUSY_PAUSE_MS);
    }
  }

  #deal(random: Random): Strike {
    const trouble = drawTrouble(random);
    add(this.books.troubles, trouble.name);
    const strike = trouble.strike(random);
    if (strike.on === 'route') void this.#stage.relay.shutFor(SHUT_MS);
    if (strike.on !== 'upstream') return strike;
    const { simulator } = this.#stage;
    // Troubles that queue up where nobody is served would all strike the first turn that comes back there.
    const waiting = ACCOUNTS.filter((name) => simulator.unplayed(name) === 0);
    simulator.script(random.one(waiting.length > 0 ? waiting : ACCOUNTS), strike.behaviour);
    this.#dealt += 1;
    if (strike.mayTell !== undefined) add(this.books.mayTell, strike.mayTell);
    return strike;
  }

  #count(end: End): void {
    if (end.end === 'told') add(this.books.told, end.code);
    else this.books[end.end] += 1;
  }
}

const UPLOADS = ['anchored', 'whole', 'codex'] as const;

function add(to: Map<string, number>, name: string): void {
  to.set(name, (to.get(name) ?? 0) + 1);
}
