/**
 * A bare client for tests of the simulator: it sends exactly what it is given and collects what comes back.
 * It must stay free of retries and repairs, since those are what is tested elsewhere.
 */
import { once } from 'node:events';
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { WebSocket } from 'ws';
import type { WireEvent } from '../../src/simulator/wire.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The parsed body; undefined when it is not JSON. */
  readonly json: Record<string, unknown> | undefined;
  /** The parsed SSE events; empty for other bodies. */
  readonly events: readonly WireEvent[];
}

/** One request; a body makes it a POST. Rejects when the connection breaks. */
export async function call(
  url: string,
  headers: Record<string, string>,
  body?: object,
  method = body === undefined ? 'GET' : 'POST',
): Promise<Answer> {
  const init = body === undefined ? {} : { body: JSON.stringify(body) };
  const response = await fetch(url, {
    method,
    headers: { 'content-type': 'application/json', ...headers },
    ...init,
  });
  const text = await response.text();
  const json = text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : undefined;
  return { status: response.status, headers: response.headers, text, json, events: eventsOf(text) };
}

function eventsOf(text: string): readonly WireEvent[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('data: {'))
    .map((line) => JSON.parse(line.slice('data: '.length)) as WireEvent);
}

/** Events of a stream as they come. Whoever breaks out of the loop leaves. */
export async function* follow(
  url: string,
  headers: Record<string, string>,
  body?: object,
): AsyncGenerator<WireEvent> {
  const gone = new AbortController();
  const more = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
  try {
    const response = await fetch(url, { headers, ...more, signal: gone.signal });
    let text = '';
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk).toString();
      const end = text.lastIndexOf('\n\n') + 1;
      yield* eventsOf(text.slice(0, end));
      text = text.slice(end);
    }
  } finally {
    gone.abort();
  }
}

export interface Handshake {
  readonly status: number;
  readonly reason: string;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** The answer to an upgrade, as HTTP; an open socket is left at once. */
export async function handshake(httpUrl: string, headers: Record<string, string>): Promise<Handshake> {
  const upgrade = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13' };
  const key = { 'sec-websocket-key': Buffer.from('a simulated key.').toString('base64') };
  const asked = request(httpUrl, { headers: { ...headers, ...upgrade, ...key } }).end();
  asked.on('socket', (socket) => socket.on('error', () => socket.destroy()));
  const [answer] = (await Promise.race([once(asked, 'response'), once(asked, 'upgrade')])) as [
    IncomingMessage,
  ];
  const { statusCode: status = 0, statusMessage: reason = '' } = answer;
  let text = '';
  if (status !== 101) for await (const chunk of answer) text += String(chunk);
  asked.destroy();
  return { status, reason, headers: answer.headers, text };
}

const LAST = new Set(['response.completed', 'response.incomplete', 'response.failed', 'error']);

/** One WebSocket; frames wait until they are asked for. */
export class TestSocket {
  readonly #socket: WebSocket;
  readonly #frames: string[] = [];
  readonly closed: Promise<number>;
  #wake: (() => void) | undefined;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data) => {
      this.#frames.push(String(data));
      this.#wake?.();
    });
    this.closed = new Promise((resolve) => {
      socket.on('close', (code) => {
        resolve(code);
        this.#wake?.();
      });
    });
  }

  /** Rejects when the handshake is refused; the error names the status. */
  static async open(httpUrl: string, headers: Record<string, string>): Promise<TestSocket> {
    const socket = new WebSocket(httpUrl.replace('http', 'ws'), { headers, perMessageDeflate: false });
    const client = new TestSocket(socket);
    await once(socket, 'open');
    socket.on('error', () => socket.terminate());
    return client;
  }

  send(frame: object | string): void {
    this.#socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame));
  }

  /** The next frame as it came, or undefined when the socket is closed and none is left. */
  async nextText(): Promise<string | undefined> {
    while (this.#frames.length === 0 && this.#socket.readyState !== WebSocket.CLOSED) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#frames.shift();
  }

  /** Sends a create and collects its frames up to the terminal one, or up to the close. */
  async turn(body: object): Promise<readonly WireEvent[]> {
    this.send({ type: 'response.create', ...body });
    const events: WireEvent[] = [];
    for (;;) {
      const text = await this.nextText();
      if (text === undefined) return events;
      const event = JSON.parse(text) as WireEvent;
      events.push(event);
      if (LAST.has(event.type)) return events;
    }
  }

  ping(): Promise<unknown> {
    const pong = once(this.#socket, 'pong');
    this.#socket.ping();
    return pong;
  }

  leave(): void {
    this.#socket.terminate();
  }
}

/** The response object of the last event. */
export function responseOf(events: readonly WireEvent[]): Record<string, unknown> {
  return (events.at(-1)?.['response'] ?? {}) as Record<string, unknown>;
}

export function idOf(events: readonly WireEvent[]): string {
  return String(responseOf(events)['id']);
}

/** All text deltas, joined. */
export function spoken(events: readonly WireEvent[]): string {
  const deltas = events.filter((event) => event.type === 'response.output_text.delta');
  return deltas.map((event) => String(event['delta'])).join('');
}

export function errorOf(event: WireEvent | undefined): Record<string, unknown> {
  return (event?.['error'] ?? {}) as Record<string, unknown>;
}

/** A user message as an input item. */
export function user(text: string): object {
  return { type: 'message', role: 'user', content: [{ type: 'input_text', text }] };
}
