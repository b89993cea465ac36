/**
 * One conversation as a client of some kind leads it. It knows what it was told in full, and holds every answer
 * against that: whatever became of the turns in between, the model has to have seen exactly this.
 */
import assert from 'node:assert/strict';
import {
  type Answer,
  checkStream,
  type Door,
  idOf,
  openSocket,
  readAnswer,
  type SocketClient,
  textOf,
} from '../support/doors.ts';
import type { Caller } from './caller.ts';
import type { Random } from './random.ts';

/** `anchored`: a turn names the one before. `whole`: everything goes up each time. `codex`: as the Codex CLI does. */
export interface Manner {
  readonly door: Door;
  readonly upload: 'anchored' | 'whole' | 'codex';
  readonly names: 'thread' | 'session' | 'nothing';
  readonly headers: Readonly<Record<string, string>>;
  /** Bytes of context that each turn brings along. */
  readonly contextBytes: number;
}

export type End =
  | { readonly end: 'answered' | 'left' }
  | { readonly end: 'told'; readonly code: string; readonly message: string };

const FILLER = Array.from({ length: 4096 }, () => crypto.randomUUID()).join('');
const TURN_STATE = 'x-codex-turn-state';

export class Conversation implements AsyncDisposable {
  readonly #name: string;
  readonly #manner: Manner;
  readonly #caller: Caller;
  readonly #url: string;
  readonly #random: Random;
  readonly #said: string[] = [];
  readonly #items: object[] = [];
  #last: string | undefined;
  #turnState: string | undefined;
  #socket: SocketClient | undefined;
  #asked = 0;
  #sent = 0;

  constructor(name: string, manner: Manner, at: { url: string; caller: Caller; random: Random }) {
    this.#name = name;
    this.#manner = manner;
    this.#url = at.url;
    this.#caller = at.caller;
    this.#random = at.random;
    if (manner.upload === 'codex') this.#items.push(message('<base>'));
  }

  /** Turns that went out, what a client sends ahead of its first one included. */
  get sent(): number {
    return this.#sent;
  }

  /** Rejects when the answer is not the one to this conversation. */
  async say(leavesAfterMs: number | undefined): Promise<End> {
    this.#asked += 1;
    const words = `${this.#name}-${this.#asked}`;
    const fresh = this.#input(words);
    const answer = await this.#ask(fresh, leavesAfterMs);
    if (answer === undefined) return { end: 'left' };
    checkStream(answer);
    if (answer.error !== undefined || answer.status !== 200) {
      const { code, type, message } = answer.error ?? {};
      return { end: 'told', code: String(code ?? type), message: String(message) };
    }
    const said = [...this.#said, words];
    const expected = `turn ${said.length} · user: ${said.join(' / ')} ·`;
    assert.ok(textOf(answer).startsWith(expected), `${expected} was answered with ${textOf(answer)}`);
    this.#said.push(words);
    const output = answer.response?.['output'];
    assert.ok(Array.isArray(output), 'an answer without output');
    this.#items.push(...fresh, ...output);
    this.#last = idOf(answer);
    this.#turnState = answer.headers.get(TURN_STATE) ?? this.#turnState;
    return { end: 'answered' };
  }

  /** The next turn comes on a new connection. */
  async reconnect(): Promise<void> {
    await this.#socket?.[Symbol.asyncDispose]();
    this.#socket = undefined;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.reconnect();
  }

  #input(words: string): object[] {
    const from = this.#random.between(0, FILLER.length - this.#manner.contextBytes);
    // The fake model takes what begins like this for context that a client made, and does not repeat it.
    const context = `<context>${FILLER.slice(from, from + this.#manner.contextBytes)}`;
    return [message(context), message(words)];
  }

  async #ask(fresh: object[], leavesAfterMs: number | undefined): Promise<Answer | undefined> {
    const leave = new AbortController();
    const timer = leavesAfterMs === undefined ? undefined : setTimeout(() => leave.abort(), leavesAfterMs);
    try {
      return await (this.#manner.door === 'ws'
        ? this.#askSocket(fresh, leave.signal)
        : this.#post(fresh, leave.signal));
    } catch (error) {
      if (leave.signal.aborted) {
        await this.reconnect();
        return undefined;
      }
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  async #post(fresh: object[], signal: AbortSignal): Promise<Answer> {
    const { door, upload, headers } = this.#manner;
    const state =
      upload === 'codex' && this.#turnState !== undefined ? { [TURN_STATE]: this.#turnState } : {};
    const streamed = door === 'sse' ? { stream: true } : {};
    const body = upload === 'anchored' ? this.#anchored(fresh) : this.#whole(fresh);
    this.#sent += 1;
    return readAnswer(
      await this.#caller.call({
        method: 'POST',
        path: '/v1/responses',
        headers: { ...headers, ...this.#named(), ...state },
        body: { model: 'gpt-5.5', ...body, ...streamed },
        signal,
      }),
    );
  }

  async #askSocket(fresh: object[], signal: AbortSignal): Promise<Answer> {
    this.#socket ??= await openSocket(this.#url, { ...this.#manner.headers, ...this.#named() });
    const socket = this.#socket;
    signal.addEventListener('abort', () => socket.socket.terminate(), { once: true });
    signal.throwIfAborted();
    const { upload } = this.#manner;
    if (upload === 'codex' && socket.messages.length === 0) {
      const refused = await this.#prewarm(socket);
      if (refused !== undefined) return refused;
      signal.throwIfAborted();
    }
    this.#sent += 1;
    return socket.turn(upload === 'whole' ? this.#whole(fresh) : this.#anchored(fresh));
  }

  /** The Codex CLI sends all it knows ahead of its turn, for nothing but an id. */
  async #prewarm(socket: SocketClient): Promise<Answer | undefined> {
    this.#sent += 1;
    const answer = await socket.turn({ ...this.#whole([]), generate: false });
    if (answer.status !== 200) {
      await this.reconnect();
      return answer;
    }
    this.#last = idOf(answer);
    return undefined;
  }

  #anchored(fresh: object[]): object {
    return { input: fresh, ...(this.#last === undefined ? {} : { previous_response_id: this.#last }) };
  }

  #whole(fresh: object[]): object {
    const codex = { store: false, include: ['reasoning.encrypted_content'] };
    return { input: [...this.#items, ...fresh], ...(this.#manner.upload === 'codex' ? codex : {}) };
  }

  #named(): Record<string, string> {
    const codex = this.#manner.upload === 'codex' ? { originator: 'codex_exec' } : {};
    switch (this.#manner.names) {
      case 'thread':
        return { ...codex, 'thread-id': this.#name, 'session-id': this.#name };
      case 'session':
        return { ...codex, 'session-id': this.#name };
      case 'nothing':
        return codex;
    }
  }
}

const message = (text: string): object => ({
  type: 'message',
  role: 'user',
  content: [{ type: 'input_text', text }],
});
