/**
 * When something about the pool becomes news. What matters is never a single moment but an incident that begins and
 * ends: each is announced once, and one that comes and goes is announced at most every ten minutes. Pure: knows no
 * clock, no channel and no words.
 */
import type { AccountStatus } from '../../admin-api/account.ts';
import type { NotificationEvent } from '../../admin-api/settings.ts';
import type { AccountId } from '../../domain/ids.ts';

export const EVENTS = [
  'account_exhausted',
  'account_back',
  'login_needed',
  'pool_exhausted',
  'pool_back',
  'disk_trouble',
  'disk_back',
] as const satisfies readonly NotificationEvent[];

export type Event = NotificationEvent;

export interface AccountSnapshot {
  readonly id: AccountId;
  readonly name: string;
  readonly status: AccountStatus;
  readonly availableAt?: number | undefined;
}

export interface PoolSnapshot {
  readonly at: number;
  readonly accounts: readonly AccountSnapshot[];
  readonly disk: 'writable' | 'failing';
}

/** What was last announced of one subject, and when each kind of alert about it was made. */
export interface Incident {
  readonly phase: 'open' | 'over';
  readonly toldAt: Readonly<Partial<Record<Event, number>>>;
}

/** By subject: `pool`, `disk`, `quota:<account>`, `login:<account>`. */
export type Incidents = Readonly<Record<string, Incident>>;

export interface Alert {
  readonly event: Event;
  readonly account?: AccountSnapshot | undefined;
}

const QUIET_MS = 10 * 60_000;
/** A block shorter than this is waited for by the turns themselves. */
const SHORT_REST_MS = 60_000;

/** `unclear` neither opens nor closes an incident: a paused account is not exhausted, but it is not back either. */
type Reading = 'trouble' | 'fine' | 'unclear';

interface Subject {
  readonly key: string;
  readonly reading: Reading;
  readonly opens: Event;
  /** Without it an incident ends in silence. */
  readonly closes?: Event;
  readonly account?: AccountSnapshot;
}

/** What `snapshot` changes about the incidents, and what is to be announced. */
export function compare(
  before: Incidents,
  snapshot: PoolSnapshot,
): { readonly incidents: Incidents; readonly news: readonly Alert[] } {
  const incidents: Record<string, Incident> = {};
  const news: Alert[] = [];
  for (const subject of subjectsOf(snapshot)) {
    const { incident, event } = follow(before[subject.key], subject, snapshot.at);
    if (incident !== undefined) incidents[subject.key] = incident;
    if (event !== undefined) news.push({ event, account: subject.account });
  }
  return { incidents, news };
}

function subjectsOf({ at, accounts, disk }: PoolSnapshot): readonly Subject[] {
  return [
    ...accounts.flatMap(subjectsOfAccount),
    { key: 'pool', reading: readPool(accounts, at), opens: 'pool_exhausted', closes: 'pool_back' },
    {
      key: 'disk',
      reading: disk === 'failing' ? 'trouble' : 'fine',
      opens: 'disk_trouble',
      closes: 'disk_back',
    },
  ];
}

function subjectsOfAccount(account: AccountSnapshot): readonly Subject[] {
  const { id, status } = account;
  return [
    {
      key: `quota:${id}`,
      reading: status === 'exhausted' ? 'trouble' : status === 'ready' ? 'fine' : 'unclear',
      opens: 'account_exhausted',
      closes: 'account_back',
      account,
    },
    {
      key: `login:${id}`,
      reading: status === 'needs_login' ? 'trouble' : status === 'paused' ? 'unclear' : 'fine',
      opens: 'login_needed',
      account,
    },
  ];
}

function readPool(accounts: readonly AccountSnapshot[], at: number): Reading {
  if (accounts.some(({ status }) => status === 'ready')) return 'fine';
  const members = accounts.filter(({ status }) => status !== 'paused');
  return members.length > 0 && members.every((account) => isOut(account, at)) ? 'trouble' : 'unclear';
}

function isOut({ status, availableAt }: AccountSnapshot, at: number): boolean {
  const timed = status === 'cooling' || status === 'suspended';
  return !timed || availableAt === undefined || availableAt > at + SHORT_REST_MS;
}

interface Followed {
  readonly incident: Incident | undefined;
  readonly event?: Event;
}

/**
 * What was announced follows what is, so that the two kinds of a subject always alternate. A kind whose time has
 * not come is not lost: the difference is still there at the next look.
 */
function follow(before: Incident | undefined, { reading, opens, closes }: Subject, at: number): Followed {
  const { phase, toldAt } = before ?? { phase: 'over', toldAt: {} };
  const isDue = (phase === 'over' && reading === 'trouble') || (phase === 'open' && reading === 'fine');
  if (!isDue) return { incident: phase === 'over' ? unlessForgotten(before, at) : before };
  const event = phase === 'over' ? opens : closes;
  if (event === undefined) return { incident: { phase: 'over', toldAt } };
  if (isRecent(toldAt[event], at)) return { incident: before };
  return {
    incident: { phase: phase === 'over' ? 'open' : 'over', toldAt: { ...toldAt, [event]: at } },
    event,
  };
}

function unlessForgotten(incident: Incident | undefined, at: number): Incident | undefined {
  const times = Object.values(incident?.toldAt ?? {});
  return times.some((told) => isRecent(told, at)) ? incident : undefined;
}

/** An instant ahead of a clock that was set back says nothing. */
function isRecent(told: number | undefined, at: number): boolean {
  return told !== undefined && told <= at && at - told < QUIET_MS;
}
