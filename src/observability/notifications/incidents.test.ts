import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { AccountStatus } from '../../admin-api/account.ts';
import type { AccountId } from '../../domain/ids.ts';
import { type Alert, compare, type Incidents, type PoolSnapshot } from './incidents.ts';

const NOON = Date.UTC(2026, 0, 5, 12);
const MINUTE = 60_000;

interface Moment {
  readonly minute: number;
  /** By account, in the order of their names. */
  readonly accounts: Readonly<Record<string, AccountStatus>>;
  readonly restMs?: number;
  readonly disk?: PoolSnapshot['disk'];
}

function snapshotOf({ minute, accounts, restMs = 60 * MINUTE, disk = 'writable' }: Moment): PoolSnapshot {
  const at = NOON + minute * MINUTE;
  return {
    at,
    disk,
    accounts: Object.entries(accounts).map(([id, status]) => ({
      id: id as AccountId,
      name: id,
      status,
      availableAt: status === 'ready' ? undefined : at + restMs,
    })),
  };
}

const inWords = ({ event, account }: Alert): string =>
  account === undefined ? event : `${event} ${account.id}`;

function watch(moments: readonly Moment[]): readonly (readonly string[])[] {
  let incidents: Incidents = {};
  return moments.map((look) => {
    const compared = compare(incidents, snapshotOf(look));
    // As after a restart: what is kept is JSON.
    incidents = JSON.parse(JSON.stringify(compared.incidents));
    return compared.news.map(inWords);
  });
}

const STORIES: readonly {
  title: string;
  moments: readonly Moment[];
  news: readonly (readonly string[])[];
}[] = [
  {
    title: 'an account that runs dry and comes back is told of once each',
    moments: [
      { minute: 0, accounts: { a: 'exhausted', b: 'ready' } },
      { minute: 1, accounts: { a: 'exhausted', b: 'ready' } },
      { minute: 2, accounts: { a: 'ready', b: 'ready' } },
      { minute: 3, accounts: { a: 'ready', b: 'ready' } },
    ],
    news: [['account_exhausted a'], [], ['account_back a'], []],
  },
  {
    title: 'an account that flaps is told of once in ten minutes, and then what is true by then',
    moments: [
      { minute: 0, accounts: { a: 'exhausted', b: 'ready' } },
      { minute: 1, accounts: { a: 'ready', b: 'ready' } },
      { minute: 2, accounts: { a: 'exhausted', b: 'ready' } },
      { minute: 3, accounts: { a: 'ready', b: 'ready' } },
      { minute: 9, accounts: { a: 'exhausted', b: 'ready' } },
      { minute: 10, accounts: { a: 'exhausted', b: 'ready' } },
    ],
    news: [['account_exhausted a'], ['account_back a'], [], [], [], ['account_exhausted a']],
  },
  {
    title: 'a pause and its end are no news',
    moments: [
      { minute: 0, accounts: { a: 'paused', b: 'ready' } },
      { minute: 1, accounts: { a: 'paused', b: 'paused' } },
      { minute: 2, accounts: { a: 'ready', b: 'ready' } },
    ],
    news: [[], [], []],
  },
  {
    title: 'an exhausted account that is paused is not back',
    moments: [
      { minute: 0, accounts: { a: 'exhausted', b: 'ready' } },
      { minute: 1, accounts: { a: 'paused', b: 'ready' } },
      { minute: 2, accounts: { a: 'exhausted', b: 'ready' } },
      { minute: 20, accounts: { a: 'ready', b: 'ready' } },
    ],
    news: [['account_exhausted a'], [], [], ['account_back a']],
  },
  {
    title: 'a pool of which nobody can serve is out until the first is ready',
    moments: [
      { minute: 0, accounts: { a: 'exhausted', b: 'needs_login', c: 'paused' } },
      { minute: 1, accounts: { a: 'exhausted', b: 'ready', c: 'paused' } },
    ],
    news: [['account_exhausted a', 'login_needed b', 'pool_exhausted'], ['pool_back']],
  },
  {
    title: 'a short rest of the only account is not the end of the pool',
    moments: [{ minute: 0, accounts: { a: 'cooling' }, restMs: 5000 }],
    news: [[]],
  },
  {
    title: 'a long rest of the only account is',
    moments: [{ minute: 0, accounts: { a: 'suspended' }, restMs: 5 * MINUTE }],
    news: [['pool_exhausted']],
  },
  { title: 'a pool without accounts is no news', moments: [{ minute: 0, accounts: {} }], news: [[]] },
  {
    title: 'a login that is mended ends in silence, and the next refusal is told of',
    moments: [
      { minute: 0, accounts: { a: 'needs_login', b: 'ready' } },
      { minute: 5, accounts: { a: 'ready', b: 'ready' } },
      { minute: 15, accounts: { a: 'needs_login', b: 'ready' } },
    ],
    news: [['login_needed a'], [], ['login_needed a']],
  },
  {
    title: 'an account that was removed is forgotten',
    moments: [
      { minute: 0, accounts: { a: 'exhausted', b: 'ready' } },
      { minute: 1, accounts: { b: 'ready' } },
    ],
    news: [['account_exhausted a'], []],
  },
  {
    title: 'a disk that fails and recovers is told of once each',
    moments: [
      { minute: 0, accounts: {}, disk: 'failing' },
      { minute: 1, accounts: {}, disk: 'failing' },
      { minute: 2, accounts: {} },
    ],
    news: [['disk_trouble'], [], ['disk_back']],
  },
  {
    title: 'a clock that was set back does not silence anything',
    moments: [
      { minute: 100, accounts: { a: 'needs_login', b: 'ready' } },
      { minute: 101, accounts: { a: 'ready', b: 'ready' } },
      { minute: 0, accounts: { a: 'needs_login', b: 'ready' } },
    ],
    news: [['login_needed a'], [], ['login_needed a']],
  },
];

test.each(STORIES)('$title', ({ moments, news }) => {
  expect(watch(moments)).toEqual(news);
});

test('what is over and long past is not kept', () => {
  const { incidents } = compare({}, snapshotOf({ minute: 0, accounts: { a: 'exhausted' } }));
  const back = compare(incidents, snapshotOf({ minute: 1, accounts: { a: 'ready' } })).incidents;
  expect(Object.keys(back)).toEqual(['quota:a', 'pool']);
  expect(compare(back, snapshotOf({ minute: 12, accounts: { a: 'ready' } })).incidents).toEqual({});
});

const STATUSES: readonly AccountStatus[] = [
  'ready',
  'cooling',
  'exhausted',
  'needs_login',
  'suspended',
  'paused',
];
const anyStatus = fc.constantFrom(...STATUSES);
const anyLooks = fc.array(
  fc.record({
    minutes: fc.integer({ min: 0, max: 15 }),
    accounts: fc.record({ a: anyStatus, b: anyStatus }, { requiredKeys: ['a', 'b'] }),
    disk: fc.constantFrom<PoolSnapshot['disk']>('writable', 'failing'),
  }),
  { maxLength: 60 },
);
const PAIRS = [
  ['account_exhausted a', 'account_back a'],
  ['account_exhausted b', 'account_back b'],
  ['pool_exhausted', 'pool_back'],
  ['disk_trouble', 'disk_back'],
];

test('whatever happens, the two kinds of a subject alternate and each keeps its ten minutes', () => {
  fc.assert(
    fc.property(anyLooks, (steps) => {
      let minute = 0;
      const moments = steps.map(({ minutes, ...look }) => {
        minute += minutes;
        return { ...look, minute };
      });
      const told = watch(moments).flatMap((news, i) =>
        news.map((event) => ({ event, minute: moments[i]?.minute ?? 0 })),
      );
      for (const pair of PAIRS) {
        const events = told.map(({ event }) => event).filter((event) => pair.includes(event));
        expect(events).toEqual(events.map((_, i) => pair[i % 2]));
      }
      for (const event of new Set(told.map((one) => one.event))) {
        const minutes = told.filter((one) => one.event === event).map((one) => one.minute);
        for (const [i, at] of minutes.entries()) {
          expect(at - (minutes[i - 1] ?? Number.NEGATIVE_INFINITY)).toBeGreaterThanOrEqual(10);
        }
      }
    }),
  );
});
