import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Feed, type FeedEvent } from './feed.ts';

beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }));
afterEach(() => void vi.useRealTimers());

function watching(feed: Feed, lastId?: string) {
  const heard: FeedEvent[] = [];
  const hear = (event: FeedEvent): void => void heard.push(event);
  return { heard, joined: feed.join(hear, lastId), leave: () => feed.leave(hear) };
}

const names = (events: readonly FeedEvent[]): string[] => events.map((event) => event.data);

test('everybody who watches hears an event at once', () => {
  const feed = new Feed();
  const watchers = [watching(feed), watching(feed)];
  feed.publish('request', () => ({ id: 1 }));
  for (const { heard } of watchers) expect(heard).toMatchObject([{ name: 'request', data: '{"id":1}' }]);
});

test('who comes back with the id of the last event is given what came since', () => {
  const feed = new Feed();
  const first = watching(feed);
  feed.publish('turn', () => 1);
  const last = first.heard.at(-1)?.id;
  first.leave();
  feed.publish('turn', () => 2);
  feed.publish('turn', () => 3);
  const { joined } = watching(feed, last);
  expect(joined.how === 'resumed' && names(joined.missed)).toEqual(['2', '3']);
});

test.each(['another-5', 'nonsense', 'x'])('the id %s is too late to be resumed', (id) => {
  const feed = new Feed();
  watching(feed);
  feed.publish('turn', () => 1);
  expect(watching(feed, id).joined.how).toBe('too_late');
});

test('an id from the future of this process is too late', () => {
  const feed = new Feed();
  const { joined } = watching(feed);
  expect(watching(feed, joined.at.replace(/-\d+$/, '-77')).joined.how).toBe('too_late');
});

test('a thousand events are remembered and no more', () => {
  const feed = new Feed();
  const { joined } = watching(feed);
  for (let i = 0; i < 1000; i += 1) feed.publish('turn', () => i);
  const resumed = watching(feed, joined.at).joined;
  expect(resumed.how === 'resumed' && resumed.missed.length).toBe(1000);
  feed.publish('turn', () => 1000);
  expect(watching(feed, joined.at).joined.how).toBe('too_late');
});

test('a thing that changes all the time is told of four times a second, last with its newest state', () => {
  const feed = new Feed();
  const { heard } = watching(feed);
  for (let i = 0; i <= 100; i += 1) {
    feed.update('account', 'a', () => i);
    vi.advanceTimersByTime(10);
  }
  vi.advanceTimersByTime(1000);
  expect(heard.length).toBeLessThanOrEqual(6);
  expect(heard.at(-1)?.data).toBe('100');
});

test('one thing that changes all the time does not hold back another', () => {
  const feed = new Feed();
  const { heard } = watching(feed);
  feed.update('account', 'a', () => 'a');
  feed.update('account', 'b', () => 'b');
  feed.update('session', 'a', () => 'c');
  expect(names(heard)).toEqual(['"a"', '"b"', '"c"']);
});

test('while nobody has watched for a minute nothing is rendered, and whoever comes back reads anew', () => {
  const feed = new Feed();
  const first = watching(feed);
  const { at } = first.joined;
  first.leave();
  vi.advanceTimersByTime(61_000);
  const render = vi.fn(() => 1);
  feed.publish('turn', render);
  feed.update('account', 'a', render);
  expect(render).not.toHaveBeenCalled();
  expect(watching(feed, at).joined.how).toBe('too_late');
});

test('a whisper is heard by those who listen and repeated to nobody', () => {
  const feed = new Feed();
  const { heard, joined } = watching(feed);
  feed.whisper('pace', { pieces: [] });
  expect(heard).toMatchObject([{ id: undefined, name: 'pace' }]);
  const resumed = watching(feed, joined.at).joined;
  expect(resumed.how === 'resumed' && resumed.missed).toEqual([]);
});

test('an id from before a time nobody watched is too late, also for the second who comes back', () => {
  const feed = new Feed();
  const first = watching(feed);
  feed.publish('turn', () => 1);
  const last = first.heard.at(-1)?.id;
  first.leave();
  vi.advanceTimersByTime(61_000);
  expect(feed.isKept).toBe(false);
  expect(watching(feed, last).joined.how).toBe('too_late');
  expect(watching(feed, last).joined.how).toBe('too_late');
});
