/**
 * Accounts as they rest in the database: their logins (sealed), their state, their quota windows and the
 * models they refuse. This only loads and saves them, and never decides who serves. Who writes: the pool (marks), the
 * token refresher (tokens), the quota monitor (windows), logins and the admin API (what a person adds or changes); each
 * write names its columns, and no other column is touched.
 */
import { randomUUID } from 'node:crypto';
import { and, asc, eq, gte } from 'drizzle-orm';
import type {
  AccountChanges,
  AccountDraft,
  AccountRow,
  AccountWindow,
  ModelBlock,
  QuotaSample,
} from '../../domain/account.ts';
import type { AccountId } from '../../domain/ids.ts';
import type { Reads } from '../database/database.ts';
import { accountQuotaSample } from '../database/schema.ts';
import type { Secrets } from '../secrets/secrets.ts';
import { StoreError } from '../store-error.ts';
import { saveChange } from '../writer/save-change.ts';
import { type Prepared, present } from '../writer/statement.ts';
import type { Proposal } from '../writer/tentative.ts';
import type { WriteUnit } from '../writer/write-unit.ts';
import type { Writer } from '../writer/writer.ts';
import { loadAccounts, readLogin, sealAccount } from './account-seal.ts';
import { type AccountStatements, prepareAccountStatements } from './account-statements.ts';
import { HeldAccounts } from './held-accounts.ts';

const DEFAULTS = {
  priority: 0,
  maxUsedPercent: 100,
  transport: 'auto',
  paused: false,
  status: 'ready',
  strikes: 0,
  loginVersion: 1,
} as const;
/** What was held against an account. */
const CURED = { status: 'ready', statusReason: undefined, availableAt: undefined, strikes: 0 } as const;
const STATE_LIMIT_MS = 2000;
const HOUR_MS = 3_600_000;
/** Longer than the longest range a chart shows. */
const SAMPLES_KEPT_MS = 35 * 24 * HOUR_MS;

export class AccountRows {
  readonly #held: HeldAccounts;
  readonly #reads: Reads;
  readonly #secrets: Secrets;
  readonly #writer: Writer;
  readonly #now: () => number;
  readonly #statements: AccountStatements;

  constructor(options: { reads: Reads; writer: Writer; secrets: Secrets; now: () => number }) {
    this.#secrets = options.secrets;
    this.#writer = options.writer;
    this.#now = options.now;
    this.#statements = prepareAccountStatements(options.reads);
    this.#held = new HeldAccounts(loadAccounts(options.reads, options.secrets));
    this.#reads = options.reads;
  }

  /** Every account, credentials opened, oldest first. */
  all(): readonly AccountRow[] {
    return this.#held.all();
  }

  get(id: AccountId): AccountRow | undefined {
    return this.#held.get(id);
  }

  /** `watcher` hears of every change of an account, its removal included, as soon as it holds in memory. */
  watch(watcher: (id: AccountId) => void): void {
    this.#held.watch(watcher);
  }

  /**
   * A login seen before updates its account (what the draft does not name stays), any other makes one. Throws
   * `StoreUnavailable` when it cannot be saved now, as every change by hand does.
   */
  async upsert(
    draft: AccountDraft,
  ): Promise<{ readonly row: AccountRow; readonly outcome: 'created' | 'updated' }> {
    const { identity: plainIdentity, ...login } = draft;
    const identity = this.#secrets.mac('account-identity', draft.kind, plainIdentity);
    const known = this.#held.byIdentity(identity);
    // A new login is the cure for an account that needed one.
    const updated = known && (await this.patch(known.id, { ...login, ...CURED }));
    if (updated !== undefined) return { row: updated, outcome: 'updated' };
    const at = this.#now();
    const row: AccountRow = {
      ...DEFAULTS,
      ...login,
      id: `acc_${randomUUID().replaceAll('-', '').slice(0, 16)}` as AccountId,
      installationId: randomUUID(),
      createdAt: at,
      updatedAt: at,
      windows: [],
      modelBlocks: [],
    };
    const added = this.#held.add({ row, identity });
    await this.#saveLogin([this.#statements.insert({ ...sealAccount(this.#secrets, row), identity })], added);
    return { row, outcome: 'created' };
  }

  /**
   * Saves the fields that are named, and no other; returns the row, undefined when there is no such account. Login and
   * state travel apart, because tokens overtake states on their way to the disk.
   */
  async patch(id: AccountId, changes: AccountChanges): Promise<AccountRow | undefined> {
    const before = this.#held.get(id);
    if (before === undefined) return undefined;
    const { credentials } = changes;
    const renewed =
      credentials === undefined
        ? undefined
        : { loginVersion: before.loginVersion + 1, renewingSince: undefined };
    const made = { ...changes, ...renewed, updatedAt: this.#now() };
    const { login, state } = this.#statements;
    const saves = Object.keys(changes).flatMap((field) => login.get(field) ?? []);
    if (saves.length === 0) this.#held.change(id, made);
    else await this.#changeLogin(id, made, saves);
    await this.#saveState(
      id,
      Object.keys(changes).flatMap((field) => state.get(field) ?? []),
    );
    return this.#held.get(id);
  }

  async #changeLogin(id: AccountId, made: Partial<AccountRow>, saves: readonly Prepared[]): Promise<void> {
    const proposal = this.#held.propose(id, made);
    const row = this.#held.get(id);
    if (proposal === undefined || row === undefined) return;
    const sealed = sealAccount(this.#secrets, row);
    await this.#saveLogin(
      saves.map((save) => save(sealed)),
      proposal,
    );
  }

  /**
   * Notes on disk that the refresh token of this version is about to be used, before it is: whoever finds the
   * note after a crash knows that the token may be spent. `taken`: a renewal of this version is under way or was
   * cut off, here or in another process.
   */
  async beginRenewal(id: AccountId, version: number): Promise<'begun' | 'taken'> {
    const renewingSince = this.#now();
    const unit = [this.#statements.beginRenewal({ id, version, renewingSince })];
    if ((await this.#saveToken(unit)) === 0) return 'taken';
    this.#replace(id, version, { renewingSince });
    return 'begun';
  }

  /** The renewal did not use the token up: it may be tried again. */
  async abandonRenewal(id: AccountId, version: number): Promise<void> {
    await this.#saveToken([this.#statements.abandonRenewal({ id, version })]);
    this.#replace(id, version, { renewingSince: undefined });
  }

  /**
   * Stores renewed credentials, and only when they are on disk lets anyone see them. `superseded`: the account
   * has another login by now, or is gone.
   */
  async finishRenewal(
    id: AccountId,
    version: number,
    credentials: AccountRow['credentials'],
  ): Promise<'stored' | 'superseded'> {
    const row = this.#held.get(id);
    if (row === undefined) return 'superseded';
    const { credentialsSealed } = sealAccount(this.#secrets, { ...row, credentials });
    const unit = [this.#statements.finishRenewal({ id, version, credentialsSealed })];
    if ((await this.#saveToken(unit)) === 0) return 'superseded';
    this.#replace(id, version, { credentials, loginVersion: version + 1, renewingSince: undefined });
    return 'stored';
  }

  /** Takes over what another process has stored of this login. */
  reloadLogin(id: AccountId): AccountRow | undefined {
    const row = this.#held.get(id);
    const stored = readLogin(this.#reads, this.#secrets, id);
    if (row === undefined || stored === undefined || stored.loginVersion < row.loginVersion) return row;
    return this.#held.change(id, stored);
  }

  #replace(id: AccountId, version: number, changes: Partial<AccountRow>): void {
    if (this.#held.get(id)?.loginVersion === version) this.#held.change(id, changes);
  }

  /** Forgets the account and its login; its request rows stay. */
  async remove(id: AccountId): Promise<'removed' | 'unknown'> {
    const removal = this.#held.remove(id);
    if (removal === undefined) return 'unknown';
    await this.#saveLogin([this.#statements.remove({ id })], removal);
    return 'removed';
  }

  /** Replaces the quota windows of these names. */
  async saveWindows(id: AccountId, windows: readonly AccountWindow[]): Promise<void> {
    const row = this.#held.get(id);
    if (row === undefined || windows.length === 0) return;
    const names = new Set(windows.map(({ name }) => name));
    this.#held.change(id, { windows: [...row.windows.filter((w) => !names.has(w.name)), ...windows] });
    const { saveWindow, sampleWindow } = this.#statements;
    const hour = Math.floor(this.#now() / HOUR_MS) * HOUR_MS;
    const unit = windows.flatMap((window) => [
      saveWindow({ ...window, id }),
      sampleWindow({ ...window, id, hour }),
    ]);
    await this.#keep(unit);
  }

  /** Oldest first, one an hour for each window. */
  quotaHistory(id: AccountId, sinceAt: number): readonly QuotaSample[] {
    const { accountId, at, name, usedPercent, resetsAt } = accountQuotaSample;
    return this.#reads
      .select({ name, at, usedPercent, resetsAt })
      .from(accountQuotaSample)
      .where(and(eq(accountId, id), gte(at, sinceAt)))
      .orderBy(asc(at))
      .all()
      .map((sample) => present(sample));
  }

  /** Remembers that an account refuses a model for a while; `untilAt` in the past frees it. */
  async blockModel(id: AccountId, block: ModelBlock): Promise<void> {
    const row = this.#held.get(id);
    if (row === undefined) return;
    const now = this.#now();
    const others = row.modelBlocks.filter(({ model, untilAt }) => model !== block.model && untilAt > now);
    this.#held.change(id, { modelBlocks: block.untilAt > now ? [...others, block] : others });
    await this.#keep([this.#statements.blockModel({ ...block, id })]);
  }

  async unblockModels(id: AccountId): Promise<void> {
    const row = this.#held.get(id);
    if (row === undefined || row.modelBlocks.length === 0) return;
    this.#held.change(id, { modelBlocks: [] });
    await this.#keep([this.#statements.unblockModels({ id })]);
  }

  /** Forgets refusals that are over, and readings that no chart shows. */
  async expire(): Promise<void> {
    const { expireBlocks, expireSamples } = this.#statements;
    const now = this.#now();
    for (const { id, modelBlocks } of this.all()) {
      const left = modelBlocks.filter(({ untilAt }) => untilAt > now);
      if (left.length < modelBlocks.length) this.#held.change(id, { modelBlocks: left });
    }
    await this.#keep([expireBlocks({ before: now }), expireSamples({ before: now - SAMPLES_KEPT_MS })]);
  }

  async #saveToken(unit: WriteUnit): Promise<number> {
    const result = await this.#writer.write(unit, 'token');
    if (result.kind === 'dropped') throw new StoreError('The login could not be saved.');
    return result.changes;
  }

  #saveLogin(unit: WriteUnit, { settle }: Proposal): Promise<void> {
    return saveChange(this.#writer, { unit, durability: 'token', settle });
  }

  /** Written as it is by now: the login went first, and what was learnt meanwhile is already on its way. */
  async #saveState(id: AccountId, saves: readonly Prepared[]): Promise<void> {
    const row = this.#held.get(id);
    if (row !== undefined && saves.length > 0) await this.#keep(saves.map((save) => save({ ...row })));
  }

  /** What serving has shown stays queued for as long as the database takes no writes, and nobody waits so long. */
  async #keep(unit: WriteUnit): Promise<void> {
    await this.#writer.writeWithin(STATE_LIMIT_MS, unit);
  }
}
