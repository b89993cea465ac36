/**
 * The connection to the server: one stream of events, and the lists that are read when it begins. The browser
 * comes back by itself with the id of the last event; only when the server no longer knows that id, everything is
 * read again.
 */
import type { AccountWire } from '../../admin-api/account.ts';
import type { SignedInWire } from '../../admin-api/answer.ts';
import type { FeedEvents } from '../../admin-api/events.ts';
import type { KeyWire } from '../../admin-api/key.ts';
import type { RequestWire } from '../../admin-api/request.ts';
import type { SessionWire } from '../../admin-api/session.ts';
import type { StatusWire } from '../../admin-api/status.ts';
import type { TurnWire } from '../../admin-api/turn.ts';
import { call, list } from './api.ts';
import { namesOf } from './names.ts';
import type { Happening } from './state.ts';
import { change, current, forget, happened, holding } from './store.ts';

const TRY_AGAIN_MS = 2000;
const KINDS = namesOf<keyof FeedEvents>({
  account: true,
  session: true,
  request: true,
  turn: true,
  pace: true,
});

let source: EventSource | undefined;

/** Asks whether this browser is signed in, and connects when it is. */
export async function begin(): Promise<void> {
  const answer = await call<SignedInWire>('GET', '/api/login');
  if (answer.ok && answer.value.signed_in) connect();
  else if (answer.ok) forget();
  else setTimeout(begin, TRY_AGAIN_MS);
}

export async function signOut(): Promise<void> {
  await call('DELETE', '/api/login');
  disconnect();
  forget();
}

export function connect(): void {
  disconnect();
  change({ access: 'in' });
  const events = new EventSource('/api/events');
  source = events;
  events.addEventListener('hello', () => {
    change({ link: 'live' });
    if (current().lists === 'unread') void holding(readLists);
  });
  events.addEventListener('resync', () => void holding(readLists));
  for (const name of KINDS) {
    events.addEventListener(name, (event) => {
      const happening = { name, data: JSON.parse(event.data) } as Happening;
      happened(happening);
      if ('tenant' in happening.data) meet(happening.data.tenant);
    });
  }
  events.addEventListener('error', () => lost(events));
}

function disconnect(): void {
  source?.close();
  source = undefined;
}

/** A stream that was refused does not come back by itself: the sign-in may have ended, or the server is away. */
function lost(events: EventSource): void {
  if (source !== events) return;
  change({ link: 'lost' });
  if (events.readyState === EventSource.CLOSED) setTimeout(begin, TRY_AGAIN_MS);
}

async function readLists(): Promise<void> {
  const [accounts, sessions, requests, turns, keys] = await Promise.all([
    list<AccountWire>('/api/accounts'),
    list<SessionWire>('/api/sessions'),
    list<RequestWire>('/api/requests?limit=1000'),
    list<TurnWire>('/api/turns'),
    list<KeyWire>('/api/keys'),
    readStatus(),
  ]);
  if (current().access === 'in') change({ accounts, sessions, requests, turns, keys, lists: 'read' });
}

/** Keys that were asked for; one that was removed would be asked for again and again. */
const met = new Set(['local']);

/** A key that was made elsewhere shows itself by its first turn. */
function meet(tenant: string): void {
  if (met.has(tenant)) return;
  met.add(tenant);
  if (!current().keys.some((key) => key.id === tenant)) void readKeys();
}

export async function readKeys(): Promise<void> {
  change({ keys: await list<KeyWire>('/api/keys') });
}

export async function readStatus(): Promise<void> {
  const answer = await call<StatusWire>('GET', '/api/status');
  if (answer.ok) change({ status: answer.value });
}
