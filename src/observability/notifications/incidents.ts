/**
 * When something about the pool becomes news. What matters is never a single moment but an episode that begins and
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

export interface AccountInPicture {
  readonly id: AccountId;
  readonly name: string;
  readonly status: AccountStatus;
  readonly availableAt?: number | undefined;
}

export interface Picture {
  readonly at: number;
  readonly accounts: readonly AccountInPicture[];
  readonly disk: 'writable' | 'failing';
}

/** What was last announced of one subject, and when each kind of announcement about it was made. */
export interface Episode {
  readonly phase: 'open' | 'over';
  readonly toldAt: Readonly<Partial<Record<Event, number>>>;
}

/** By subject: `pool`, `disk`, `quota:<account>`, `login:<account>`. */
export type Episodes = Readonly<Record<string, Episode>>;

export interface News {
  readonly event: Event;
  readonly account?: AccountInPicture | undefined;
}

const QUIET_MS = 10 * 60_000;
/** A block shorter than this is waited for by the turns themselves. */
const SHORT_REST_MS = 60_000;

/** `unclear` neither opens nor closes an episode: a paused account is not exhausted, but it is not back either. */
type Reading = 'trouble' | 'fine' | 'unclear';

interface Subject {
  readonly key: string;
  readonly reading: Reading;
  readonly opens: Event;
  /** Without it an episode ends in silence. */
  readonly closes?: Event;
  readonly account?: AccountInPicture;
}

/** What `picture` changes about the episodes, and what is to be announced. */
export function compare(
  before: Episodes,
  picture: Picture,
): { readonly episodes: Episodes; readonly news: readonly News[] } {
  const episodes: Record<string, Episode> = {};
  const news: News[] = [];
  for (const subject of subjectsOf(picture)) {
    const { episode, event } = follow(before[subject.key], subject, picture.at);
    if (episode !== undefined) episodes[subject.key] = episode;
    if (event !== undefined) news.push({ event, account: subject.account });
  }
  return { episodes, news };
}

function subjectsOf({ at, accounts, disk }: Picture): readonly Subject[] {
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

function subjectsOfAccount(account: AccountInPicture): readonly Subject[] {
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

function readPool(accounts: readonly AccountInPicture[], at: number): Reading {
  if (accounts.some(({ status }) => status === 'ready')) return 'fine';
  const members = accounts.filter(({ status }) => status !== 'paused');
  return members.length > 0 && members.every((account) => isOut(account, at)) ? 'trouble' : 'unclear';
}

function isOut({ status, availableAt }: AccountInPicture, at: number): boolean {
  const timed = status === 'cooling' || status === 'suspended';
  return !timed || availableAt === undefined || availableAt > at + SHORT_REST_MS;
}

interface Followed {
  readonly episode: Episode | undefined;
  readonly event?: Event;
}

/**
 * What was announced follows what is, so that the two kinds of a subject always alternate. A kind whose time has
 * not come is not lost: the difference is still there at the next look.
 */
function follow(before: Episode | undefined, { reading, opens, closes }: Subject, at: number): Followed {
  const { phase, toldAt } = before ?? { phase: 'over', toldAt: {} };
  const isNews = (phase === 'over' && reading === 'trouble') || (phase === 'open' && reading === 'fine');
  if (!isNews) return { episode: phase === 'over' ? unlessForgotten(before, at) : before };
  const event = phase === 'over' ? opens : closes;
  if (event === undefined) return { episode: { phase: 'over', toldAt } };
  if (isRecent(toldAt[event], at)) return { episode: before };
  return {
    episode: { phase: phase === 'over' ? 'open' : 'over', toldAt: { ...toldAt, [event]: at } },
    event,
  };
}

function unlessForgotten(episode: Episode | undefined, at: number): Episode | undefined {
  const times = Object.values(episode?.toldAt ?? {});
  return times.some((told) => isRecent(told, at)) ? episode : undefined;
}

/** An instant ahead of a clock that was set back says nothing. */
function isRecent(told: number | undefined, at: number): boolean {
  return told !== undefined && told <= at && at - told < QUIET_MS;
}
