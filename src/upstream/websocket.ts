/**
 * A WebSocket to one account's upstream: one exchange at a time, kept warm in between. It owns its pings and
 * notices its own death; who uses it and what it is for is the business of the floors above.
 */
import type { Socket } from 'node:net';
import WebSocket from 'ws';
import type { AccountId } from '../domain/ids.ts';
import { type Frame, frameOf, kindOf, readable } from '../protocol/frame.ts';
import { flatHeaders, type HeaderMap, withoutLimits } from '../protocol/headers.ts';
import type { UpstreamError } from '../turn/upstream-error.ts';
import { responsesRoot, type UpstreamAccount, upgradeHeaders } from './account.ts';
import type { ConnectionGauge } from './connection-gauge.ts';
import { CONNECT_TIMEOUT_MS, socketMaker } from './proxy-tunnel.ts';
import { type FrameListener, SMALL_BODY_BYTES, type UpstreamStream } from './upstream-stream.ts';

/** Upstream closes at exactly 16 MiB; what is larger after all edits goes over HTTP. */
export const MAX_FRAME_BYTES = 15.5 * 1024 * 1024;
/** Upstream sockets live at most 60 minutes: renewed between turns before that. */
const RETIRE_AFTER_MS = 55 * 60_000;
/** Messages that are no event are skipped; a stream of them is none. */
const GARBAGE_ALLOWED = 3;
const PINGS_UNANSWERED = 2;
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/** The response this socket can be asked to continue, and the members that must be equal for a delta of our own. */
export interface Newest {
  readonly responseId: string;
  readonly fingerprint: string;
}

export interface SocketOptions {
  readonly account: UpstreamAccount;
  readonly headers: HeaderMap;
  readonly pingMs: number;
  /** A handshake that takes longer has failed; 15 s at most. */
  readonly handshakeMs: number;
  readonly signal: AbortSignal;
  readonly connectionGauge: ConnectionGauge;
}

export class UpstreamSocket {
  readonly account: AccountId;
  /** The credential it was opened with; a renewed login needs a socket of its own. */
  readonly bearer: string;
  /** The way it took. */
  readonly proxy: string | undefined;
  readonly openedAt = Date.now();
  /** Known only while nothing has failed on this socket since; a failed turn makes upstream forget its parent. */
  newest: Newest | undefined;
  /** Called once when the socket dies while nobody uses it. */
  onIdleClose: (() => void) | undefined;
  readonly #socket: WebSocket;
  #headers: HeaderMap;
  readonly #pings: NodeJS.Timeout;
  readonly #leave: () => void;
  readonly #upload: Upload;
  #listener: FrameListener | undefined;
  #unanswered = 0;
  #garbage = 0;

  constructor(socket: WebSocket, account: UpstreamAccount, opened: Opened) {
    this.#leave = opened.connectionGauge.enter();
    this.#socket = socket;
    this.#upload = new Upload(opened.stream, PINGS_UNANSWERED * opened.pingMs, () =>
      this.#end({ via: 'timeout', what: 'ping' }),
    );
    this.account = account.id;
    this.bearer = account.bearer;
    this.proxy = account.proxy;
    this.#headers = opened.headers;
    this.#pings = setInterval(() => this.#ping(), opened.pingMs).unref();
    socket.on('pong', () => {
      this.#unanswered = 0;
    });
    socket.on('message', (data, isBinary) => this.#receive(data as Buffer, isBinary ? 'binary' : 'text'));
    socket.on('close', (code, reason) => this.#end({ via: 'close', code, reason: reason.toString('utf8') }));
    socket.on('error', (error) => this.#end(errorOf(error)));
  }

  /** May carry another turn: open, nobody on it, and young enough to last one. */
  get usable(): boolean {
    const open = this.#socket.readyState === WebSocket.OPEN;
    return open && this.#listener === undefined && Date.now() - this.openedAt < RETIRE_AFTER_MS;
  }

  send(payload: Buffer, listener: FrameListener): UpstreamStream {
    this.#listener = listener;
    this.#unanswered = 0;
    listener.onHeaders(this.#headers);
    // They describe the moment of the handshake: the next turn would take them for news.
    this.#headers = withoutLimits(this.#headers);
    this.#upload.begin();
    this.#socket.send(payload, { binary: false, compress: false }, (error) => {
      this.#upload.end();
      if (this.#listener === listener && !error) listener.onSent();
    });
    return {
      pause: () => {
        if (this.#listener === listener) this.#socket.pause();
      },
      resume: () => {
        if (this.#listener === listener) this.#readOn();
      },
      abandon: () => {
        if (this.#listener === listener) this.close();
      },
    };
  }

  close(): void {
    this.#listener = undefined;
    this.onIdleClose = undefined;
    this.newest = undefined;
    clearInterval(this.#pings);
    this.#upload.end();
    this.#leave();
    this.#socket.terminate();
  }

  #receive(data: Buffer, form: 'text' | 'binary'): void {
    const listener = this.#listener;
    this.#unanswered = 0;
    const frame = form === 'text' ? frameOf(readable(data)) : undefined;
    if (listener === undefined) {
      // Between turns only news about the socket itself matters; limits come again with the next turn.
      if (frame?.type === 'error') this.#socket.close(1000);
      return;
    }
    if (frame === undefined) {
      this.#garbage += 1;
      if (this.#garbage > GARBAGE_ALLOWED) this.#end({ via: 'garbage' });
      return;
    }
    this.#settle(frame);
    listener.onFrame(frame);
  }

  /** The exchange ends before its last frame is handed over, so that the listener may start the next one. */
  #settle(frame: Frame): void {
    const kind = kindOf(frame.type);
    if (kind === 'terminal' || kind === 'error') {
      this.#listener = undefined;
      // The last frames may come out of what was read before the pause, and nobody else ends it for the next turn.
      this.#readOn();
    }
    if (kind === 'error' || frame.type === 'response.failed') this.newest = undefined;
  }

  #end(error: UpstreamError): void {
    const listener = this.#listener;
    const onIdleClose = this.onIdleClose;
    this.close();
    if (listener === undefined) onIdleClose?.();
    else listener.onFailure(error);
  }

  /** The answers to pings that went out before a pause come after it. */
  #readOn(): void {
    if (this.#socket.isPaused) this.#unanswered = 0;
    this.#socket.resume();
  }

  /**
   * While we ourselves have stopped reading, pongs cannot arrive and prove nothing. A ping would wait behind a frame
   * that is still leaving; how that frame gets on says more.
   */
  #ping(): void {
    if (this.#socket.isPaused || this.#upload.isRunning) return;
    if (this.#unanswered >= PINGS_UNANSWERED) {
      this.#end({ via: 'timeout', what: 'ping' });
      return;
    }
    this.#unanswered += 1;
    this.#socket.ping();
  }
}

type Opened = { readonly headers: HeaderMap; readonly stream: Socket } & Pick<
  SocketOptions,
  'pingMs' | 'connectionGauge'
>;

/** A frame on its way out: slow is all right, as long as something of it leaves now and then. */
class Upload {
  readonly #stream: Socket;
  readonly #stalledAfterMs: number;
  readonly #onStalled: () => void;
  isRunning = false;

  constructor(stream: Socket, stalledAfterMs: number, onStalled: () => void) {
    this.#stream = stream;
    this.#stalledAfterMs = stalledAfterMs;
    this.#onStalled = onStalled;
  }

  begin(): void {
    if (this.isRunning) return;
    this.isRunning = true;
    this.#stream.on('timeout', this.#onStalled);
    // Node counts what has left of a large write, too.
    this.#stream.setTimeout(this.#stalledAfterMs);
  }

  end(): void {
    if (!this.isRunning) return;
    this.isRunning = false;
    this.#stream.off('timeout', this.#onStalled);
    this.#stream.setTimeout(0);
  }
}

export type OpenedSocket =
  | { readonly ok: true; readonly socket: UpstreamSocket }
  | { readonly ok: false; readonly error: UpstreamError };

/** Never rejects: a refusal, a lost connection and an aborted `signal` are all signals. */
export function openSocket(options: SocketOptions): Promise<OpenedSocket> {
  const { account } = options;
  const createConnection = socketMaker(account.proxy);
  const socket = new WebSocket(`${responsesRoot(account).replace(/^http/, 'ws')}/responses`, {
    headers: upgradeHeaders(account, options.headers),
    perMessageDeflate: false,
    handshakeTimeout: Math.min(CONNECT_TIMEOUT_MS, options.handshakeMs),
    maxPayload: MAX_ANSWER_BYTES,
    skipUTF8Validation: true,
    // The type knows only connections that are there at once; node:http waits for one that calls back.
    ...(createConnection === undefined ? {} : { createConnection: createConnection as never }),
  });
  return new Promise((resolve) => {
    const fail = (error: UpstreamError): void => resolve({ ok: false, error });
    const onAbort = (): void => socket.terminate();
    options.signal.addEventListener('abort', onAbort, { once: true });
    socket.once('upgrade', (answer) => {
      const { pingMs, connectionGauge } = options;
      const opened = { headers: flatHeaders(answer.headers), stream: answer.socket, pingMs, connectionGauge };
      socket.once('open', () => {
        options.signal.removeEventListener('abort', onAbort);
        socket.removeAllListeners();
        resolve({ ok: true, socket: new UpstreamSocket(socket, account, opened) });
      });
    });
    socket.once('unexpected-response', (request, answer) => {
      const status = answer.statusCode ?? 502;
      collect(answer).then((body) => {
        request.destroy();
        fail({ via: 'upgrade', status, headers: flatHeaders(answer.headers), body: parseBody(body) });
      });
    });
    socket.on('error', (error) => fail(errorOf(error)));
    socket.once('close', (code) =>
      fail({ via: 'socket', code: `close_${code}`, message: 'closed during upgrade' }),
    );
  });
}

async function collect(answer: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of answer) {
      bytes += chunk.length;
      if (bytes > SMALL_BODY_BYTES) break;
      chunks.push(chunk);
    }
  } catch (cause) {
    // A body cut short is judged by what arrived of it.
    if (!(cause instanceof Error)) throw cause;
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** JSON where it is JSON, else the text itself: a firewall answers in HTML. */
export function parseBody(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    if (cause instanceof SyntaxError) return text;
    throw cause;
  }
}

export function errorOf(error: Error): UpstreamError {
  const code = (error as NodeJS.ErrnoException).code ?? error.name;
  return { via: 'socket', code, message: error.message };
}
