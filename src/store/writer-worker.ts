/**
 * The writing thread: the only place that writes the database after start. It takes batches, commits each
 * as one transaction and says how it went; whether and when to try again is the main thread's decision.
 * It must not load drizzle, which would double its memory.
 */
import { parentPort, workerData } from 'node:worker_threads';
import Database from 'better-sqlite3';
import { sealBody } from './body-codec.ts';
import { sealerOf } from './secrets.ts';
import {
  type Durability,
  type FromWorker,
  isPlainBody,
  type Statement,
  type ToWorker,
  type UnitResult,
  type WriterOptions,
  type WriteUnit,
} from './write-unit.ts';

const BUSY_TIMEOUT_MS = 1000;

const options = workerData as WriterOptions;
const sealer = sealerOf(options.sealingKey);
const db = new Database(options.path, { fileMustExist: true, timeout: BUSY_TIMEOUT_MS });
db.pragma('foreign_keys = ON');
// A page that many turns touch is written back once for all of them.
db.pragma('wal_autocheckpoint = 4000');
// Keeps the write-ahead log from staying large after one burst.
db.pragma('journal_size_limit = 16777216');

const prepared = new Map<string, Database.Statement>();
let level: Durability | undefined;

function statementOf(sql: string): Database.Statement {
  let statement = prepared.get(sql);
  if (!statement) {
    statement = db.prepare(sql);
    prepared.set(sql, statement);
  }
  return statement;
}

function run({ sql, params }: Statement): number {
  const bound = params.map((value) => (isPlainBody(value) ? sealBody(sealer, value) : value));
  return statementOf(sql).run(...bound).changes;
}

/** These say "never", whatever else happens; everything else (locked, full, I/O) may pass. */
function isRefusal(error: unknown): boolean {
  if (!(error instanceof Database.SqliteError)) return true;
  return /^SQLITE_(CONSTRAINT|ERROR|MISMATCH|RANGE|TOOBIG)/.test(error.code);
}

/** A savepoint for each unit: one that the database refuses must not take its neighbours with it. */
function commitUnit(unit: WriteUnit): UnitResult {
  statementOf('SAVEPOINT unit').run();
  try {
    const changes = unit.reduce((sum, statement) => sum + run(statement), 0);
    statementOf('RELEASE unit').run();
    return { kind: 'committed', changes };
  } catch (error) {
    if (!isRefusal(error) || !db.inTransaction) throw error;
    statementOf('ROLLBACK TO unit').run();
    statementOf('RELEASE unit').run();
    return { kind: 'refused', reason: reasonOf(error) };
  }
}

function commit(durability: Durability, units: readonly WriteUnit[]): FromWorker {
  try {
    if (level !== durability) db.pragma(`synchronous = ${durability === 'token' ? 'FULL' : 'NORMAL'}`);
    level = durability;
    statementOf('BEGIN IMMEDIATE').run();
    const results = units.map(commitUnit);
    statementOf('COMMIT').run();
    return { kind: 'committed', results };
  } catch (error) {
    // A full disk makes SQLite roll back by itself.
    if (db.inTransaction) db.exec('ROLLBACK');
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
  parentPort?.postMessage(commit(message.durability, message.units) satisfies FromWorker);
});
