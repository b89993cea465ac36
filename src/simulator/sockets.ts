/**
 * The WebSocket side: handshakes, frames, the one-turn-at-a-time rule, and the ways a socket dies. Turns
 * themselves are judged and played elsewhere.
 */
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { AccountState, SocketDrop } from './account-state.ts';
import { errorFrame } from './error-frames.ts';
import { apiError, connectionLimit } from './errors.ts';
import { strikeUpgrade, upgradeHeaders, upgradingAccount } from './handshake.ts';
import type { Cut, ResponseWriter } from './player.ts';
import { reset } from './reset.ts';
import type { SocketMemory } from './screening.ts';
import type { FrameShape } from './script.ts';
import { takeTurn } from './turn.ts';
import { type CreateBody, type ErrorAnswer, type Headers, isObject, type WireEvent } from './wire.ts';
import { requestHeaders, type World } from './world.ts';

/** Bytes that may wait in a socket before the player holds back. */
const HIGH_WATER_BYTES = 1 << 20;

/** Answers upgrades of `server` from now on. */
export function serveSockets(server: Server, world: World): void {
  const upgrader = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: world.maxFrameBytes,
    autoPong: false,
  });
  const limits = new WeakMap<IncomingMessage, readonly string[]>();
  upgrader.on('headers', (headers, request) => void headers.push(...(limits.get(request) ?? [])));
  server.on('upgrade', (request, stream, head) => {
    stream.on('error', () => stream.destroy());
    const account = upgradingAccount(request, stream, world);
    if (account === undefined) return;
    const behaviour = account.script.takeForUpgrade();
    if (behaviour !== undefined && strikeUpgrade(behaviour, stream) === 'over')
      return world.journal.changed();
    limits.set(request, upgradeHeaders(account));
    upgrader.handleUpgrade(request, stream, head, (socket) => {
      const lane = new Lane(world, { account, socket, stream, headers: requestHeaders(request) });
      if (behaviour?.fault?.kind === 'close') lane.cut(behaviour.fault);
    });
  });
}

interface LaneParts {
  readonly account: AccountState;
  readonly socket: WebSocket;
  readonly stream: Duplex;
  readonly headers: Headers;
}

/** One open socket: its memory of the newest response, and the turn it carries. */
class Lane {
  readonly number: number;
  readonly #world: World;
  readonly #parts: LaneParts;
  readonly #memory: SocketMemory = { newest: undefined };
  readonly #gone = new AbortController();
  #busy = false;
  #pongs = true;
  #silent = false;

  constructor(world: World, parts: LaneParts) {
    this.#world = world;
    this.#parts = parts;
    world.socketCount += 1;
    this.number = world.socketCount;
    parts.account.sockets.add(this);
    const { socket } = parts;
    socket.on('message', (data, isBinary) => this.#receive(data as Buffer, isBinary));
    socket.on('ping', (data) => this.#pongs && socket.pong(data));
    socket.on('error', (error) => this.#fail(error));
    const lifetime = world.connectionLifetimeMs;
    const expiry = lifetime === undefined ? undefined : setTimeout(() => this.#expire(), lifetime);
    expiry?.unref();
    socket.on('close', () => {
      clearTimeout(expiry);
      parts.account.sockets.delete(this);
      this.#gone.abort();
      world.journal.changed();
    });
    world.journal.changed();
  }

  drop(how: SocketDrop): void {
    if ('close' in how) this.cut({ kind: 'close', code: how.close });
    else this.cut({ kind: 'reset' });
  }

  cut(how: Cut): void {
    const { socket, stream } = this.#parts;
    if (how.kind === 'close' && how.code === 1006) stream.destroy();
    else if (how.kind === 'close') socket.close(how.code, how.reason);
    else if (how.kind === 'reset') reset(stream, this.#busy ? 'sent' : 'unsent');
    else if (how.kind === 'eof') stream.end();
    else {
      this.#silent = true;
      this.#pongs = how.pongs !== 'none';
    }
  }

  /** ws closes with 1009 by itself when a frame is too long; the frame never gets further than this. */
  #fail(error: Error & { code?: string }): void {
    if (error.code !== 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') return;
    const answer = { status: 1009, body: error.message };
    this.#world.journal.refuse(this.#parts.account.name, 'frame_too_big', answer);
  }

  #expire(): void {
    this.#write(errorFrame(connectionLimit()));
    this.#parts.socket.close(1000);
  }

  #receive(data: Buffer, isBinary: boolean): void {
    if (this.#silent) return;
    const body = isBinary ? undefined : parsed(data);
    if (body?.type === 'response.processed') return;
    if (body?.type !== 'response.create') {
      this.#refuseFrame('unknown_frame', 'Unknown frame type.');
    } else if (this.#busy) {
      this.#refuseFrame('concurrent_create', 'A response is already in progress.');
    } else {
      this.#start(body, data.length);
    }
  }

  #start(body: CreateBody, bytes: number): void {
    this.#busy = true;
    const { account, headers } = this.#parts;
    const arrival = {
      account,
      transport: 'ws',
      kind: body.generate === false ? 'prewarm' : 'create',
      socket: this.number,
      memory: this.#memory,
      body,
      bytes,
      headers,
    } as const;
    takeTurn(this.#world, arrival, this.#writer()).catch((error: unknown) => {
      this.#parts.stream.destroy(error as Error);
    });
  }

  #refuseFrame(rule: string, message: string): void {
    const answer = apiError(400, { message, code: rule });
    this.#world.journal.refuse(this.#parts.account.name, rule, answer);
    this.#write(errorFrame(answer));
  }

  #writer(): ResponseWriter {
    return {
      gone: this.#gone.signal,
      open: () => undefined,
      send: (event) => this.#send(event),
      sendGarbage: (frame) => this.#parts.socket.send(frame),
      refuse: (answer: ErrorAnswer, shape?: FrameShape) => {
        this.#busy = false;
        this.#write(errorFrame(answer, shape));
      },
      end: () => undefined,
      cut: (how) => {
        this.cut(how);
        return 'over';
      },
    };
  }

  /** The lane is free as soon as the terminal event is on its way: the client may answer it at once. */
  #send(event: WireEvent): Promise<void> | undefined {
    if (TERMINAL.has(event.type)) this.#busy = false;
    return this.#write(event);
  }

  #write(event: WireEvent): Promise<void> | undefined {
    const { socket } = this.#parts;
    if (socket.readyState !== socket.OPEN) return undefined;
    const text = JSON.stringify(event);
    if (socket.bufferedAmount < HIGH_WATER_BYTES) {
      socket.send(text);
      return undefined;
    }
    return new Promise((resolve) => socket.send(text, () => resolve()));
  }
}

const TERMINAL = new Set(['response.completed', 'response.incomplete', 'response.failed', 'error']);

/** The frame as a body, or undefined when it is not a JSON object. */
function parsed(data: Buffer): CreateBody | undefined {
  try {
    const value: unknown = JSON.parse(data.toString());
    return isObject(value) ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
