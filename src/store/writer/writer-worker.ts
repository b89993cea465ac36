/**
 * The writing thread: the only place that writes the database after start. It takes batches, commits each
 * as one transaction and says how it went; whether and when to try again is the main thread's decision.
 * It must not load drizzle, which would double its memory.
 */
import { parentPort, workerData } from 'node:worker_threads';
import Database from 'better-sqlite3';
import { sealerOf } from '../secrets/secrets.ts';
import { sealBody } from '../transcripts/body-codec.ts';
import { type NumberedUnit, unpackUnits } from './packed-units.ts';
import {
  type Durability,
  type FromWorker,
  isPlainBody,
  type NumberedStatement,
  type ToWorker,
  type UnitResult,
  type WriterOptions,
} from './write-unit.ts';

const BUSY_TIMEOUT_MS = 1000;

const options = workerData as WriterOptions;
const sealer = sealerOf(options.sealingKey);
const db = new Database(options.path, {
  fileMustExist: true,
  timeout: options.busyTimeoutMs ?? BUSY_TIMEOUT_MS,
});
db.pragma('foreign_keys = ON');
// Four times as much, the default of this build, makes a commit no cheaper.
db.pragma('cache_size = -4096');
// A page that many turns touch is written back once for all of them.
db.pragma('wal_autocheckpoint = 4000');
// Keeps the write-ahead log from staying large after one burst.
db.pragma('journal_size_limit = 16777216');

const own = new Map<string, Database.Statement>();
/** By the number under which the main thread sends them; prepared when first needed. */
const texts: { readonly sql: string; statement?: Database.Statement }[] = [];
let level: Durability | undefined;

function statementOf(sql: string): Database.Statement {
  let statement = own.get(sql);
  if (!statement) {
    statement = db.prepare(sql);
    own.set(sql, statement);
  }
  return statement;
}

function numbered(text: number): Database.Statement {
  const known = texts[text];
  if (known === undefined) throw new RangeError(`no SQL was sent under ${text}`);
  known.statement ??= db.prepare(known.sql);
  return known.statement;
}

function run({ text, params }: NumberedStatement): number {
  const bound = params.map((value) => (isPlainBody(value) ? sealBody(sealer, value) : value));
  return numbered(text).run(...bound).changes;
}

/** These say "never", whatever else happens; everything else (locked, full, I/O) may pass. */
function isRefusal(error: unknown): boolean {
  if (!(error instanceof Database.SqliteError)) return true;
  return /^SQLITE_(CONSTRAINT|ERROR|MISMATCH|RANGE|TOOBIG)/.test(error.code);
}

type UnitRunner = (unit: NumberedUnit) => UnitResult;

const runUnit: UnitRunner = (unit) => ({
  kind: 'committed',
  changes: unit.reduce((sum, statement) => sum + run(statement), 0),
});

/** Within a savepoint: a unit that the database refuses must not take its neighbours with it. */
const runUnitApart: UnitRunner = (unit) => {
  statementOf('SAVEPOINT unit').run();
  try {
    const result = runUnit(unit);
    statementOf('RELEASE unit').run();
    return result;
  } catch (error) {
    if (!isRefusal(error) || !db.inTransaction) throw error;
    statementOf('ROLLBACK TO unit').run();
    statementOf('RELEASE unit').run();
    return { kind: 'refused', reason: reasonOf(error) };
  }
};

/** Throws what SQLite throws, with nothing of it committed. */
function inTransaction(
  durability: Durability,
  units: readonly NumberedUnit[],
  runner: UnitRunner,
): FromWorker {
  try {
    if (level !== durability) db.pragma(`synchronous = ${durability === 'token' ? 'FULL' : 'NORMAL'}`);
    level = durability;
    statementOf('BEGIN IMMEDIATE').run();
    const results = units.map(runner);
    statementOf('COMMIT').run();
    return { kind: 'committed', results };
  } catch (error) {
    // A full disk makes SQLite roll back by itself.
    if (db.inTransaction) db.exec('ROLLBACK');
    throw error;
  }
}

/** Savepoints are a fifth of what a turn costs here, and refusals are rare: only a batch that met one is run with them. */
function commit(durability: Durability, units: readonly NumberedUnit[]): FromWorker {
  try {
    return inTransaction(durability, units, runUnit);
  } catch (error) {
    if (!isRefusal(error)) return { kind: 'failed', reason: reasonOf(error) };
  }
  try {
    return inTransaction(durability, units, runUnitApart);
  } catch (error) {
    return { kind: 'failed', reason: reasonOf(error) };
  }
}

/** The code only: a message may quote values. */
function reasonOf(error: unknown): string {
  return error instanceof Database.SqliteError ? error.code : String((error as Error).name);
}

parentPort?.on('message', (message: ToWorker) => {
  if (message.kind === 'close') {
    db.close();
    parentPort?.close();
    return;
  }
  for (const sql of message.texts) texts.push({ sql });
  parentPort?.postMessage(commit(message.durability, unpackUnits(message.units)) satisfies FromWorker);
});
