/** Clients that speak HTTP: SSE and JSON turns, health probes, and readers that stop reading. */
import { Agent, request as ask, type IncomingMessage } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { emptyYield, type HttpJob, noteError, type ProbeJob, type StallJob, type Yield } from './jobs.ts';
import { delaysIn, eventsOf, shapeIn } from './wire.ts';

const LF = 0x0a;
const BREAK = Buffer.from('\n\n');
const ITEM_BYTES = 5000;

const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });
let sent = 0;

interface Question {
  readonly model: string;
  readonly answer: 'sse' | 'json';
  readonly bodyBytes?: number | undefined;
  readonly word?: string | undefined;
}

/** A history of that size in messages of a usual length; the first one differs, so that no two are the same. */
function bodyOf({ model, answer, bodyBytes = 0, word = 'hello' }: Question): Buffer {
  const item = (text: string): object => ({
    type: 'message',
    role: 'user',
    content: [{ type: 'input_text', text }],
  });
  const filler = item('f'.repeat(ITEM_BYTES));
  const items = Array.from({ length: Math.floor(bodyBytes / ITEM_BYTES) }, () => filler);
  sent += 1;
  const input = [item(`beginning ${sent}`), ...items, item(word)];
  return Buffer.from(JSON.stringify({ model, stream: answer === 'sse', store: false, input }));
}

export async function runHttp(job: HttpJob): Promise<Yield> {
  const yielded = emptyYield();
  const client = async (name: number): Promise<void> => {
    // Spread over the interval: clients that all send at once would be another load.
    if (job.everyMs !== undefined) await pause((job.everyMs * name) / job.clients);
    for (let turn = 0; turn < job.turnsEach; turn += 1) {
      const begun = performance.now();
      await oneTurn(job, `bench-${name}`, yielded).catch((error: Error) => noteError(yielded, error.message));
      const rest = (job.everyMs ?? 0) - (performance.now() - begun);
      if (rest > 0) await pause(rest);
    }
  };
  await Promise.all(Array.from({ length: job.clients }, (_, name) => client(name)));
  return yielded;
}

function oneTurn(job: HttpJob, session: string, yielded: Yield): Promise<void> {
  const body = bodyOf(job);
  return new Promise((resolve, reject) => {
    const begun = performance.now();
    const request = ask(`${job.base}/responses`, {
      method: 'POST',
      agent,
      headers: headersFor(job, body, session),
    });
    request.on('error', reject);
    request.on('response', (answer) => {
      const reading = job.answer === 'sse' ? new Stream(yielded, begun) : new Whole();
      answer.on('data', (chunk: Buffer) => reading.take(chunk));
      answer.on('error', reject);
      answer.on('end', () => {
        const wrong = answer.statusCode === 200 ? reading.wrongWith(job) : `status ${answer.statusCode}`;
        if (wrong !== undefined) return reject(new Error(wrong));
        yielded.turns += 1;
        yielded.events += reading.events;
        resolve();
      });
    });
    request.end(body);
  });
}

function headersFor(
  { key }: { readonly key: string },
  body: Buffer,
  session: string,
): Record<string, string | number> {
  return {
    authorization: `Bearer ${key}`,
    'content-type': 'application/json',
    'content-length': body.length,
    'session-id': session,
  };
}

/** Counts events by the empty lines between them, wherever the chunks are cut. */
class Stream {
  events = 0;
  readonly #yielded: Yield;
  readonly #begun: number;
  readonly #delays: number[] = [];
  #lastByte = 0;
  #tail = '';

  constructor(yielded: Yield, begun: number) {
    this.#yielded = yielded;
    this.#begun = begun;
  }

  take(chunk: Buffer): void {
    const seen = this.#delays.length;
    delaysIn(chunk, this.#delays);
    if (seen === 0 && this.#delays.length > 0) this.#yielded.firstMs.push(performance.now() - this.#begun);
    for (const delay of this.#delays.slice(seen)) this.#yielded.delaysMs.push(delay);
    if (this.#lastByte === LF && chunk[0] === LF) this.events += 1;
    for (let at = chunk.indexOf(BREAK); at >= 0; at = chunk.indexOf(BREAK, at + 2)) this.events += 1;
    this.#lastByte = chunk.at(-1) ?? 0;
    this.#tail = chunk.toString('latin1', Math.max(0, chunk.length - 200));
  }

  wrongWith({ model }: HttpJob): string | undefined {
    const shape = shapeIn(model);
    const due = shape === undefined ? 0 : eventsOf(shape);
    return this.events === due
      ? undefined
      : `${this.events} events instead of ${due}, the last: ${this.#tail}`;
  }
}

class Whole {
  readonly events = 0;
  readonly #chunks: Buffer[] = [];

  take(chunk: Buffer): void {
    this.#chunks.push(chunk);
  }

  wrongWith(): string | undefined {
    const text = Buffer.concat(this.#chunks).toString('latin1', 0, 400);
    return text.includes('"completed"') ? undefined : `not completed: ${text}`;
  }
}

export async function runProbe(job: ProbeJob): Promise<Yield> {
  const yielded = emptyYield();
  const until = performance.now() + job.forMs;
  const probe = (): Promise<void> =>
    new Promise((resolve) => {
      const begun = performance.now();
      const request = ask(new URL('/healthz', job.base), { agent }, (answer) => {
        answer.resume();
        answer.on('end', () => {
          yielded.delaysMs.push(performance.now() - begun);
          resolve();
        });
      });
      request.on('error', (error) => {
        noteError(yielded, error.message);
        resolve();
      });
      request.end();
    });
  const asked: Promise<void>[] = [];
  while (performance.now() < until) {
    asked.push(probe());
    await pause(job.everyMs);
  }
  await Promise.all(asked);
  return yielded;
}

const stalled = new Map<string, IncomingMessage[]>();

/** Resolves when every answer has begun; nothing of it is read from then on. */
export async function runStall(job: StallJob): Promise<Yield> {
  const yielded = emptyYield();
  const stall = (name: number): Promise<IncomingMessage | undefined> => {
    const body = bodyOf({ ...job, answer: 'sse' });
    return new Promise((resolve) => {
      const request = ask(`${job.base}/responses`, {
        method: 'POST',
        headers: headersFor(job, body, `stalled-${name}`),
      });
      request.on('response', (answer) => resolve(answer.pause()));
      request.on('error', (error) => {
        noteError(yielded, error.message);
        resolve(undefined);
      });
      request.end(body);
    });
  };
  const answers = await Promise.all(Array.from({ length: job.clients }, (_, name) => stall(name)));
  stalled.set(
    job.group,
    answers.filter((answer) => answer !== undefined),
  );
  return yielded;
}

export function closeStalled(group: string): void {
  for (const answer of stalled.get(group) ?? []) answer.destroy();
  stalled.delete(group);
}
