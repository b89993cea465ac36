/**
 * Thirty days of made-up work on five accounts, served by the real choice and by an oracle that may give every
 * single turn to any account: how much of what was possible is used, and how often sessions have to move.
 */
import { expect, test } from 'vitest';
import { accountRow } from '../../test/support/account-row.ts';
import type { AccountRow } from '../domain/account.ts';
import type { AccountId } from '../domain/ids.ts';
import { candidateOf } from './account.ts';
import { choose } from './selection.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const STEP = 5 * 60_000;
const DAYS = 30;
const START = 1_800_000_000_000;
const WEEK_UNITS = 2000;
const FIVE_HOUR_UNITS = 300;

/** The same numbers in every run. */
function drawing(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

interface Book {
  readonly id: AccountId;
  weekUsed: number;
  weekEndsAt: number;
  shortUsed: number;
  shortEndsAt: number;
}

function openBooks(): Book[] {
  return Array.from({ length: 5 }, (_, n) => ({
    id: `acc_${n}` as AccountId,
    weekUsed: 0,
    weekEndsAt: START + (n + 1) * 1.4 * DAY,
    shortUsed: 0,
    shortEndsAt: 0,
  }));
}

function turnPages(books: readonly Book[], now: number): void {
  for (const book of books) {
    if (now >= book.weekEndsAt) {
      book.weekUsed = 0;
      book.weekEndsAt += 7 * DAY;
    }
    if (now >= book.shortEndsAt) book.shortUsed = 0;
  }
}

const hasRoom = (book: Book): boolean => book.weekUsed < WEEK_UNITS && book.shortUsed < FIVE_HOUR_UNITS;

function spend(book: Book, units: number, now: number): void {
  if (book.shortUsed === 0) book.shortEndsAt = now + 5 * HOUR;
  book.weekUsed += units;
  book.shortUsed += units;
}

function rowOf(book: Book, now: number): AccountRow {
  const out = hasRoom(book)
    ? { status: 'ready' as const }
    : {
        status: 'exhausted' as const,
        availableAt: book.weekUsed >= WEEK_UNITS ? book.weekEndsAt : book.shortEndsAt,
      };
  const used = (units: number, of: number): number => Math.min(100, (100 * units) / of);
  return accountRow({
    id: book.id,
    ...out,
    windows: [
      {
        name: 'weekly',
        usedPercent: used(book.weekUsed, WEEK_UNITS),
        windowMinutes: 10_080,
        resetsAt: book.weekEndsAt,
        seenAt: now,
      },
      {
        name: '5h',
        usedPercent: used(book.shortUsed, FIVE_HOUR_UNITS),
        windowMinutes: 300,
        resetsAt: Math.max(book.shortEndsAt, now + 1),
        seenAt: now,
      },
    ],
  });
}

interface Session {
  readonly endsAt: number;
  readonly startedAt: number;
  pinned: AccountId | undefined;
  moves: number;
}

/** More work by day than by night; together somewhat more than the accounts hold. */
function* workOfAMonth(): Generator<{ now: number; session: Session; units: number }> {
  const draw = drawing(7);
  let sessions: Session[] = [];
  for (let now = START; now < START + DAYS * DAY; now += STEP) {
    const hour = ((now - START) % DAY) / HOUR;
    const busy = hour > 8 && hour < 23 ? 1 : 0.25;
    if (draw() < 0.095 * busy) {
      sessions.push({ startedAt: now, endsAt: now + (0.5 + draw() * 6) * HOUR, pinned: undefined, moves: 0 });
    }
    sessions = sessions.filter((session) => session.endsAt > now);
    for (const session of sessions) if (draw() < 0.7) yield { now, session, units: 1 + draw() * 4 };
  }
}

function serve(pick: (books: readonly Book[], work: { now: number; session: Session }) => Book | undefined) {
  const books = openBooks();
  const all = new Set<Session>();
  let served = 0;
  for (const { now, session, units } of workOfAMonth()) {
    all.add(session);
    turnPages(books, now);
    const book = pick(books, { now, session });
    if (book === undefined) continue;
    spend(book, units, now);
    served += units;
  }
  const sessionDays = [...all].reduce((sum, one) => sum + Math.max(1, (one.endsAt - one.startedAt) / DAY), 0);
  return { served, movesPerDay: [...all].reduce((sum, one) => sum + one.moves, 0) / sessionDays };
}

test('the choice uses nearly all that could be used, and sessions hardly move', () => {
  let given = 0;
  const lastGiven = new Map<AccountId, number>();
  const ours = serve((books, { now, session }) => {
    const candidates = books.map((book) =>
      candidateOf(rowOf(book, now), {
        model: 'm',
        now,
        usage: { resting: 'no', activeTurns: 0, sessions: 0, lastGiven: lastGiven.get(book.id) ?? 0 },
      }),
    );
    const choice = choose(candidates, { exclude: [], pinned: session.pinned });
    if (!choice.ok) return undefined;
    if (choice.account !== session.pinned) {
      if (session.pinned !== undefined) session.moves += 1;
      session.pinned = choice.account;
      given += 1;
      lastGiven.set(choice.account, given);
    }
    return books.find((book) => book.id === choice.account);
  });
  const oracle = serve((books) => books.filter(hasRoom).toSorted((a, b) => a.weekEndsAt - b.weekEndsAt)[0]);
  const share = ours.served / oracle.served;
  process.stdout.write(
    `30 days, 5 accounts: ${(100 * share).toFixed(1)} % of the oracle's ${Math.round(oracle.served)} units, ${ours.movesPerDay.toFixed(2)} moves per session and day\n`,
  );
  expect(share).toBeGreaterThan(0.95);
  expect(ours.movesPerDay).toBeLessThanOrEqual(2);
  expect(oracle.served).toBeGreaterThan(0.5 * 5 * WEEK_UNITS * (DAYS / 7));
});
