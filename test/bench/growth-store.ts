/** The look-up of who answered a response id, in a log of a million turns. Fills the table past the server, which would take a day. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { LOCAL, type ResponseId } from '../../src/domain/ids.ts';
import { openStore } from '../../src/store/store.ts';
import type { Growth } from './growth-ratio.ts';
import { quantile } from './proc.ts';
import type { Stage } from './stage.ts';

const FEW = 10_000;
const MANY = 1_000_000;
const WARM_UP = 10;
const BATCHES = 30;
const LOOKUPS = 200;
/** Prime, so that no row comes twice before all have come. */
const STRIDE = 7919;
const OPTIONS = { transcripts: 'off', retentionDays: 100_000 } as const;

const INSERT = `
with recursive number(n) as (select 1 union all select n + 1 from number where n < ?)
insert into request (id, at, tenant, session, door, route, status, response_id, account_id, continuity, attempts, total_ms, stored, forgotten)
select 'req_' || n, 1700000000000 + n, ?, 'session_' || (n % 5000), 'sse', '/v1/responses', 'completed',
  'resp_' || printf('%016x', (n * 2654435761) % 1000000007), 'account', 'none', '[]', 12, 0, 0 from number`;

/** As the insert computes them. */
const responseId = (n: number): ResponseId =>
  `resp_${((BigInt(n) * 2654435761n) % 1000000007n).toString(16).padStart(16, '0')}` as ResponseId;

type Log = Awaited<ReturnType<typeof openStore>>['requests'];

const directories = new Map<number, string>();

function filled(stage: Stage, rows: number): Promise<string> | string {
  return directories.get(rows) ?? fill(stage, rows);
}

async function fill(stage: Stage, rows: number): Promise<string> {
  const dataDir = join(stage.directory(), 'store');
  mkdirSync(dataDir);
  const store = await openStore({ ...OPTIONS, dataDir });
  await store.close();
  addRows(join(dataDir, 'respool.db'), rows);
  directories.set(rows, dataDir);
  return dataDir;
}

/** The indexes are made anew afterwards, which is many times faster than keeping them up to date on the way. */
function addRows(path: string, rows: number): void {
  const db = new Database(path);
  db.pragma('synchronous = off');
  const indexes = db
    .prepare(
      "select name, sql from sqlite_master where type = 'index' and tbl_name = 'request' and sql is not null",
    )
    .all() as { name: string; sql: string }[];
  for (const { name } of indexes) db.exec(`drop index "${name}"`);
  db.prepare(INSERT).run(rows, LOCAL);
  for (const { sql } of indexes) db.exec(sql);
  db.close();
}

function lookUp(log: Log, from: number, rows: number): number {
  const begun = performance.now();
  for (let lookup = from; lookup < from + LOOKUPS; lookup += 1) {
    const number = ((lookup * STRIDE) % rows) + 1;
    if (log.ownerOf(LOCAL, responseId(number)) === undefined) throw new Error(`row ${number} is unknown`);
  }
  return (1000 * (performance.now() - begun)) / LOOKUPS;
}

/** In a store opened for it, since an id that was asked for once is answered from memory afterwards. */
async function lookupUs(stage: Stage, rows: number): Promise<number> {
  const store = await openStore({ ...OPTIONS, dataDir: await filled(stage, rows) });
  const batches = Array.from({ length: WARM_UP + BATCHES }, (_, batch) =>
    lookUp(store.requests, batch * LOOKUPS, rows),
  );
  await store.close();
  // Whatever disturbs a batch makes it slower, never faster.
  return quantile(batches.slice(WARM_UP), 0.25);
}

export const OWNER_LOOKUP: Growth = {
  name: 'look-up of an owner among 1,000,000 turns against 10,000',
  most: 2,
  rounds: 3,
  prepare: async (stage) => {
    for (const rows of [FEW, MANY]) await lookupUs(stage, rows);
  },
  measure: async (stage) => ({ small: await lookupUs(stage, FEW), large: await lookupUs(stage, MANY) }),
};
