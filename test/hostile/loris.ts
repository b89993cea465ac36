/**
 * Peers that hold connections by sending next to nothing: headers and bodies that drip or stop. They stay while the
 * other cases run; at the end the server must have got rid of them.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { type Stage, within } from './stage.ts';

const EACH = 75;
const DRIP_EVERY_MS = 1000;
/** A share of a second: whoever watches the server would call anything longer an outage. */
const HEALTHY_MS = 100;
const CHECKS = 40;
/** Twenty seconds for headers and thirty for a silent body, and what the server needs to look. */
const STALLED_GONE_AFTER_MS = 36_000;
/** Five seconds in which what still comes is thrown away. */
const REFUSED_GONE_AFTER_MS = 12_000;
/** A minute until the pace of a body is judged. */
const DRIPPING_GONE_AFTER_MS = 65_000;

const HEADERS = 'GET /healthz HTTP/1.1\r\nhost: localhost\r\nx-slow: ';
const BODY =
  'POST /v1/responses HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 1000000\r\n\r\n{"';

/** Refused by its headers; its body is not waited for. */
const REFUSED = BODY.replace('localhost', 'nobody.example');

type Kind = 'dripping headers' | 'stalled body' | 'dripping body' | 'refused body';

const OPENING: Readonly<Record<Kind, string>> = {
  'dripping headers': HEADERS,
  'stalled body': BODY,
  'dripping body': BODY,
  'refused body': REFUSED,
};

interface Loris {
  readonly kind: Kind;
  readonly socket: Socket;
  answer: string;
}

export class LorisHerd {
  readonly #stage: Stage;
  readonly #all: readonly Loris[];
  readonly #drip: NodeJS.Timeout;
  readonly #begunAt = performance.now();

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#all = (Object.keys(OPENING) as Kind[]).flatMap((kind) =>
      Array.from({ length: EACH }, () => begin(kind, stage.port)),
    );
    this.#drip = setInterval(() => {
      for (const { kind, socket } of this.#all) if (kind !== 'stalled body') socket.write('x');
    }, DRIP_EVERY_MS);
  }

  /** While all of them hold on. */
  async nobodyElseNotices(): Promise<void> {
    const times: number[] = [];
    for (let check = 0; check < CHECKS; check += 1) {
      times.push(await this.#stage.health());
      await pause(50);
    }
    const open = this.#all.filter(({ socket }) => !socket.closed).length;
    assert.equal(open, this.#all.length, 'some did not hold on');
    // Not the slowest: on a shared machine a single one may have to wait for anything.
    const usual = times.toSorted((a, b) => a - b)[CHECKS / 2] ?? Infinity;
    assert.ok(usual < HEALTHY_MS, `half of the health checks took ${Math.round(usual)} ms or longer`);
  }

  stalledAreGone(): Promise<void> {
    return this.#gone(['dripping headers', 'stalled body'], STALLED_GONE_AFTER_MS);
  }

  drippingAreGone(): Promise<void> {
    return this.#gone(['dripping body'], DRIPPING_GONE_AFTER_MS);
  }

  async #gone(kinds: readonly Kind[], afterMs: number): Promise<void> {
    const these = this.#all.filter(({ kind }) => kinds.includes(kind));
    const left = Math.max(1000, afterMs - (performance.now() - this.#begunAt));
    const answered = these.map(
      (loris) =>
        new Promise<void>((resolve) => {
          if (loris.answer !== '' || loris.socket.closed) return resolve();
          loris.socket.once('data', () => resolve());
          loris.socket.once('close', () => resolve());
        }),
    );
    await within(left, kinds.join(', '), Promise.all(answered));
    const wrong = these.find(({ answer }) => !answer.startsWith('HTTP/1.1 408 '));
    assert.ok(wrong === undefined, `${wrong?.kind} got: ${wrong?.answer.slice(0, 200)}`);
  }

  async refusedAreGone(): Promise<void> {
    const these = this.#all.filter(({ kind }) => kind === 'refused body');
    const closed = these.map(({ socket }) => (socket.closed ? undefined : once(socket, 'close')));
    await within(REFUSED_GONE_AFTER_MS, 'refused bodies', Promise.all(closed));
    assert.ok(these.every(({ answer }) => answer.startsWith('HTTP/1.1 421 ')));
  }

  leave(): void {
    clearInterval(this.#drip);
    for (const { socket } of this.#all) socket.destroy();
  }
}

function begin(kind: Kind, port: number): Loris {
  const socket = connect(port, '127.0.0.1');
  const loris: Loris = { kind, socket, answer: '' };
  socket.on('data', (chunk) => {
    loris.answer += String(chunk);
  });
  socket.on('error', () => socket.destroy());
  socket.write(OPENING[kind]);
  return loris;
}
