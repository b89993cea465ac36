/**
 * The tables, as drizzle sees them. Instants are epoch milliseconds; columns named "sealed" hold AES-256-GCM
 * values. A change here needs `npm run migration`.
 */
import { sql } from 'drizzle-orm';
import {
  blob,
  foreignKey,
  index,
  integer,
  primaryKey,
  real,
  sqliteTable,
  text,
} from 'drizzle-orm/sqlite-core';
import type { SelectionReason } from '../../admin-api/request.ts';
import type { AccountId, ResponseId, SessionId, Tenant } from '../../domain/ids.ts';
import type { KeyLimits } from '../../domain/key.ts';
import type { BoundTo, RequestAttempt, RequestError, RequestRow } from '../../domain/request.ts';

const bytes = (name: string) => blob(name, { mode: 'buffer' });
const json = (name: string) => text(name, { mode: 'json' });

export const account = sqliteTable('account', {
  id: text('id').$type<AccountId>().primaryKey(),
  kind: text('kind', { enum: ['api_key', 'chatgpt'] }).notNull(),
  name: text('name').notNull(),
  emailSealed: bytes('email_sealed'),
  plan: text('plan'),
  identity: bytes('identity').notNull().unique(),
  baseUrl: text('base_url'),
  priority: integer('priority').notNull(),
  maxUsedPercent: real('max_used_percent').notNull(),
  transport: text('transport', { enum: ['auto', 'websocket', 'http'] }).notNull(),
  proxySealed: bytes('proxy_sealed'),
  paused: integer('paused', { mode: 'boolean' }).notNull(),
  credentialsSealed: bytes('credentials_sealed').notNull(),
  /** Counts up with every change of the credentials. */
  loginVersion: integer('login_version').notNull().default(1),
  /** A renewal of this version was begun: its refresh token may have been used up. */
  renewingSince: integer('renewing_since'),
  status: text('status').notNull(),
  statusReason: text('status_reason'),
  statusSince: integer('status_since'),
  availableAt: integer('available_at'),
  /** Blocks in a row without an answered turn between them. */
  strikes: integer('strikes').notNull().default(0),
  lastUsedAt: integer('last_used_at'),
  installationId: text('installation_id').notNull(),
  createdAt: integer('created_at').notNull(),
  updatedAt: integer('updated_at').notNull(),
});

const ofAccount = () =>
  text('account_id')
    .$type<AccountId>()
    .notNull()
    .references(() => account.id, { onDelete: 'cascade' });

export const accountWindow = sqliteTable(
  'account_window',
  {
    accountId: ofAccount(),
    name: text('name').notNull(),
    usedPercent: real('used_percent').notNull(),
    windowMinutes: integer('window_minutes'),
    resetsAt: integer('resets_at'),
    seenAt: integer('seen_at').notNull(),
  },
  (t) => [primaryKey({ columns: [t.accountId, t.name] })],
);

export const accountModelBlock = sqliteTable(
  'account_model_block',
  {
    accountId: ofAccount(),
    model: text('model').notNull(),
    untilAt: integer('until_at').notNull(),
    reason: text('reason', { enum: ['plan', 'quota'] })
      .notNull()
      .default('plan'),
  },
  (t) => [primaryKey({ columns: [t.accountId, t.model] })],
);

/** The last reading of each window in each hour, for charts. */
export const accountQuotaSample = sqliteTable(
  'account_quota_sample',
  {
    accountId: ofAccount(),
    name: text('name').notNull(),
    /** The hour it belongs to. */
    at: integer('at').notNull(),
    usedPercent: real('used_percent').notNull(),
    resetsAt: integer('resets_at'),
  },
  (t) => [primaryKey({ columns: [t.accountId, t.name, t.at] })],
);

export const apiKey = sqliteTable('api_key', {
  id: text('id').$type<Tenant>().primaryKey(),
  name: text('name').notNull(),
  hash: bytes('hash').notNull().unique(),
  prefix: text('prefix').notNull(),
  createdAt: integer('created_at').notNull(),
  expiresAt: integer('expires_at'),
  models: json('models').$type<readonly string[]>(),
  accounts: json('accounts').$type<readonly AccountId[]>(),
  limits: json('limits').$type<KeyLimits>(),
  revokedAt: integer('revoked_at'),
});

export const request = sqliteTable(
  'request',
  {
    id: text('id').primaryKey(),
    at: integer('at').notNull(),
    tenant: text('tenant').$type<Tenant>().notNull(),
    session: text('session').$type<SessionId>().notNull(),
    door: text('door', { enum: ['json', 'sse', 'ws'] }).notNull(),
    route: text('route').$type<RequestRow['route']>().notNull(),
    model: text('model'),
    status: text('status', { enum: ['completed', 'incomplete', 'failed', 'cancelled'] }).notNull(),
    responseId: text('response_id').$type<ResponseId>(),
    previousResponseId: text('previous_response_id'),
    accountId: text('account_id').$type<AccountId>(),
    accountReason: text('account_reason').$type<SelectionReason>(),
    continuity: text('continuity', { enum: ['none', 'preserved', 'snapshot', 'client_full'] }).notNull(),
    attempts: json('attempts').$type<readonly RequestAttempt[]>().notNull(),
    error: json('error').$type<RequestError>(),
    droppedParams: json('dropped_params').$type<readonly string[]>(),
    inputTokens: integer('input_tokens'),
    cachedTokens: integer('cached_tokens'),
    outputTokens: integer('output_tokens'),
    reasoningTokens: integer('reasoning_tokens'),
    firstEventMs: integer('first_event_ms'),
    totalMs: integer('total_ms').notNull(),
    /** The owner account keeps the response and can be asked for it. */
    stored: integer('stored', { mode: 'boolean' }).notNull(),
    /** The client deleted the response: its id is unknown from then on, the row stays. */
    forgotten: integer('forgotten', { mode: 'boolean' }).notNull().default(false),
    /** Why every turn that continues this one has to stay with one account. */
    bound: json('bound').$type<BoundTo>(),
  },
  (t) => [
    index('request_response').on(t.responseId, t.tenant).where(sql`response_id is not null`),
    index('request_at').on(t.at),
    index('request_session').on(t.session, t.at),
    index('request_tenant').on(t.tenant, t.at),
  ],
);

/** Usage summed by the hour, account `''` where none was asked. */
export const usageHour = sqliteTable(
  'usage_hour',
  {
    hourAt: integer('hour_at').notNull(),
    tenant: text('tenant').$type<Tenant>().notNull(),
    accountId: text('account_id').$type<AccountId | ''>().notNull(),
    model: text('model').notNull(),
    turns: integer('turns').notNull(),
    failed: integer('failed').notNull(),
    inputTokens: integer('input_tokens').notNull(),
    cachedTokens: integer('cached_tokens').notNull(),
    outputTokens: integer('output_tokens').notNull(),
    reasoningTokens: integer('reasoning_tokens').notNull(),
  },
  (t) => [primaryKey({ columns: [t.hourAt, t.tenant, t.accountId, t.model] })],
);

/** One conversation with all its branches: what is kept, touched and evicted as a whole. */
export const transcriptTree = sqliteTable(
  'transcript_tree',
  {
    tenant: text('tenant').$type<Tenant>().notNull(),
    rootId: text('root_id').$type<ResponseId>().notNull(),
    lastUsedAt: integer('last_used_at').notNull(),
    /** Sealed bytes of all its bodies. */
    bytes: integer('bytes').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.tenant, t.rootId] }),
    // Holds the size too, so that the sum over all trees reads this index and no row.
    index('transcript_tree_last_used').on(t.lastUsedAt, t.bytes),
  ],
);

export const transcript = sqliteTable(
  'transcript',
  {
    tenant: text('tenant').$type<Tenant>().notNull(),
    responseId: text('response_id').$type<ResponseId>().notNull(),
    parentId: text('parent_id').$type<ResponseId>(),
    rootId: text('root_id').$type<ResponseId>().notNull(),
    accountId: text('account_id').$type<AccountId>(),
    sessionId: text('session_id').$type<SessionId>().notNull(),
    chain: bytes('chain').notNull(),
    inputCount: integer('input_count').notNull(),
    outputCount: integer('output_count').notNull(),
    /** Size of the body before compression and sealing. */
    bytes: integer('bytes').notNull(),
    hidden: integer('hidden', { mode: 'boolean' }).notNull().default(false),
    createdAt: integer('created_at').notNull(),
    body: bytes('body').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.tenant, t.responseId] }),
    foreignKey({
      columns: [t.tenant, t.rootId],
      foreignColumns: [transcriptTree.tenant, transcriptTree.rootId],
    }).onDelete('cascade'),
    index('transcript_root').on(t.tenant, t.rootId),
    index('transcript_chain').on(t.tenant, t.chain),
  ],
);

export const transcriptItem = sqliteTable(
  'transcript_item',
  {
    tenant: text('tenant').$type<Tenant>().notNull(),
    itemId: text('item_id').notNull(),
    responseId: text('response_id').$type<ResponseId>().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.tenant, t.itemId] }),
    foreignKey({
      columns: [t.tenant, t.responseId],
      foreignColumns: [transcript.tenant, transcript.responseId],
    }).onDelete('cascade'),
    index('transcript_item_response').on(t.tenant, t.responseId),
  ],
);

/** What belongs to an account although no remembered turn says so. */
export const accountBinding = sqliteTable(
  'account_binding',
  {
    tenant: text('tenant').$type<Tenant>().notNull(),
    name: text('name').notNull(),
    accountId: text('account_id').$type<AccountId>().notNull(),
    at: integer('at').notNull(),
  },
  (t) => [primaryKey({ columns: [t.tenant, t.name] }), index('account_binding_at').on(t.at)],
);

export const setting = sqliteTable('setting', {
  key: text('key').primaryKey(),
  value: text('value').notNull(),
});
