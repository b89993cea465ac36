/** A line of the report: what was measured, against what, and whether it is enough. */

export interface Row {
  readonly measure: string;
  readonly unit: string;
  readonly floor?: number | undefined;
  readonly tested: number;
  /** What the bounds speak of: the ratio to the floor, or the figure itself. */
  readonly of: 'ratio' | 'figure';
  readonly must?: number | undefined;
  readonly aim?: number | undefined;
  readonly note?: string | undefined;
  /** A time on the clock, which a busy machine stretches without limit: reported, and never a failure. */
  readonly clock?: 'wall' | undefined;
}

const FAR_OFF = 1.5;

export type Verdict = 'aim' | 'must' | 'MISSED' | '';

export function ratioOf({ floor, tested }: Row): number | undefined {
  return floor === undefined ? undefined : tested / floor;
}

/** What the bounds are held against. */
function judgedOf(row: Row): number {
  return row.of === 'ratio' ? (ratioOf(row) ?? Number.NaN) : row.tested;
}

export function verdictOf(row: Row): Verdict {
  const { must, aim } = row;
  const judged = judgedOf(row);
  if (aim !== undefined && judged <= aim) return 'aim';
  if (must === undefined) return '';
  return judged <= must ? 'must' : 'MISSED';
}

/** Beyond what a busy machine explains. */
export function isFarOff(row: Row): boolean {
  return row.must !== undefined && row.clock !== 'wall' && !(judgedOf(row) <= row.must * FAR_OFF);
}

export function tableOf(rows: readonly Row[], name: string): string {
  const head = ['measure', 'unit', 'raw-node', name, 'ratio', 'must', 'aim', 'verdict'];
  const body = rows.map((row) => [
    row.note === undefined ? row.measure : `${row.measure} (${row.note})`,
    row.unit,
    figure(row.floor),
    figure(row.tested),
    ratioOf(row)?.toFixed(2) ?? '',
    bound(row, row.must),
    bound(row, row.aim),
    verdictOf(row),
  ]);
  const widths = head.map((title, at) =>
    Math.max(title.length, ...body.map((cells) => cells[at]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, at) => (at < 2 || at === 7 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join(' | ')} |`;
  const rule = widths.map((width, at) =>
    at < 2 || at === 7 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`,
  );
  return [line(head), `| ${rule.join(' | ')} |`, ...body.map(line)].join('\n');
}

function figure(value: number | undefined): string {
  if (value === undefined) return '';
  const size = Math.abs(value);
  return value.toFixed(size >= 100 || Number.isInteger(value) ? 0 : size >= 10 ? 1 : 2);
}

function bound({ of }: Row, value: number | undefined): string {
  if (value === undefined) return '';
  return of === 'ratio' ? `≤ ${value.toFixed(2)}` : `≤ ${figure(value)}`;
}
