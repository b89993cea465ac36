/**
 * Turns a drizzle query with placeholders into SQL text once, and into a statement for the writing thread as
 * often as needed. That thread must not load drizzle, and building a query per call costs twenty times as much.
 */
import { getTableColumns, is, Param, Placeholder, sql } from 'drizzle-orm';
import type { SQLiteTable } from 'drizzle-orm/sqlite-core';
import type { Parameter, Statement } from './write-unit.ts';

interface Compilable {
  toSQL(): { sql: string; params: unknown[] };
}

/** Values by placeholder name; `undefined` is stored as NULL. */
type Values = Readonly<Record<string, unknown>>;
export type Prepared = (values?: Values) => Statement;

export function prepareWrite(query: Compilable): Prepared {
  const { sql: text, params } = query.toSQL();
  const binders = params.map(binderOf);
  return (values = {}) => ({ sql: text, params: binders.map((bind) => bind(values)) });
}

/** `{ column: placeholder('column') }` for every column of a table. */
export function placeholdersOf<T extends SQLiteTable>(
  table: T,
): { [K in keyof T['$inferInsert']]: Placeholder } {
  const entries = Object.keys(getTableColumns(table)).map((name) => [name, sql.placeholder(name)]);
  return Object.fromEntries(entries);
}

/** The same for some columns, as the assignments of an update. */
export function assigned<T extends SQLiteTable, K extends keyof T['$inferInsert'] & string>(
  _table: T,
  columns: readonly K[],
): { [C in K]: never } {
  // Drizzle wraps a placeholder in its column's encoder here too, but its types do not say so.
  return Object.fromEntries(columns.map((name) => [name, sql.placeholder(name)])) as { [C in K]: never };
}

/** Looked through once: what kind of parameter it is does not change from call to call. */
function binderOf(param: unknown): (values: Values) => Parameter {
  if (is(param, Placeholder)) {
    const { name } = param;
    return (values) => (values[name] ?? null) as Parameter;
  }
  if (is(param, Param) && is(param.value, Placeholder)) {
    const { encoder } = param;
    const { name } = param.value;
    return (values) => {
      const value = values[name];
      return value === undefined || value === null ? null : (encoder.mapToDriverValue(value) as Parameter);
    };
  }
  return () => param as Parameter;
}

/** A row with `undefined` where the database has NULL. */
export type Present<T> = { [K in keyof T]: null extends T[K] ? Exclude<T[K], null> | undefined : T[K] };

export function present<T extends object>(row: T): Present<T> {
  return Object.fromEntries(
    Object.entries(row).map(([key, value]) => [key, value ?? undefined]),
  ) as Present<T>;
}
