import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { LOCAL } from '../../domain/ids.ts';
import { readEnvelope } from '../../protocol/request.ts';
import type { TurnRequest } from '../turn-request.ts';
import { Sessions } from './sessions.ts';

const HOUR_MS = 3_600_000;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function requestIn(headers: Readonly<Record<string, string>>): TurnRequest {
  const read = readEnvelope(Buffer.from('{"model":"gpt-5.5","input":"hello"}'));
  if (!read.ok) throw new Error(read.refused.error.message);
  const from = { tenant: LOCAL, allowed: undefined, client: 'generic', socketStream: undefined } as const;
  const way = { door: 'json', route: 'responses', headers } as const;
  return { id: `req_${Math.random()}`, at: Date.now(), ...from, ...way, envelope: read.envelope };
}

function open(): Sessions {
  return new Sessions({
    idleMs: 900_000,
    mac: (...parts) => Buffer.from(parts.join(' ')),
    sessionOf: () => undefined,
    onPin: () => {},
    onChange: () => {},
  });
}

const NAMED = { 'session-id': 'one' };
const entry = { socketStream: undefined, anchor: undefined, signal: new AbortController().signal };

test('a session that nobody uses leaves by itself, a nameless one soon', () => {
  const sessions = open();
  sessions.sessionFor(requestIn({}));
  sessions.sessionFor(requestIn(NAMED));
  expect(sessions.all()).toHaveLength(2);
  vi.advanceTimersByTime(HOUR_MS);
  expect(sessions.all().map((session) => session.keyKind)).toEqual(['session']);
  vi.advanceTimersByTime(24 * HOUR_MS);
  expect(sessions.all()).toEqual([]);
  sessions.close();
});

test('a session stays while a turn runs in it', async () => {
  const sessions = open();
  const session = sessions.sessionFor(requestIn(NAMED));
  const entered = await session.enter(entry);
  vi.advanceTimersByTime(48 * HOUR_MS);
  expect(sessions.all()).toEqual([session]);
  if (entered.ok) session.leave(entered.lane);
  vi.advanceTimersByTime(HOUR_MS);
  expect(sessions.all()).toEqual([]);
  sessions.close();
});
