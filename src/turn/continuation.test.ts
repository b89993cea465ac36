import { expect, test } from 'vitest';
import type { AccountId, ResponseId } from '../domain/ids.ts';
import { continuationAt, type Past, type Place } from './continuation.ts';

const A = 'a' as AccountId;
const B = 'b' as AccountId;
const id = (text: string): ResponseId => text as ResponseId;
const place = (account: AccountId, newest?: string, fingerprint = 'same'): Place => ({
  account,
  newest: newest === undefined ? undefined : { responseId: newest, fingerprint },
});
const anchored = (more: Partial<Past> = {}): Past => ({
  anchor: { id: id('r2'), owner: A, stored: false },
  ancestors: () => [id('r2'), id('r1')],
  whole: 'at_hand',
  ...more,
});
const full = (line: readonly string[]): Past => ({
  anchor: undefined,
  ancestors: () => line.map(id),
  whole: 'at_hand',
});
const asked = { fingerprint: 'same', anchor: 'allowed' } as const;

const WHOLE = { kind: 'whole' };
const LOST = { kind: 'lost' };
const anchor = (text: string) => ({ kind: 'anchor', id: text });
const stored = { id: id('r2'), owner: A, stored: true };

test.each([
  ['the client’s anchor is the newest of this socket', place(A, 'r2', 'other'), anchored(), anchor('r2')],
  ['it is older than that', place(A, 'r3', 'other'), anchored(), WHOLE],
  ['the socket is fresh', place(A), anchored(), WHOLE],
  ['the owner stores it', place(A), anchored({ anchor: stored }), anchor('r2')],
  ['another account is asked for what the owner stores', place(B), anchored({ anchor: stored }), WHOLE],
  ['there is no history to put in its place', place(B), anchored({ whole: 'missing' }), LOST],
  ['the socket’s newest is further back in the same history', place(A, 'r1'), anchored(), anchor('r1')],
  ['it is, but other members have changed', place(A, 'r1', 'other'), anchored(), WHOLE],
  ['a full history extends the newest of the socket', place(A, 'r9'), full(['r9', 'r8']), anchor('r9')],
  ['a full history goes past it', place(A, 'r7'), full(['r9', 'r8']), WHOLE],
  ['nothing is known', place(A), full([]), WHOLE],
] as const)('%s', (_name, where, past, expected) => {
  expect(continuationAt(where, past, asked)).toEqual(expected);
});

test('an anchor that was refused is not offered again', () => {
  const refused = { ...asked, anchor: 'refused' } as const;
  expect(continuationAt(place(A, 'r2'), anchored(), refused)).toEqual(WHOLE);
  expect(continuationAt(place(A, 'r2'), anchored({ whole: 'missing' }), refused)).toEqual(LOST);
});

test('the history of a conversation is not read for a turn that its anchor alone can carry', () => {
  const ancestors = () => {
    throw new Error('read');
  };
  expect(continuationAt(place(A, 'r2'), anchored({ ancestors }), asked)).toEqual(anchor('r2'));
  expect(continuationAt(place(B), anchored({ ancestors }), asked)).toEqual(WHOLE);
});
