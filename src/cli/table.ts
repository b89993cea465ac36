/** Prints rows as columns. Knows nothing of what is in them. */

/** The columns of a table by their heading; a cell that is undefined, null or empty shows as a dash. */
export type Columns<Row> = Readonly<Record<string, (row: Row) => string | number | null | undefined>>;

/** Columns are two spaces apart and as wide as their widest cell; no line ends in spaces. */
export function table<Row>(rows: readonly Row[], columns: Columns<Row>): string {
  const cellsOf = (row: Row) => Object.values(columns).map((cell) => String(cell(row) ?? '') || '-');
  const lines = [Object.keys(columns), ...rows.map(cellsOf)];
  const widths = Object.keys(columns).map((_, i) => Math.max(...lines.map((cells) => cells[i]?.length ?? 0)));
  return lines.map((cells) => lineOf(cells, widths)).join('\n');
}

function lineOf(cells: readonly string[], widths: readonly number[]): string {
  return cells
    .map((cell, i) => cell.padEnd(widths[i] ?? 0))
    .join('  ')
    .trimEnd();
}

/** Unix seconds as local date and time, to the second. */
export function moment(at: number | null | undefined): string | undefined {
  if (at === null || at === undefined) return undefined;
  const date = new Date(at * 1000);
  const pad = (part: number) => String(part).padStart(2, '0');
  const day = [date.getFullYear(), pad(date.getMonth() + 1), pad(date.getDate())].join('-');
  return `${day} ${[date.getHours(), date.getMinutes(), date.getSeconds()].map(pad).join(':')}`;
}
