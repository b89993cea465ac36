/**
 * What this page knows of the server, as one value, and how an event of the feed changes it. Pure: no network, no
 * clock, no components.
 */
import type { AccountWire } from '../../admin-api/account.ts';
import type { FeedEvents, PaceWire, RemovedWire } from '../../admin-api/events.ts';
import type { KeyWire } from '../../admin-api/key.ts';
import type { RequestWire } from '../../admin-api/request.ts';
import type { SessionWire } from '../../admin-api/session.ts';
import type { StatusWire } from '../../admin-api/status.ts';
import type { TurnWire } from '../../admin-api/turn.ts';

export interface AppState {
  readonly access: 'unknown' | 'in' | 'out';
  readonly link: 'connecting' | 'live' | 'lost';
  /** Whether the lists below say anything yet. */
  readonly lists: 'unread' | 'read';
  readonly accounts: readonly AccountWire[];
  /** Last turn first; the newest two thousand. */
  readonly sessions: readonly SessionWire[];
  /** Newest first; the newest thousand. */
  readonly requests: readonly RequestWire[];
  /** Oldest first. */
  readonly turns: readonly TurnWire[];
  readonly paces: ReadonlyMap<string, Pace>;
  readonly keys: readonly KeyWire[];
  readonly status: StatusWire | undefined;
}

/** How fast output comes, in pieces a second; a piece is about a token. */
export interface Pace {
  readonly pieces: number;
  readonly at: number;
  readonly perSecond: number;
}

export const EMPTY: AppState = {
  access: 'unknown',
  link: 'connecting',
  lists: 'unread',
  accounts: [],
  sessions: [],
  requests: [],
  turns: [],
  paces: new Map(),
  keys: [],
  status: undefined,
};

const REQUESTS_KEPT = 1000;
const SESSIONS_KEPT = 2000;

/** An event of the feed: its name says what it carries. */
export type Happening = {
  readonly [Name in keyof FeedEvents]: { readonly name: Name; readonly data: FeedEvents[Name] };
}[keyof FeedEvents];

/** Several at once, because a screen that is drawn for each would flicker. */
export function apply(world: AppState, happenings: readonly Happening[], at: number): AppState {
  const sessions = happenings.filter((one) => one.name === 'session').map(({ data }) => data);
  const others = happenings.reduce((so, happening) => applyOne(so, happening, at), world);
  return sessions.length === 0 ? others : { ...others, sessions: withSessions(world.sessions, sessions) };
}

function applyOne(world: AppState, { name, data }: Happening, at: number): AppState {
  switch (name) {
    case 'account':
      return { ...world, accounts: put(world.accounts, data) };
    case 'request':
      return withRequest(world, data);
    case 'turn':
      return withTurn(world, data, at);
    case 'pace':
      return { ...world, paces: pacesOf(world, data, at) };
    default:
      return world;
  }
}

function put<T extends { readonly id: string }>(list: readonly T[], item: T | RemovedWire): readonly T[] {
  if ('removed' in item) return list.filter((one) => one.id !== item.id);
  const known = list.some((one) => one.id === item.id);
  return known ? list.map((one) => (one.id === item.id ? item : one)) : [...list, item];
}

/** There may be thousands, so they are put in order once for all that changed. */
function withSessions(
  known: readonly SessionWire[],
  changed: readonly (SessionWire | RemovedWire)[],
): readonly SessionWire[] {
  const byId = new Map([...known, ...changed].map((one) => [one.id, one]));
  return [...byId.values()]
    .filter((one): one is SessionWire => !('removed' in one))
    .toSorted((a, b) => b.last_turn_at - a.last_turn_at)
    .slice(0, SESSIONS_KEPT);
}

function withRequest(world: AppState, row: RequestWire): AppState {
  if (world.requests.some((one) => one.id === row.id)) return world;
  return { ...world, requests: [row, ...world.requests].slice(0, REQUESTS_KEPT) };
}

function withTurn(world: AppState, turn: TurnWire, at: number): AppState {
  const paces = new Map(world.paces);
  if (turn.phase !== 'done') {
    paces.set(turn.id, { pieces: turn.pieces, at, perSecond: 0 });
    return { ...world, paces, turns: put(world.turns, turn) };
  }
  paces.delete(turn.id);
  return { ...world, paces, turns: world.turns.filter((one) => one.id !== turn.id) };
}

function pacesOf(world: AppState, told: PaceWire, at: number) {
  return new Map(
    told.pieces.map(([id, pieces]) => {
      const before = world.paces.get(id);
      const seconds = before === undefined ? 0 : (at - before.at) / 1000;
      const perSecond = before === undefined || seconds <= 0 ? 0 : (pieces - before.pieces) / seconds;
      return [id, { pieces, at, perSecond }];
    }),
  );
}
