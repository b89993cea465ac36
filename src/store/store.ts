/**
 * Everything that is remembered, opened and closed together; the one door of this folder for the rest of the
 * server. After start nothing here writes on the main thread.
 */
import type { AccountId, ResponseId, Tenant } from '../domain/ids.ts';
import type { BoundTo, RequestRow } from '../domain/request.ts';
import { AccountBindings, responseName } from './accounts/account-bindings.ts';
import { AccountRows } from './accounts/account-rows.ts';
import { type Backup, backupPath } from './database/backups.ts';
import { type OpenDatabase, openDatabase } from './database/database.ts';
import { Keys } from './keys.ts';
import { RequestLog } from './requests.ts';
import { loadAdminToken, type Secrets } from './secrets/secrets.ts';
import { Settings } from './settings.ts';
import type { StoreLog } from './store-log.ts';
import type { TranscriptNode } from './transcripts/node.ts';
import { TranscriptRows } from './transcripts/rows.ts';
import { type TranscriptMode, Transcripts } from './transcripts/transcripts.ts';
import { UsageHours } from './usage-hours.ts';
import { saveChange } from './writer/save-change.ts';
import type { Patience } from './writer/write-unit.ts';
import { Writer } from './writer/writer.ts';

const COMMIT_LIMIT_MS = 2000;
const SWEEP_EVERY_MS = 3_600_000;
const TOUCH_EVERY_MS = 60_000;
/** Between the hourly sweeps, the disk bound may be passed by an eighth of it within these. */
const SWEEP_AFTER_SHARE = 1 / 8;
const SWEEP_AFTER_BYTES = { least: 1024 * 1024, most: 32 * 1024 * 1024 };
const DAY_MS = 86_400_000;

export interface StoreOptions {
  readonly dataDir: string;
  /** 32 bytes in base64; default: `secret.key` in the data directory, made at the first start. */
  readonly secretKey?: string | undefined;
  readonly transcripts: TranscriptMode;
  /** Days a request row is kept. */
  readonly retentionDays: number;
  readonly log?: StoreLog | undefined;
  readonly now?: (() => number) | undefined;
  /** Of transcripts in memory, smaller in tests; default 8 MiB, 64 where there is no disk. */
  readonly cacheBytes?: number | undefined;
  /** Of transcripts on disk; default 512 MiB. */
  readonly diskBytes?: number | undefined;
  /** Of the writer, shorter in tests. */
  readonly patience?: Patience | undefined;
  readonly busyTimeoutMs?: number | undefined;
}

export interface CommittedTurn {
  readonly row: RequestRow;
  readonly node?: TranscriptNode | undefined;
  /** The owner account keeps the response. */
  readonly stored: boolean;
  /** Every turn that continues this one has to stay with that account. */
  readonly bound?: BoundTo | undefined;
  /** Names that belong to an account although the turn has no node that says so. */
  readonly bindings?: readonly Binding[] | undefined;
  /** Why the conversation went to another account with this turn, one entry a change. */
  readonly switches?: readonly string[];
  /** Until the turn's first event, without the time in which upstream had been asked; not kept. */
  readonly overheadMs?: number | undefined;
}

export interface Binding {
  readonly names: readonly string[];
  readonly account: AccountId;
}

/** Throws `StoreError` (one sentence with the next step) when the database cannot be used. */
export async function openStore(options: StoreOptions): Promise<Store> {
  const database = openDatabase(options.dataDir, options.secretKey);
  const { path, secrets } = database;
  const { patience, busyTimeoutMs } = options;
  const writer = new Writer({ path, sealingKey: secrets.sealingKey, patience, busyTimeoutMs }, options.log);
  try {
    return new Store(database, writer, options);
  } catch (error) {
    database.close();
    await writer.close();
    throw error;
  }
}

export class Store {
  readonly accounts: AccountRows;
  readonly bindings: AccountBindings;
  readonly keys: Keys;
  readonly requests: RequestLog;
  readonly usage: UsageHours;
  readonly transcripts: Transcripts;
  readonly settings: Settings;
  readonly writer: Writer;
  readonly secrets: Secrets;
  readonly #database: OpenDatabase;
  readonly #options: StoreOptions;
  readonly #now: () => number;
  readonly #timers: readonly NodeJS.Timeout[];
  #unsweptBytes = 0;
  #sweeping: Promise<void> | undefined;

  constructor(database: OpenDatabase, writer: Writer, options: StoreOptions) {
    const { reads, secrets } = database;
    const now = options.now ?? Date.now;
    this.#database = database;
    this.#options = options;
    this.#now = now;
    this.secrets = secrets;
    this.writer = writer;
    this.accounts = new AccountRows({ reads, writer, secrets, now });
    this.keys = new Keys(reads, writer, now);
    this.bindings = new AccountBindings(reads);
    this.requests = new RequestLog(reads, writer, this.bindings);
    this.usage = new UsageHours(reads);
    this.settings = new Settings(reads, writer);
    this.transcripts = new Transcripts({
      mode: options.transcripts,
      rows: new TranscriptRows(reads, secrets),
      writer,
      log: options.log,
      now,
      cacheBytes: options.cacheBytes,
      diskBytes: options.diskBytes,
    });
    this.#timers = [
      setInterval(() => this.sweep(), SWEEP_EVERY_MS).unref(),
      setInterval(() => this.transcripts.writeTouches(), TOUCH_EVERY_MS).unref(),
    ];
  }

  /**
   * Row, owner and transcript in one transaction; look-ups see them at once. Never rejects: `queued` means that
   * the commit failed or took over two seconds and will be tried again.
   */
  commitTurn(turn: CommittedTurn): Promise<'committed' | 'queued'> {
    const { row, node, bindings = [] } = turn;
    this.requests.remember(row, turn);
    const statements = [
      this.requests.insert(row, turn),
      this.usage.add(row),
      ...(node ? this.transcripts.add(node) : []),
      ...bindings.flatMap(({ names, account }) => this.bindings.add(row.tenant, names, account, row.at)),
    ];
    this.#sweepWhenMuchWasAdded();
    return this.writer.writeWithin(COMMIT_LIMIT_MS, statements);
  }

  /** The answer of a background turn, now that it has been seen. */
  async completeTurn(node: TranscriptNode): Promise<void> {
    await this.writer.write(this.transcripts.complete(node));
  }

  /** Makes names known as an account's before the turn that brought them has ended. */
  async bind(tenant: Tenant, binding: Binding): Promise<void> {
    await this.writer.write(this.bindings.add(tenant, binding.names, binding.account, this.#now()));
  }

  /** The client deletes a response: its id is unknown from now on, here and after a restart. Throws like `Keys.patch`. */
  async forgetResponse(tenant: Tenant, responseId: ResponseId): Promise<void> {
    const forgotten = this.requests.forget(tenant, responseId);
    const hidden = this.transcripts.hide(tenant, responseId);
    await saveChange(this.writer, {
      unit: [...forgotten.unit, ...hidden.unit, this.bindings.remove(tenant, responseName(responseId))],
      // Behind the turn that it names, which may still be queued.
      durability: 'log',
      settle: (outcome) => {
        forgotten.settle(outcome);
        hidden.settle(outcome);
      },
    });
  }

  /** A copy of the database as it is now, in the folder `backups` of the data directory. */
  backUp(): Promise<Backup> {
    return this.#database.backUp(backupPath(this.#options.dataDir, new Date(this.#now())));
  }

  /** The bearer of the admin API: the given one, else the file `admin-token`, made once. */
  adminToken(given?: string): string {
    return loadAdminToken(this.#options.dataDir, given);
  }

  /** Removes what is past its time, in small transactions; runs hourly. One at a time, never rejects. */
  sweep(): Promise<void> {
    this.#sweeping ??= this.#sweep().finally(() => {
      this.#sweeping = undefined;
    });
    return this.#sweeping;
  }

  /** Commits what is queued (for at most 5 s) and closes the database. */
  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    void this.transcripts.writeTouches();
    this.transcripts.stopEvicting();
    // The last connection to close folds the write-ahead log into the file, and only a writing one can.
    this.#database.close();
    await this.writer.close();
  }

  async #sweep(): Promise<void> {
    await this.requests.deleteBefore(this.#now() - this.#options.retentionDays * DAY_MS);
    const before = this.#now() - this.#options.retentionDays * DAY_MS;
    await this.writer.write([this.usage.expire(this.#now()), this.bindings.expire(before)]);
    await this.accounts.expire();
    await this.transcripts.evict();
  }

  #sweepWhenMuchWasAdded(): void {
    this.#unsweptBytes += this.transcripts.takeAddedBytes();
    const share = (this.#options.diskBytes ?? Infinity) * SWEEP_AFTER_SHARE;
    const { least, most } = SWEEP_AFTER_BYTES;
    if (this.#unsweptBytes < Math.min(Math.max(share, least), most)) return;
    this.#unsweptBytes = 0;
    void this.sweep();
  }
}
