/**
 * One browser's stream of server-sent events. A reader that falls far behind is cut off: it comes back by itself, and
 * until then it costs no memory.
 */
import type { ServerResponse } from 'node:http';
import type { FeedEvent } from '../../observability/live/feed.ts';

const MAX_UNREAD_BYTES = 1024 * 1024;
const RECONNECT_AFTER_MS = 1000;

type Answer = Pick<
  ServerResponse,
  'writeHead' | 'write' | 'end' | 'destroy' | 'destroyed' | 'writableEnded' | 'writableLength'
>;

export class EventStream {
  readonly #raw: Answer;

  constructor(raw: Answer, requestId: string) {
    this.#raw = raw;
    raw.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
      'x-request-id': requestId,
    });
    raw.write(`retry: ${RECONNECT_AFTER_MS}\n\n`);
  }

  write({ id, name, data }: FeedEvent): void {
    this.#send(`${id === undefined ? '' : `id: ${id}\n`}event: ${name}\ndata: ${data}\n\n`);
  }

  comment(): void {
    this.#send(':\n\n');
  }

  end(): void {
    this.#raw.end();
  }

  #send(text: string): void {
    if (this.#raw.destroyed || this.#raw.writableEnded) return;
    if (this.#raw.writableLength > MAX_UNREAD_BYTES) this.#raw.destroy();
    else this.#raw.write(text);
  }
}
