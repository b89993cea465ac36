/**
 * The form in which units go to the writing thread: their plain values as one JSON text, all their bytes as one piece of
 * memory that is handed over. A structured clone of the statements costs four times as much, and copies with a hash of
 * 16 bytes the whole buffer that Node has cut it from. It must not know drizzle or SQLite.
 */
import {
  isPlainBody,
  type NumberedStatement,
  type PackedUnits,
  type Parameter,
  type WriteUnit,
} from './write-unit.ts';

export type NumberedUnit = readonly NumberedStatement[];

/** Bytes as their length, a body with its associated data behind it; what is no array is the value itself. */
type PackedParameter = string | number | null | readonly [length: number, aad?: string];

/** `numberOf` gives the place of an SQL text among those that the writing thread knows. */
export function packUnits(units: readonly WriteUnit[], numberOf: (sql: string) => number): PackedUnits {
  const pieces: Uint8Array[] = [];
  const values: PackedParameter[] = [];
  for (const unit of units) {
    values.push(unit.length);
    for (const { sql, params } of unit) {
      values.push(numberOf(sql), params.length);
      for (const param of params) values.push(packed(param, pieces));
    }
  }
  return { values: JSON.stringify(values), bytes: joined(pieces) };
}

function packed(param: Parameter, pieces: Uint8Array[]): PackedParameter {
  if (param === null || typeof param !== 'object') return param;
  const piece = isPlainBody(param) ? param.plain : param;
  pieces.push(piece);
  return isPlainBody(param) ? [piece.length, param.aad] : [piece.length];
}

export function unpackUnits({ values, bytes }: PackedUnits): readonly NumberedUnit[] {
  const left = new Unpacking(JSON.parse(values) as readonly PackedParameter[], bytes);
  const units: NumberedUnit[] = [];
  while (!left.isEmpty) units.push(left.unit());
  return units;
}

class Unpacking {
  readonly #values: readonly PackedParameter[];
  readonly #bytes: Uint8Array;
  #at = 0;
  #byte = 0;

  constructor(values: readonly PackedParameter[], bytes: Uint8Array) {
    this.#values = values;
    this.#bytes = bytes;
  }

  get isEmpty(): boolean {
    return this.#at >= this.#values.length;
  }

  unit(): NumberedUnit {
    const statements: NumberedStatement[] = [];
    for (let left = this.#count(); left > 0; left -= 1) statements.push(this.#statement());
    return statements;
  }

  #statement(): NumberedStatement {
    const text = this.#count();
    const params: Parameter[] = [];
    for (let left = this.#count(); left > 0; left -= 1) params.push(this.#param());
    return { text, params };
  }

  #count(): number {
    return this.#next() as number;
  }

  #param(): Parameter {
    const param = this.#next();
    if (param === null || typeof param !== 'object') return param;
    const [length, aad] = param;
    const piece = this.#bytes.subarray(this.#byte, this.#byte + length);
    this.#byte += length;
    return aad === undefined ? piece : { plain: piece, aad };
  }

  #next(): PackedParameter {
    const value = this.#values[this.#at];
    if (value === undefined) throw new RangeError('packed units end too early');
    this.#at += 1;
    return value;
  }
}

function joined(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
