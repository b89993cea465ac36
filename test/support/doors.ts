/**
 * The three doors as clients see them, in one shape, so that one story can be told through each.
 */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { WebSocket } from 'ws';

export type Door = 'json' | 'sse' | 'ws';
export const DOORS: readonly Door[] = ['json', 'sse', 'ws'];

export type StreamEvent = Readonly<Record<string, unknown>> & { readonly type: string };

export interface Answer {
  /** HTTP status; on a WebSocket that of the error frame, else 200. */
  readonly status: number;
  /** What streamed; empty for JSON. */
  readonly events: readonly StreamEvent[];
  readonly comments: readonly string[];
  readonly response: Record<string, unknown> | undefined;
  readonly error: Record<string, unknown> | undefined;
  readonly headers: Headers;
}

/** Frames of the backend's own, which only Codex clients see and which count for nothing. */
const VENDOR = /^(codex\.|responsesapi\.|response\.metadata$)/;

/** One beginning at most, one end, numbers without a gap, deltas that add up. */
export function checkStream({ events, response }: Answer): void {
  if (events.length === 0) return;
  const ends = events.filter((event) => ENDS.has(event.type));
  deepEqual(ends, [events.at(-1)]);
  ok(events.filter((event) => event.type === 'response.created').length <= 1, 'begun twice');
  const numbered = events.filter((event) => event.type !== 'error' && !VENDOR.test(event.type));
  const numbers = numbered.map((event) => event['sequence_number']);
  deepEqual(
    numbers,
    numbers.map((_, index) => index),
  );
  if (events.at(-1)?.type !== 'response.completed') return;
  const deltas = events
    .filter((event) => event.type === 'response.output_text.delta')
    .map((event) => event['delta']);
  equal(deltas.join(''), textOf({ response }));
}

/** The text of the message that the model answered. */
export function textOf(answer: Pick<Answer, 'response'>): string {
  const output = (answer.response?.['output'] ?? []) as { type: string; content?: { text?: string }[] }[];
  return output
    .filter((item) => item.type === 'message')
    .flatMap((item) => item.content ?? [])
    .map((part) => part.text ?? '')
    .join('');
}

export function idOf(answer: Answer): string {
  return String(answer.response?.['id']);
}

export interface Client extends AsyncDisposable {
  turn(body: object): Promise<Answer>;
}

export async function openDoor(
  door: Door,
  url: string,
  headers: Record<string, string> = {},
): Promise<Client> {
  if (door === 'ws') return openSocket(url, headers);
  return {
    turn: (body) =>
      post(url, { model: 'gpt-5.5', ...body, ...(door === 'sse' ? { stream: true } : {}) }, headers),
    [Symbol.asyncDispose]: async () => {},
  };
}

export async function post(
  url: string,
  body: object | Buffer | string,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const raw = Buffer.isBuffer(body) || typeof body === 'string' ? body : JSON.stringify(body);
  const answer = await fetch(`${url}/v1/responses`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: raw as string,
  });
  return readAnswer(answer);
}

export async function readAnswer(answer: Response): Promise<Answer> {
  const text = await answer.text();
  if ((answer.headers.get('content-type') ?? '').startsWith('text/event-stream'))
    return readStream(text, answer);
  const json = JSON.parse(text) as Record<string, unknown>;
  const error = json['error'] as Record<string, unknown> | null;
  const failed = answer.status >= 400;
  return {
    status: answer.status,
    events: [],
    comments: [],
    response: failed ? undefined : json,
    error: failed ? (error ?? undefined) : undefined,
    headers: answer.headers,
  };
}

function readStream(text: string, answer: Response): Answer {
  const blocks = text.split('\n\n').filter((block) => block !== '');
  const comments = blocks.filter((block) => block.startsWith(':'));
  const events = blocks
    .filter((block) => !block.startsWith(':'))
    .map((block) => JSON.parse(block.slice(block.indexOf('data: ') + 6)) as StreamEvent);
  return ended(events, { status: answer.status, comments, headers: answer.headers });
}

function ended(
  events: readonly StreamEvent[],
  more: { status: number; comments: readonly string[]; headers: Headers },
): Answer {
  const last = events.at(-1);
  const response = last?.['response'] as Record<string, unknown> | undefined;
  const error = (last?.type === 'response.failed' ? response?.['error'] : last?.['error']) as
    | Record<string, unknown>
    | undefined;
  const status = last?.type === 'error' ? Number(last['status']) : more.status;
  return {
    ...more,
    status,
    events,
    response,
    error: last?.type === 'response.completed' ? undefined : error,
  };
}

const ENDS = new Set(['response.completed', 'response.incomplete', 'response.failed', 'error']);

/** A client's WebSocket; every message is kept, and turns are answered in order. */
export interface SocketClient extends Client {
  readonly socket: WebSocket;
  readonly messages: readonly StreamEvent[];
  send(frame: object | string): void;
  /** The next message for which `wanted` holds, counted from `from`. */
  next(wanted: (event: StreamEvent) => boolean, from?: number): Promise<StreamEvent>;
}

export async function openSocket(url: string, headers: Record<string, string> = {}): Promise<SocketClient> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/responses`, { headers });
  const messages: StreamEvent[] = [];
  const waiting = new Set<() => void>();
  socket.on('message', (data) => {
    messages.push(JSON.parse(String(data)) as StreamEvent);
    for (const look of [...waiting]) look();
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('open', () => resolve());
    socket.once('error', reject);
  });
  const next = (wanted: (event: StreamEvent) => boolean, from = 0): Promise<StreamEvent> =>
    new Promise((resolve, reject) => {
      const settle = (done: () => void): void => {
        waiting.delete(look);
        socket.off('close', onClose);
        done();
      };
      const onClose = (): void => settle(() => reject(new Error('the socket was closed')));
      const look = (): void => {
        const found = messages.slice(from).find(wanted);
        if (found !== undefined) settle(() => resolve(found));
      };
      socket.once('close', onClose);
      waiting.add(look);
      look();
    });
  const send = (frame: object | string): void =>
    socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame));
  return {
    socket,
    messages,
    send,
    next,
    turn: async (body) => {
      const from = messages.length;
      send({ type: 'response.create', model: 'gpt-5.5', ...body });
      await next((event) => ENDS.has(event.type), from);
      return ended(messages.slice(from), { status: 200, comments: [], headers: new Headers() });
    },
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
      if (socket.readyState === WebSocket.CLOSED) return;
      socket.terminate();
      await closed;
    },
  };
}
