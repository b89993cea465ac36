/**
 * Accounts as they rest in the database: their logins (sealed), their state, their quota windows and the
 * models they refuse. The caller keeps the rows in memory; this only loads and saves them, and never decides
 * who serves.
 */
import { randomUUID } from 'node:crypto';
import { asc } from 'drizzle-orm';
import type { AccountId } from '../ids.ts';
import { type AccountStatements, prepareAccountStatements } from './account-statements.ts';
import type { Reads } from './database.ts';
import { account, accountModelBlock, accountWindow } from './schema.ts';
import type { Secrets } from './secrets.ts';
import { present } from './statement.ts';
import { StoreError } from './store-error.ts';
import type { Durability, WriteUnit } from './write-unit.ts';
import type { Writer } from './writer.ts';

export interface AccountWindow {
  readonly name: string;
  readonly usedPercent: number;
  readonly windowMinutes?: number | undefined;
  readonly resetsAt?: number | undefined;
  readonly seenAt: number;
}

export interface QuotaSample {
  /** Of the window. */
  readonly name: string;
  readonly usedPercent: number;
  readonly at: number;
}

export interface ModelBlock {
  readonly model: string;
  readonly untilAt: number;
}

/** What an operator or a login decides. */
export interface AccountLogin {
  readonly name: string;
  readonly kind: 'api_key' | 'chatgpt';
  readonly email?: string | undefined;
  readonly plan?: string | undefined;
  readonly baseUrl?: string | undefined;
  readonly priority: number;
  /** 1..100: above it in any main window the account takes no new sessions. */
  readonly maxUsedPercent: number;
  readonly transport: 'auto' | 'websocket' | 'http';
  readonly proxy?: string | undefined;
  readonly paused: boolean;
  readonly credentials: Readonly<Record<string, unknown>>;
}

/** What serving it has shown; the accounts floor knows the values. */
export interface AccountState {
  readonly status: string;
  readonly statusReason?: string | undefined;
  readonly availableAt?: number | undefined;
  readonly lastUsedAt?: number | undefined;
}

export interface AccountRow extends AccountLogin, AccountState {
  readonly id: AccountId;
  readonly installationId: string;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly windows: readonly AccountWindow[];
  readonly modelBlocks: readonly ModelBlock[];
}

/** `identity` tells one login from another (an upstream account id, an API key); only its keyed hash is kept. */
export type AccountDraft = Pick<AccountLogin, 'name' | 'kind' | 'credentials'> &
  Partial<AccountLogin> & { readonly identity: string };

export type AccountChanges = Partial<AccountLogin & AccountState>;

const DEFAULTS = {
  priority: 0,
  maxUsedPercent: 100,
  transport: 'auto',
  paused: false,
  status: 'ready',
} as const;
const STATE_FIELDS: ReadonlySet<string> = new Set<keyof AccountState>([
  'status',
  'statusReason',
  'availableAt',
  'lastUsedAt',
]);

export class AccountRows {
  readonly #rows = new Map<AccountId, { row: AccountRow; identity: Buffer }>();
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
    this.#load(options.reads);
  }

  /** Every account, credentials opened, oldest first. */
  all(): readonly AccountRow[] {
    return [...this.#rows.values()].map(({ row }) => row);
  }

  get(id: AccountId): AccountRow | undefined {
    return this.#rows.get(id)?.row;
  }

  /** Readings of the account's windows since an instant, oldest first. */
  quotaHistory(id: AccountId, sinceAt: number): readonly QuotaSample[] {
    const windows = this.get(id)?.windows ?? [];
    return windows
      .filter((window) => window.seenAt >= sinceAt)
      .map(({ name, usedPercent, seenAt }) => ({ name, usedPercent, at: seenAt }));
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
      const row = await this.patch(known.row.id, { ...login, status: 'ready', statusReason: undefined });
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
   * Saves changed fields and returns the row; undefined when there is no such account. Login fields and state
   * fields are different columns of different statements, so that a late state never brings back an old token.
   */
  async patch(id: AccountId, changes: AccountChanges): Promise<AccountRow | undefined> {
    const held = this.#rows.get(id);
    if (!held) return undefined;
    const row = { ...held.row, ...changes, updatedAt: this.#now() };
    held.row = row;
    this.#changed(id);
    const fields = Object.keys(changes);
    const saves: Promise<void>[] = [];
    if (fields.some((field) => STATE_FIELDS.has(field))) {
      saves.push(this.#save([this.#statements.saveState({ ...row })], 'log'));
    }
    if (fields.some((field) => !STATE_FIELDS.has(field))) {
      saves.push(this.#save([this.#statements.saveLogin(this.#sealed(row))], 'token'));
    }
    await Promise.all(saves);
    return row;
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
    await this.#save(
      windows.map((window) => this.#statements.saveWindow({ ...window, id })),
      'log',
    );
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

  /** Forgets refusals that are over. */
  async expireBlocks(): Promise<void> {
    await this.#save([this.#statements.expireBlocks({ before: this.#now() })], 'log');
  }

  async #save(unit: WriteUnit, durability: Durability): Promise<void> {
    const result = await this.#writer.write(unit, durability);
    // A state that is lost is learnt again from the next turn; a login is not.
    if (result.kind === 'dropped' && durability === 'token') {
      throw new StoreError('The account could not be saved; try again.');
    }
  }

  #sealed(row: AccountRow): Record<string, unknown> {
    const seal = (field: string, value: string | undefined) =>
      value === undefined ? undefined : this.#secrets.seal(Buffer.from(value), aadOf(row.id, field));
    return {
      ...row,
      emailSealed: seal('email', row.email),
      proxySealed: seal('proxy', row.proxy),
      credentialsSealed: seal('credentials', JSON.stringify(row.credentials)),
    };
  }

  #load(reads: Reads): void {
    const windows = Map.groupBy(reads.select().from(accountWindow).all(), (row) => row.accountId);
    const blocks = Map.groupBy(reads.select().from(accountModelBlock).all(), (row) => row.accountId);
    for (const stored of reads.select().from(account).orderBy(asc(account.createdAt)).all()) {
      const { identity, emailSealed, proxySealed, credentialsSealed, ...row } = stored;
      const open = (field: string, sealed: Buffer | null) =>
        sealed ? this.#secrets.open(sealed, aadOf(row.id, field)).toString() : undefined;
      this.#rows.set(row.id, {
        identity,
        row: {
          ...present(row),
          email: open('email', emailSealed),
          proxy: open('proxy', proxySealed),
          credentials: JSON.parse(open('credentials', credentialsSealed) ?? '{}') as Record<string, unknown>,
          windows: (windows.get(row.id) ?? []).map(({ accountId: _id, ...window }) => present(window)),
          modelBlocks: (blocks.get(row.id) ?? []).map(({ model, untilAt }) => ({ model, untilAt })),
        },
      });
    }
  }
}

function aadOf(id: AccountId, field: string): string {
  return `account:${id}:${field}`;
}
