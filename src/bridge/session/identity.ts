/**
 * Which conversation a request belongs to. A thread outranks a session id (a review shares its parent's session id
 * but not its conversation), both outrank the socket they came on, and a cache key names no conversation at all.
 */
import type { ResponseId, SessionId } from '../../domain/ids.ts';
import type { TurnRequest } from '../turn-request.ts';
import type { KeyKind } from './session.ts';

export interface SessionKey {
  readonly kind: KeyKind;
  readonly value: string;
}

export interface SessionLookup {
  /** The session a turn state was issued in. */
  readonly turnState: (state: string) => string | undefined;
  readonly sessionOf: (id: ResponseId) => SessionId | undefined;
}

const SESSION_HEADERS = ['session-id', 'session_id', 'x-codex-session-id', 'conversation_id'];
export const TURN_STATE = 'x-codex-turn-state';

export function sessionKeyOf(request: TurnRequest, known: SessionLookup): SessionKey {
  const { envelope, headers, socketStream } = request;
  const state = turnStateOf(request);
  const issued = state === undefined ? undefined : known.turnState(state);
  if (issued !== undefined) return { kind: 'turn_state', value: issued };
  const thread = name(envelope.metadata['thread_id']) ?? name(headers['thread-id']);
  if (thread !== undefined) return { kind: 'thread', value: thread };
  const session = sessionIdOf(request);
  if (session !== undefined) return { kind: 'session', value: session };
  if (socketStream !== undefined) return { kind: 'socket', value: socketStream.socketId };
  const previous = envelope.previousResponseId;
  const producer = previous === undefined ? undefined : known.sessionOf(previous as ResponseId);
  return producer === undefined ? { kind: 'none', value: request.id } : { kind: 'response', value: producer };
}

/** On a WebSocket the frame speaks for its turn; the upgrade's headers describe only the first one. */
export function turnStateOf({ envelope, headers }: TurnRequest): string | undefined {
  return text(envelope.metadata[TURN_STATE]) ?? headers[TURN_STATE];
}

function sessionIdOf({ envelope, headers }: TurnRequest): string | undefined {
  const named = SESSION_HEADERS.map((header) => name(headers[header])).find((value) => value !== undefined);
  return name(envelope.metadata['session_id']) ?? named;
}

/** Sessions that share this prefer the same account, for its prompt cache. */
export function affinityOf(request: TurnRequest): string | undefined {
  return sessionIdOf(request) ?? name(request.envelope.promptCacheKey);
}

/** Names are kept for as long as their session; what is longer than any real one is none. */
const MAX_NAME = 512;

const name = (value: unknown): string | undefined => {
  const given = text(value);
  return given !== undefined && given.length <= MAX_NAME ? given : undefined;
};

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;
