/**
 * The story of a conversation: its turns in order, and between them every change of account with its reason and how
 * the conversation was kept. Pure.
 */
import type { Continuity, ErrorClass, RequestWire } from '../../admin-api/request.ts';
import type { SessionWire } from '../../admin-api/session.ts';

/** As the server names it; the class is known for failures of attempts only. */
export interface Reason {
  readonly code: string;
  readonly class?: ErrorClass | undefined;
}

export interface Move {
  readonly kind: 'move';
  readonly key: string;
  readonly from: string;
  readonly to: string;
  readonly reason: Reason | undefined;
  readonly continuity: Continuity;
  /** The first turn on the new account. */
  readonly row: RequestWire;
}

/** A move as one line can tell it: without its turn, nothing is known of how the conversation was kept. */
export type Told =
  | Move
  | {
      readonly from: string;
      readonly to: string | null;
      readonly reason: Reason;
      readonly row: undefined;
    };

export type Chapter = { readonly kind: 'turn'; readonly key: string; readonly row: RequestWire } | Move;

/** `rows` newest first, as the server lists them; so are the chapters. */
export function storyOf(
  rows: readonly RequestWire[],
  switches: SessionWire['switches'] = [],
): readonly Chapter[] {
  const chapters: Chapter[] = [];
  let before: RequestWire | undefined;
  for (const row of rows.toReversed()) {
    const moves = movesOf(row, before, switches);
    chapters.push(...moves, { kind: 'turn', key: row.id, row });
    if (row.account_id !== null) before = row;
  }
  return chapters.reverse();
}

/** As far as the rows go; where they are not at hand, what the session itself has noted. */
export function latestMove(
  rows: readonly RequestWire[],
  switches: SessionWire['switches'],
): Told | undefined {
  const told = storyOf(rows, switches).find((chapter) => chapter.kind === 'move');
  const noted = switches.at(-1);
  if (told !== undefined || noted === undefined) return told;
  return { from: noted.from, to: noted.to, reason: { code: noted.reason }, row: undefined };
}

function movesOf(
  row: RequestWire,
  before: RequestWire | undefined,
  switches: SessionWire['switches'],
): readonly Move[] {
  const path = pathOf(row, before);
  return path.slice(1).map((to, index) => {
    const from = path[index] ?? to;
    return {
      kind: 'move',
      key: `${row.id} ${index}`,
      from,
      to,
      reason: reasonOf({ from, to }, { row, before, switches }),
      continuity: row.continuity,
      row,
    };
  });
}

/** The accounts that this turn went through, beginning with the one of the turn before. */
function pathOf(row: RequestWire, before: RequestWire | undefined): readonly string[] {
  const asked = [...row.attempts.map((attempt) => attempt.account_id), row.account_id];
  const all = [before?.account_id ?? null, ...asked].filter((id) => id !== null);
  return all.filter((id, index) => id !== all[index - 1]);
}

interface Around {
  readonly row: RequestWire;
  readonly before: RequestWire | undefined;
  readonly switches: SessionWire['switches'];
}

/** What was said when the account was left: in this turn, else by the session, else at the end of the turn before. */
function reasonOf({ from, to }: { from: string; to: string }, around: Around): Reason | undefined {
  const failed = around.row.attempts.findLast((attempt) => attempt.account_id === from);
  const told = failed?.error_code ?? failed?.error_class;
  if (told !== undefined) return { code: told, class: failed?.error_class };
  const noted = around.switches.findLast((one) => one.from === from && (one.to === to || one.to === null));
  const code = noted?.reason ?? around.before?.error?.code;
  return code === undefined ? undefined : { code };
}

export interface Sums {
  readonly input: number;
  readonly cached: number;
}

export function sumsOf(rows: readonly RequestWire[]): Sums {
  const sum = (of: (row: RequestWire) => number | null): number =>
    rows.reduce((total, row) => total + (of(row) ?? 0), 0);
  return { input: sum((row) => row.input_tokens), cached: sum((row) => row.cached_tokens) };
}
