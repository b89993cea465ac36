/** The members of the shapes of the admin API as values, so that answers can be held against them. */
import type { AccountWire } from '../../src/admin-api/account.ts';
import type { ErrorWire } from '../../src/admin-api/answer.ts';
import type { HelloWire, RemovedWire } from '../../src/admin-api/events.ts';
import type { KeyLimitsWire, KeyUseWire, KeyWire, NewKeyWire } from '../../src/admin-api/key.ts';
import type { LoginWire } from '../../src/admin-api/login.ts';
import type {
  AttemptWire,
  HistorySizeWire,
  RequestDetailWire,
  RequestErrorWire,
  RequestWire,
} from '../../src/admin-api/request.ts';
import type { SessionWire, SwitchWire } from '../../src/admin-api/session.ts';
import type { ChannelTestWire, ChannelWire, SettingsWire } from '../../src/admin-api/settings.ts';
import type { BackupWire, PoolStatusWire, StatusWire, WriterStatusWire } from '../../src/admin-api/status.ts';
import type { TurnWire } from '../../src/admin-api/turn.ts';
import type { UsageGroupWire, UsageStepWire, UsageSumWire, UsageWire } from '../../src/admin-api/usage.ts';
import type { QuotaHistoryWire, QuotaSampleWire, WindowWire } from '../../src/admin-api/window.ts';

/** Every member of a shape, and whether each value has it; one that is not named here does not compile. */
export type Members<Wire> = {
  readonly [Member in keyof Wire]-?: Partial<Pick<Wire, Member>> extends Pick<Wire, Member>
    ? 'sometimes'
    : 'always';
};

export const WINDOW: Members<WindowWire> = {
  name: 'always',
  used_percent: 'always',
  window_minutes: 'always',
  resets_at: 'always',
};
export const ACCOUNT: Members<AccountWire> = {
  id: 'always',
  name: 'always',
  kind: 'always',
  email: 'always',
  plan: 'always',
  status: 'always',
  status_reason: 'always',
  status_since: 'always',
  available_at: 'always',
  priority: 'always',
  max_used_percent: 'always',
  transport: 'always',
  proxy: 'always',
  windows: 'always',
  active_turns: 'always',
  sessions: 'always',
  last_given: 'always',
  urgency: 'always',
  last_used_at: 'always',
  created_at: 'always',
};
export const SAMPLE: Members<QuotaSampleWire> = { name: 'always', used_percent: 'always', at: 'always' };
export const HISTORY: Members<QuotaHistoryWire> = { range: 'always', data: 'always' };
export const SWITCH: Members<SwitchWire> = { at: 'always', from: 'always', to: 'always', reason: 'always' };
export const SESSION: Members<SessionWire> = {
  id: 'always',
  tenant: 'always',
  key_kind: 'always',
  account_id: 'always',
  socket: 'always',
  turns: 'always',
  switches: 'always',
  created_at: 'always',
  last_turn_at: 'always',
};
export const ATTEMPT: Members<AttemptWire> = {
  account_id: 'always',
  transport: 'always',
  outcome: 'always',
  error_class: 'sometimes',
  error_code: 'sometimes',
  ms: 'always',
};
export const REQUEST_ERROR: Members<RequestErrorWire> = { code: 'always', message: 'always' };
export const REQUEST: Members<RequestWire> = {
  id: 'always',
  at: 'always',
  tenant: 'always',
  session: 'always',
  door: 'always',
  route: 'always',
  model: 'always',
  status: 'always',
  response_id: 'always',
  previous_response_id: 'always',
  account_id: 'always',
  account_reason: 'always',
  continuity: 'always',
  attempts: 'always',
  error: 'sometimes',
  dropped_params: 'sometimes',
  input_tokens: 'always',
  cached_tokens: 'always',
  output_tokens: 'always',
  reasoning_tokens: 'always',
  first_event_ms: 'always',
  total_ms: 'always',
};
export const REQUEST_DETAIL: Members<RequestDetailWire> = { ...REQUEST, history: 'always' };
export const HISTORY_SIZE: Members<HistorySizeWire> = { items: 'always', bytes: 'always' };
export const TURN: Members<TurnWire> = {
  id: 'always',
  session: 'always',
  tenant: 'always',
  model: 'always',
  door: 'always',
  client: 'always',
  account_id: 'always',
  phase: 'always',
  started_at: 'always',
  attempts: 'always',
  pieces: 'always',
};
export const KEY_LIMITS: Members<KeyLimitsWire> = {
  requests_per_minute: 'always',
  tokens_per_day: 'always',
  concurrent_turns: 'always',
};
export const KEY_USE: Members<KeyUseWire> = {
  requests_last_minute: 'always',
  concurrent_turns: 'always',
  tokens_today: 'always',
};
export const KEY: Members<KeyWire> = {
  id: 'always',
  name: 'always',
  prefix: 'always',
  created_at: 'always',
  expires_at: 'always',
  models: 'always',
  accounts: 'always',
  limits: 'always',
  used: 'always',
  last_used_at: 'always',
  revoked_at: 'always',
};
export const NEW_KEY: Members<NewKeyWire> = { ...KEY, key: 'always' };
export const STATUS: Members<StatusWire> = {
  version: 'always',
  uptime_seconds: 'always',
  data_dir: 'always',
  pool: 'always',
  active_turns: 'always',
  sessions: 'always',
  writer: 'always',
};
export const POOL_STATUS: Members<PoolStatusWire> = {
  accounts: 'always',
  ready: 'always',
  exhausted: 'always',
};
export const WRITER_STATUS: Members<WriterStatusWire> = { queue: 'always', dropped: 'always' };
export const BACKUP: Members<BackupWire> = { file: 'always', bytes: 'always' };
export const USAGE: Members<UsageWire> = {
  range: 'always',
  step_seconds: 'always',
  since: 'always',
  prices_as_of: 'always',
  totals: 'always',
  series: 'always',
  models: 'always',
  accounts: 'always',
  keys: 'always',
};
export const USAGE_SUM: Members<UsageSumWire> = {
  turns: 'always',
  failed: 'always',
  input_tokens: 'always',
  cached_tokens: 'always',
  output_tokens: 'always',
  reasoning_tokens: 'always',
  cost_usd: 'always',
};
export const USAGE_STEP: Members<UsageStepWire> = { ...USAGE_SUM, at: 'always' };
export const USAGE_GROUP: Members<UsageGroupWire> = { ...USAGE_SUM, id: 'always' };
export const SETTINGS: Members<SettingsWire> = { notifications: 'always' };
export const CHANNEL: Members<ChannelWire> = {
  id: 'always',
  kind: 'always',
  url: 'always',
  token: 'sometimes',
  chat_id: 'sometimes',
  events: 'sometimes',
};
export const CHANNEL_TEST: Members<ChannelTestWire> = { kind: 'always', ok: 'always', error: 'sometimes' };
export const LOGIN: Members<LoginWire> = {
  id: 'always',
  method: 'always',
  url: 'always',
  user_code: 'sometimes',
  expires_at: 'always',
  status: 'always',
  account_id: 'sometimes',
  error: 'sometimes',
};
export const ERROR: Members<ErrorWire> = { error: 'always' };
export const ERROR_BODY: Members<ErrorWire['error']> = {
  message: 'always',
  type: 'always',
  code: 'always',
  param: 'always',
};
export const HELLO: Members<HelloWire> = { version: 'always', at: 'always' };
export const REMOVED: Members<RemovedWire> = { id: 'always', removed: 'always' };
