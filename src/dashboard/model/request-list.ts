/**
 * The rows of the request log under one filter: the newest first, older ones as they are asked for, new ones as
 * they happen.
 */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import type { RequestWire } from '../../admin-api/request.ts';
import { list } from './api.ts';
import { useAppState } from './store.ts';

const PAGE = 1000;
/** More rows than anybody scrolls through would only fill the memory of the browser. */
const MAX_ROWS = 100_000;

export const FILTERS = ['status', 'account', 'key', 'session'] as const;
export type Filter = Readonly<Partial<Record<(typeof FILTERS)[number], string>>>;

export function filterOf(query: Readonly<Record<string, string>>): Filter {
  return Object.fromEntries(FILTERS.filter((name) => query[name]).map((name) => [name, query[name]]));
}

export function matches(row: RequestWire, filter: Filter): boolean {
  const { status, account, key, session } = filter;
  const is = (wanted: string | undefined, value: string | null) => wanted === undefined || wanted === value;
  return (
    is(status, row.status) && is(account, row.account_id) && is(key, row.tenant) && is(session, row.session)
  );
}

/** Rows that are not in the list yet, and belong above it. */
export function newcomers(
  live: readonly RequestWire[],
  rows: readonly RequestWire[],
  filter: Filter,
): readonly RequestWire[] {
  const newest = rows[0];
  const known = new Set(rows.slice(0, PAGE).map((row) => row.id));
  return live.filter(
    (row) => matches(row, filter) && !known.has(row.id) && (newest === undefined || row.at >= newest.at),
  );
}

export interface RequestList {
  readonly rows: readonly RequestWire[] | undefined;
  readonly waiting: readonly RequestWire[];
  readonly more: () => void;
  readonly takeIn: () => void;
}

export function useRequestList(filter: Filter, position: 'top' | 'below'): RequestList {
  const search = new URLSearchParams(filter as Record<string, string>).toString();
  const [rows, setRows] = useState<readonly RequestWire[]>();
  const reading = useRef<'idle' | 'reading' | 'complete'>('idle');
  const live = useAppState((world) => world.requests);
  useEffect(() => {
    let wanted = true;
    setRows(undefined);
    reading.current = 'reading';
    void list<RequestWire>(`/api/requests?limit=${PAGE}&${search}`).then((read) => {
      if (!wanted) return;
      reading.current = read.length < PAGE ? 'complete' : 'idle';
      setRows(read);
    });
    return () => {
      wanted = false;
    };
  }, [search]);
  const more = useCallback(() => {
    const last = rows?.at(-1);
    if (last === undefined || reading.current !== 'idle' || (rows?.length ?? 0) >= MAX_ROWS) return;
    reading.current = 'reading';
    void list<RequestWire>(`/api/requests?limit=${PAGE}&before=${last.id}&${search}`).then((read) => {
      reading.current = read.length < PAGE ? 'complete' : 'idle';
      setRows((before) => (before?.at(-1)?.id === last.id ? [...before, ...read] : before));
    });
  }, [rows, search]);
  const waiting = rows === undefined ? [] : newcomers(live, rows, filter);
  const takeIn = (): void => setRows((before) => before && [...newcomers(live, before, filter), ...before]);
  // What waits is let in when it comes, not when the list is drawn.
  useEffect(() => {
    if (position === 'top' && waiting.length > 0) takeIn();
  }, [live, position, rows]);
  return { rows, waiting, more, takeIn };
}
