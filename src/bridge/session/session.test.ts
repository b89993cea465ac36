import { expect, test } from 'vitest';
import type { AccountId, SessionId } from '../../domain/ids.ts';
import { LOCAL } from '../../domain/ids.ts';
import { type Entered, type Entry, type Lane, Session } from './session.ts';

const session = (): Session =>
  new Session({ id: 'ses_1' as SessionId, tenant: LOCAL, keyKind: 'thread' }, () => {});
const entry = (more: Partial<Entry> = {}): Entry => ({
  socketStream: undefined,
  anchor: undefined,
  signal: new AbortController().signal,
  ...more,
});

async function enter(into: Session, more: Partial<Entry> = {}): Promise<Lane> {
  const entered = await into.enter(entry(more));
  if (!entered.ok) throw new Error(entered.why);
  return entered.lane;
}

test('a turn beside a running one takes a lane of its own at once', async () => {
  const one = session();
  const first = await enter(one);
  const second = await enter(one);
  expect(second).not.toBe(first);
  one.leave(second);
  expect(await enter(one)).toBe(second);
});

test('a turn that continues the running response waits for it, on its lane', async () => {
  const one = session();
  const lane = await enter(one);
  lane.runningId = 'resp_1';
  let granted: Entered | undefined;
  const waiting = one.enter(entry({ anchor: 'resp_1' })).then((entered) => {
    granted = entered;
    return entered;
  });
  await Promise.resolve();
  expect(granted).toBeUndefined();
  one.leave(lane);
  expect(await waiting).toEqual({ ok: true, lane });
});

test('eight may wait, the ninth is told so', async () => {
  const one = session();
  const lane = await enter(one);
  lane.runningId = 'resp_1';
  for (let count = 0; count < 8; count += 1) void one.enter(entry({ anchor: 'resp_1' }));
  expect(await one.enter(entry({ anchor: 'resp_1' }))).toEqual({ ok: false, why: 'queue_full' });
});

test('one that leaves the queue gives its place up', async () => {
  const one = session();
  const lane = await enter(one);
  lane.runningId = 'resp_1';
  const leaving = new AbortController();
  const left = one.enter(entry({ anchor: 'resp_1', signal: leaving.signal }));
  const stays = one.enter(entry({ anchor: 'resp_1' }));
  leaving.abort();
  expect(await left).toEqual({ ok: false, why: 'closed' });
  one.leave(lane);
  expect(await stays).toEqual({ ok: true, lane });
});

test('closing a session turns the waiting away and ends the running at once', async () => {
  const one = session();
  const lane = await enter(one);
  lane.runningId = 'resp_1';
  const waiting = one.enter(entry({ anchor: 'resp_1' }));
  let ended = 0;
  one.onClose(() => {
    ended += 1;
  });
  one.close();
  expect(await waiting).toEqual({ ok: false, why: 'closed' });
  expect(ended).toBe(1);
  expect(await one.enter(entry())).toEqual({ ok: false, why: 'closed' });
});

test('a move is remembered from account to account', () => {
  const one = session();
  const spent = { code: 'usage_limit_reached', cause: 'quota' };
  one.pin('a' as AccountId, spent);
  one.moveAway('a' as AccountId, spent);
  expect(one.pinned).toBeUndefined();
  one.moveAway('a' as AccountId, { code: 'again', cause: 'quota' });
  one.pin('b' as AccountId, spent);
  expect(one.switches).toMatchObject([{ from: 'a', to: 'b', reason: 'usage_limit_reached' }]);
});

test('an account that is let go and taken up again is no change of account', () => {
  const one = session();
  const lost = { code: 'close_1011', cause: 'upstream_unavailable' };
  one.pin('a' as AccountId, lost);
  one.moveAway('a' as AccountId, lost);
  expect(one.left).toBe('a');
  expect(one.pin('a' as AccountId, lost)).toBeUndefined();
  expect(one.switches).toEqual([]);
});

test('a change of account between two turns is remembered, with what held the first one back', () => {
  const one = session();
  one.pin('a' as AccountId, { code: '', cause: '' });
  expect(one.pin('b' as AccountId, { code: 'account_paused', cause: 'paused' })).toMatchObject({
    from: 'a',
    to: 'b',
    cause: 'paused',
  });
  expect(one.switches).toMatchObject([{ from: 'a', to: 'b', reason: 'account_paused' }]);
});

test('lanes of streams that are over are not kept', async () => {
  const one = session();
  for (let n = 0; n < 100; n += 1) {
    one.leave(await enter(one, { socketStream: { socketId: 's', streamId: `lane-${n}` } }));
  }
  expect(one.lanes.length).toBeLessThanOrEqual(17);
});
