/** Test furniture: a store in a directory of its own that goes away with it, and made-up turns to put in. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { AccountId, ResponseId, SessionId } from '../../src/domain/ids.ts';
import { LOCAL } from '../../src/domain/ids.ts';
import type { RequestRow } from '../../src/domain/request.ts';
import { openStore, type Store, type StoreOptions } from '../../src/store/store.ts';
import type { TranscriptNode } from '../../src/store/transcripts/node.ts';

/** When made-up turns happen, and what the store takes for the present. */
const NOON = 1_700_000_000_000;

export interface TemporaryStore extends AsyncDisposable {
  readonly dataDir: string;
  readonly store: Store;
  /** Closes and opens again, with nothing in memory. */
  reopen(changes?: Partial<StoreOptions>): Promise<Store>;
}

export async function temporaryStore(options: Partial<StoreOptions> = {}): Promise<TemporaryStore> {
  const dataDir = mkdtempSync(join(tmpdir(), 'respool-store-'));
  const open = (changes: Partial<StoreOptions> = {}) =>
    openStore({ dataDir, transcripts: 'disk', retentionDays: 30, now: () => NOON, ...options, ...changes });
  let store = await open();
  return {
    dataDir,
    get store() {
      return store;
    },
    async reopen(changes) {
      await store.close();
      store = await open(changes);
      return store;
    },
    async [Symbol.asyncDispose]() {
      await store.close();
      rmSync(dataDir, { recursive: true });
    },
  };
}

/** Another process's connection that holds the write lock until it is disposed: nothing can be written meanwhile. */
export function lockDatabase(dataDir: string): Disposable {
  const db = new Database(join(dataDir, 'respool.db'));
  db.exec('BEGIN IMMEDIATE');
  return { [Symbol.dispose]: () => void db.close() };
}

export function requestRow(changes: Partial<RequestRow> & Pick<RequestRow, 'id'>): RequestRow {
  return {
    at: NOON,
    tenant: LOCAL,
    session: 'session' as SessionId,
    door: 'sse',
    route: 'responses',
    status: 'completed',
    continuity: 'none',
    attempts: [],
    totalMs: 12,
    ...changes,
  };
}

export function transcriptNode(id: string, changes: Partial<TranscriptNode> = {}): TranscriptNode {
  return {
    tenant: LOCAL,
    responseId: id as ResponseId,
    parent: undefined,
    account: 'account' as AccountId,
    session: 'session' as SessionId,
    input: [Buffer.from(`{"question":"${id}"}`)],
    output: [Buffer.from(`{"answer":"${id}"}`)],
    response: Buffer.from(`{"id":"${id}"}`),
    chain: Buffer.from(`chain of ${id}`),
    itemIds: [`item of ${id}`],
    ...changes,
  };
}

/** Row and node of one turn, as the server commits them. */
export function turnOf(node: TranscriptNode, at = NOON) {
  const { tenant, responseId, account, session } = node;
  const row = requestRow({
    id: `request ${responseId}`,
    at,
    tenant,
    responseId,
    accountId: account,
    session,
  });
  return { row, node, stored: false };
}
