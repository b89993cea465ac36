import { expect, test } from 'vitest';
import type { RequestWire } from '../../admin-api/request.ts';
import { filterOf, matches, newcomers } from './request-list.ts';

const row = (id: string, at: number, more: Partial<RequestWire> = {}) =>
  ({ id, at, status: 'completed', account_id: 'a', tenant: 'local', session: 's', ...more }) as RequestWire;

test('only filters come out of an address, and only those that say something', () => {
  expect(filterOf({ status: 'failed', why: 'r1', key: '' })).toEqual({ status: 'failed' });
});

test('a row fits when every filter does', () => {
  const failed = row('r', 1, { status: 'failed' });
  expect(matches(failed, {})).toBe(true);
  expect(matches(failed, { status: 'failed', account: 'a', key: 'local', session: 's' })).toBe(true);
  expect(matches(failed, { status: 'failed', account: 'b' })).toBe(false);
});

test('newcomers are newer, fit the filter and are not in the list yet', () => {
  const rows = [row('r3', 30), row('r2', 20)];
  const live = [row('r5', 40), row('r4', 30, { status: 'failed' }), row('r3', 30), row('r1', 10)];
  expect(newcomers(live, rows, {}).map((one) => one.id)).toEqual(['r5', 'r4']);
  expect(newcomers(live, rows, { status: 'failed' }).map((one) => one.id)).toEqual(['r4']);
  expect(newcomers(live, [], { status: 'failed' }).map((one) => one.id)).toEqual(['r4']);
});
