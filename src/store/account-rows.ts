/**
 * Accounts as they rest in the database: their logins (sealed), their state, their quota windows and the
 * models they refuse. The caller keeps the rows in memory; this only loads and saves them, and never decides
 * who serves.
 */
import { randomUUID } from 'node:crypto';
import { and, asc, eq, gte } from 'drizzle-orm';
import type { AccountId } from '../ids.ts';
import type {
  AccountChanges,
  AccountDraft,
  AccountRow,
  AccountWindow,
  ModelBlock,
  QuotaSample,
} from './account-row.ts';
import { type HeldAccount, loadAccounts, readLogin, sealAccount } from './account-seal.ts';
import {
  type AccountStatements,
  type FieldStatements,
  prepareAccountStatements,
} from './account-statements.ts';
import type { Reads } from './database.ts';
import { accountQuotaSample } from './schema.ts';
import type { Secrets } from './secrets.ts';
import { present } from './statement.ts';
import { StoreError } from './store-error.ts';
import type { Durability, WriteUnit } from './write-unit.ts';
import type { Writer } from './writer.ts';

const DEFAULTS = {
  priority: 0,
  maxUsedPercent: 100,
  transport: 'auto',
  paused: false,
  status: 'ready',
  strikes: 0,
  loginVersion: 1,
} as const;
const HOUR_MS = 3_600_000;
/** Longer than the longest range a chart shows. */
const SAMPLES_KEPT_MS = 35 * 24 * HOUR_MS;

export class AccountRows {
  readonly #rows: Map<AccountId, HeldAccount>;
  readonly #reads: Reads;
  readonly #secrets: Secrets;
  readonly #writer: Writer;
  readonly #now: () => number;
  readonly #statements: AccountStatements;
  readonly #watchers: ((id: AccountId) => void)[] = [];

  constructor(options: { reads: Reads; writer: Writer; secrets: Secrets; now: () => number }) {
    this.#secrets = options.secrets;
    this.#writer = options.writer;
    this.#now = options.now;
    this.#statements = prepareAccountStatements(options.reads);
    this.#rows = loadAccounts(options.reads, options.secrets);
    this.#reads = options.reads;
  }

  /** Every account, credentials opened, oldest first. */
  all(): readonly AccountRow[] {
    return [...this.#rows.values()].map(({ row }) => row);
  }

  get(id: AccountId): AccountRow | undefined {
    return this.#rows.get(id)?.row;
  }

  /** `watcher` hears of every change of an account, its removal included, as soon as it holds in memory. */
  watch(watcher: (id: AccountId) => void): void {
    this.#watchers.push(watcher);
  }

  #changed(id: AccountId): void {
    for (const watcher of this.#watchers) watcher(id);
  }

  /** A login seen before updates its account (what the draft does not name stays), any other makes one. */
  async upsert(
    draft: AccountDraft,
  ): Promise<{ readonly row: AccountRow; readonly outcome: 'created' | 'updated' }> {
    const { identity: plainIdentity, ...login } = draft;
    const identity = this.#secrets.mac('account-identity', draft.kind, plainIdentity);
    const known = [...this.#rows.values()].find((held) => held.identity.equals(identity));
    if (known) {
      // A new login is the cure for an account that needed one.
      const row = await this.patch(known.row.id, {
        ...login,
        status: 'ready',
        statusReason: undefined,
        availableAt: undefined,
        strikes: 0,
      });
      return { row: row ?? known.row, outcome: 'updated' };
    }
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
    this.#rows.set(row.id, { row, identity });
    this.#changed(row.id);
    await this.#save([this.#statements.insert({ ...this.#sealed(row), identity })], 'token');
    return { row, outcome: 'created' };
  }

  /**
   * Saves the fields that are named, and no other; returns the row, undefined when there is no such account. Login and
   * state travel apart, because tokens overtake states on their way to the disk.
   */
  async patch(id: AccountId, changes: AccountChanges): Promise<AccountRow | undefined> {
    const held = this.#rows.get(id);
    if (!held) return undefined;
    const { credentials } = changes;
    const version =
      credentials === undefined
        ? {}
        : { loginVersion: held.row.loginVersion + 1, renewingSince: undefined, credentials };
    const row = { ...held.row, ...changes, ...version, updatedAt: this.#now() };
    held.row = row;
    this.#changed(id);
    const named = (statements: FieldStatements) =>
      Object.keys(changes).flatMap((field) => statements.get(field) ?? []);
    const state = named(this.#statements.state).map((save) => save({ ...row }));
    // Sealed only for them: most changes are of the state, and there are many.
    const logins = named(this.#statements.login);
    const sealed = logins.length === 0 ? {} : this.#sealed(row);
    const login = logins.map((save) => save(sealed));
    const saves: Promise<void>[] = [];
    if (state.length > 0) saves.push(this.#save(state, 'log'));
    if (login.length > 0) saves.push(this.#save(login, 'token'));
    await Promise.all(saves);
    return row;
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
    const held = this.#rows.get(id);
    if (held === undefined) return 'superseded';
    const { credentialsSealed } = this.#sealed({ ...held.row, credentials });
    const unit = [this.#statements.finishRenewal({ id, version, credentialsSealed })];
    if ((await this.#saveToken(unit)) === 0) return 'superseded';
    this.#replace(id, version, { credentials, loginVersion: version + 1, renewingSince: undefined });
    return 'stored';
  }

  /** Takes over what another process has stored of this login. */
  reloadLogin(id: AccountId): AccountRow | undefined {
    const held = this.#rows.get(id);
    const stored = readLogin(this.#reads, this.#secrets, id);
    if (held === undefined || stored === undefined) return held?.row;
    const version = held.row.loginVersion;
    if (stored.loginVersion < version) return held.row;
    this.#replace(id, version, stored);
    return held.row;
  }

  #replace(id: AccountId, version: number, changes: Partial<AccountRow>): void {
    const held = this.#rows.get(id);
    if (held === undefined || held.row.loginVersion !== version) return;
    held.row = { ...held.row, ...changes };
    this.#changed(id);
  }

  /** Forgets the account and its login; its request rows stay. */
  async remove(id: AccountId): Promise<'removed' | 'unknown'> {
    if (!this.#rows.delete(id)) return 'unknown';
    this.#changed(id);
    await this.#save([this.#statements.remove({ id })], 'token');
    return 'removed';
  }

  /** Replaces the quota windows of these names. */
  async saveWindows(id: AccountId, windows: readonly AccountWindow[]): Promise<void> {
    const held = this.#rows.get(id);
    if (!held || windows.length === 0) return;
    const names = new Set(windows.map(({ name }) => name));
    held.row = { ...held.row, windows: [...held.row.windows.filter((w) => !names.has(w.name)), ...windows] };
    this.#changed(id);
    const { saveWindow, sampleWindow } = this.#statements;
    const hour = Math.floor(this.#now() / HOUR_MS) * HOUR_MS;
    const unit = windows.flatMap((window) => [
      saveWindow({ ...window, id }),
      sampleWindow({ ...window, id, hour }),
    ]);
    await this.#save(unit, 'log');
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
    const held = this.#rows.get(id);
    if (!held) return;
    const others = held.row.modelBlocks.filter(({ model }) => model !== block.model);
    held.row = { ...held.row, modelBlocks: block.untilAt > this.#now() ? [...others, block] : others };
    this.#changed(id);
    await this.#save([this.#statements.blockModel({ ...block, id })], 'log');
  }

  async unblockModels(id: AccountId): Promise<void> {
    const held = this.#rows.get(id);
    if (held === undefined || held.row.modelBlocks.length === 0) return;
    held.row = { ...held.row, modelBlocks: [] };
    this.#changed(id);
    await this.#save([this.#statements.unblockModels({ id })], 'log');
  }

  /** Forgets refusals that are over, and readings that no chart shows. */
  async expire(): Promise<void> {
    const { expireBlocks, expireSamples } = this.#statements;
    const now = this.#now();
    await this.#save(
      [expireBlocks({ before: now }), expireSamples({ before: now - SAMPLES_KEPT_MS })],
      'log',
    );
  }

  async #saveToken(unit: WriteUnit): Promise<number> {
    const result = await this.#writer.write(unit, 'token');
    if (result.kind === 'dropped') throw new StoreError('The login could not be saved.');
    return result.changes;
  }

  async #save(unit: WriteUnit, durability: Durability): Promise<void> {
    const result = await this.#writer.write(unit, durability);
    // A state that is lost is learnt again from the next turn; a login is not.
    if (result.kind === 'dropped' && durability === 'token') {
      throw new StoreError('The account could not be saved; try again.');
    }
  }

  #sealed(row: AccountRow): Record<string, unknown> {
    return sealAccount(this.#secrets, row);
  }
}
