import { expect, test } from 'vitest';
import type { RequestWire } from '../../admin-api/request.ts';
import { latestMove, storyOf, sumsOf } from './timeline.ts';

const row = (id: string, account: string | null, more: Partial<RequestWire> = {}) =>
  ({
    id,
    account_id: account,
    attempts: account === null ? [] : [{ account_id: account, transport: 'ws', outcome: 'completed', ms: 1 }],
    continuity: 'preserved',
    status: 'completed',
    ...more,
  }) as RequestWire;

const failed = (account: string) =>
  ({
    account_id: account,
    transport: 'ws',
    outcome: 'failed',
    error_class: 'quota',
    error_code: 'usage_limit_reached',
    ms: 1,
  }) as const;
const answered = (account: string) =>
  ({ account_id: account, transport: 'ws', outcome: 'completed', ms: 1 }) as const;

const told = (rows: readonly RequestWire[], switches = []) =>
  storyOf(rows, switches).map((chapter) =>
    chapter.kind === 'turn' ? chapter.row.id : `${chapter.from}>${chapter.to} ${chapter.reason?.code}`,
  );

test('a conversation on one account has no moves', () => {
  expect(told([row('2', 'a'), row('1', 'a')])).toEqual(['2', '1']);
});

test('a move inside a turn stands below that turn, with the reason of the attempt that failed', () => {
  const moved = row('2', 'b', { attempts: [failed('a'), answered('b')], continuity: 'snapshot' });
  expect(told([moved, row('1', 'a')])).toEqual(['2', 'a>b usage_limit_reached', '1']);
});

test('a first turn that no account but the second could serve has its move too', () => {
  expect(told([row('1', 'b', { attempts: [failed('a'), answered('b')] })])).toEqual([
    '1',
    'a>b usage_limit_reached',
  ]);
});

test('a turn that went through three accounts has two moves', () => {
  const moved = row('1', 'c', { attempts: [failed('a'), failed('b'), answered('c')] });
  expect(told([moved])).toEqual(['1', 'b>c usage_limit_reached', 'a>b usage_limit_reached']);
});

test('a move between turns has the reason that the session noted, else that of the turn before', () => {
  const rows = [
    row('2', 'b'),
    row('1', 'a', { status: 'failed', error: { code: 'stream_incomplete', message: '' } }),
  ];
  expect(told(rows)).toEqual(['2', 'a>b stream_incomplete', '1']);
  const switches = [{ at: 1, from: 'a', to: 'b', reason: 'token_expired' }] as never;
  expect(told(rows, switches)).toEqual(['2', 'a>b token_expired', '1']);
});

test('turns without an account neither move nor hide a move', () => {
  expect(told([row('3', 'b'), row('2', null), row('1', 'a')])).toEqual(['3', 'a>b undefined', '2', '1']);
});

test('the latest move is the one that a list shows', () => {
  const rows = [row('4', 'c'), row('3', 'b'), row('2', 'b'), row('1', 'a')];
  expect(latestMove(rows, [])).toMatchObject({ from: 'b', to: 'c' });
  expect(latestMove([row('1', 'a')], [])).toBeUndefined();
});

test('unknown token counts add nothing', () => {
  const rows = [row('2', 'a', { input_tokens: null }), row('1', 'a', { input_tokens: 9, cached_tokens: 3 })];
  expect(sumsOf(rows)).toEqual({ input: 9, cached: 3 });
});

test('where the turns are not at hand, the list shows what the session has noted', () => {
  const switches = [{ at: 1, from: 'a', to: null, reason: 'usage_limit_reached' }] as const;
  expect(latestMove([], switches)).toMatchObject({ from: 'a', to: null, row: undefined });
});
