import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { AccountWire } from '../../admin-api/account.ts';
import type { FeedEvents } from '../../admin-api/events.ts';
import type { LiveTurn } from '../../bridge/turn/snapshot.ts';
import type { AccountId, SessionId } from '../../domain/ids.ts';
import { Live, type Shown } from './change-events.ts';
import { Feed, type FeedEvent } from './feed.ts';
import { RunningTurns } from './running-turns.ts';

beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }));
afterEach(() => void vi.useRealTimers());

const id = 'acc_1' as AccountId;

function watched(shown: Partial<Shown>) {
  const feed = new Feed<FeedEvents>();
  const heard: FeedEvent[] = [];
  feed.join((event) => void heard.push(event), undefined);
  const live = new Live(feed, new RunningTurns(), {
    accounts: () => [],
    account: () => undefined,
    session: () => undefined,
    ...shown,
  });
  return { live, told: () => heard.map((event) => JSON.parse(event.data) as Record<string, unknown>), heard };
}

test('an account or a session that is gone is told of as removed', () => {
  const { live, told } = watched({});
  live.accountChanged(id);
  live.sessionChanged({ id: 'ses_1' as SessionId });
  expect(told()).toEqual([
    { id, removed: true },
    { id: 'ses_1', removed: true },
  ]);
  live.close();
});

test('what ends by the clock is told of when it ends, though nobody touched the account', () => {
  const window = { name: '5h', usedPercent: 9, seenAt: 0, resetsAt: 1_200_000 };
  const { live, told } = watched({
    accounts: () => [{ id, availableAt: 1_060_000, windows: [window] }],
    account: () => ({ id, at: Date.now() }) as unknown as AccountWire,
  });
  vi.advanceTimersByTime(300_000);
  expect(told()).toEqual([
    { id, at: 1_060_000 },
    { id, at: 1_200_000 },
  ]);
  live.close();
});

test('running turns say once a second how far their output has come, and no more when they are done', () => {
  const { live, heard } = watched({});
  let pieces = 0;
  const turn = (phase: string) => {
    const shown = { id: 'req_1', startedAt: 0, phase, accountId: undefined, pieces: () => pieces };
    return { ...shown, snapshot: () => shown } as unknown as LiveTurn;
  };
  live.turnMoved(turn('running'));
  pieces = 7;
  vi.advanceTimersByTime(1000);
  expect(heard.at(-1)).toMatchObject({ name: 'pace', data: '{"pieces":[["req_1",7]]}' });
  live.turnMoved(turn('done'));
  const told = heard.length;
  vi.advanceTimersByTime(5000);
  expect(heard.length).toBe(told);
  live.close();
});

test('a turn is not even rendered while nobody watches', () => {
  const live = new Live(new Feed<FeedEvents>(), new RunningTurns(), {
    accounts: () => [],
    account: () => undefined,
    session: () => undefined,
  });
  const snapshot = vi.fn();
  live.turnMoved({ id: 'req_1', phase: 'running', accountId: id, snapshot });
  expect(snapshot).not.toHaveBeenCalled();
  live.close();
});
