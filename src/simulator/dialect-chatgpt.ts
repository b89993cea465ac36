/**
 * The ChatGPT backend's own rules: refused fields, models, usage figures in their three forms (headers,
 * `codex.rate_limits`, `/wham/usage`). Knows nothing of histories, sockets or the other dialect.
 */
import { createHash } from 'node:crypto';
import type { AccountState } from './account-state.ts';
import type { Carrier, Refusal } from './dialect-openai.ts';
import { detail, planLacksModel, unsupportedParameter } from './errors.ts';
import type { SimulatedWindow } from './script.ts';
import { type CreateBody, type Headers, type Item, isMessage, isObject, type WireEvent } from './wire.ts';

const NEVER_TAKEN = [
  'max_output_tokens',
  'max_completion_tokens',
  'temperature',
  'top_p',
  'user',
  'metadata',
  'truncation',
  'safety_identifier',
  'prompt_cache_retention',
  'prompt_cache_options',
  'stream_id',
  'context_management',
  'background',
  'conversation',
];

const NOT_TAKEN_BY: Readonly<Record<Carrier, readonly string[]>> = {
  ws: [],
  http: ['previous_response_id', 'generate', 'stream_options', 'type'],
  compact: ['previous_response_id', 'generate', 'stream_options', 'type', 'store', 'stream'],
};

/** The first thing in `body` that the ChatGPT backend would not take, if any. */
export function screenChatgptFields(
  body: CreateBody,
  carrier: Carrier,
  account: AccountState,
): Refusal | undefined {
  const refused = [...NEVER_TAKEN, ...NOT_TAKEN_BY[carrier]].find((field) => body[field] !== undefined);
  if (refused !== undefined) {
    return { rule: 'unsupported_parameter', answer: unsupportedParameter(refused) };
  }
  const invalid = invalidField(body, carrier);
  if (invalid !== undefined) return { rule: 'invalid_field', answer: detail(400, invalid) };
  if (typeof body.model === 'string' && account.models.includes(body.model)) return undefined;
  return { rule: 'unknown_model', answer: planLacksModel(String(body.model)) };
}

function invalidField(body: CreateBody, carrier: Carrier): string | undefined {
  if (carrier !== 'compact' && body.store !== false) return 'Store must be set to false';
  if (carrier === 'http' && body.stream !== true) return 'Stream must be set to true';
  if (carrier === 'ws' && body.stream === false) return 'Stream must be set to true';
  if (body.instructions !== undefined && typeof body.instructions !== 'string') {
    return 'Instructions must be a string';
  }
  if (!Array.isArray(body.input)) return 'Input must be a list';
  const items: readonly Item[] = body.input.filter(isObject);
  if (items.some((item) => isMessage(item) && item.role === 'system')) {
    return 'System messages are not allowed';
  }
  if (items.some(holdsCacheBreakpoint)) return 'Unsupported parameter: prompt_cache_breakpoint';
  return undefined;
}

function holdsCacheBreakpoint(item: Item): boolean {
  const parts = Array.isArray(item.content) ? item.content.filter(isObject) : [];
  return parts.some((part) => part['prompt_cache_breakpoint'] !== undefined);
}

interface Windows {
  readonly primary: SimulatedWindow | undefined;
  readonly secondary: SimulatedWindow | undefined;
}

/** The account's windows; a counted quota shows as the fill of the primary one. */
function windowsOf(account: AccountState): Windows {
  const { primary, secondary } = account.windows;
  const usedPercent = account.usedPercent();
  if (usedPercent === undefined) return { primary: primary ?? DEFAULT_WINDOW, secondary };
  const until = account.spentUntil();
  const resetsInSeconds =
    until === undefined ? account.quotaPeriodSeconds : Math.ceil((until - Date.now()) / 1000);
  const windowMinutes = primary?.windowMinutes ?? DEFAULT_WINDOW.windowMinutes;
  return { primary: { usedPercent, windowMinutes, resetsInSeconds }, secondary };
}

const DEFAULT_WINDOW: SimulatedWindow = { usedPercent: 1, windowMinutes: 300, resetsInSeconds: 9000 };

const unixIn = (resetsInSeconds: number): number => Math.floor(Date.now() / 1000) + resetsInSeconds;

/** The `x-codex-*` family of HTTP answers. */
export function limitHeaders(account: AccountState): Headers {
  const headers: Record<string, string> = {
    'x-codex-plan-type': account.plan,
    'x-codex-active-limit': 'codex',
  };
  for (const [slot, window] of Object.entries<SimulatedWindow | undefined>({ ...windowsOf(account) })) {
    if (window === undefined) continue;
    headers[`x-codex-${slot}-used-percent`] = String(window.usedPercent);
    headers[`x-codex-${slot}-window-minutes`] = String(window.windowMinutes);
    headers[`x-codex-${slot}-reset-at`] = String(unixIn(window.resetsInSeconds));
    headers[`x-codex-${slot}-reset-after-seconds`] = String(window.resetsInSeconds);
  }
  return headers;
}

export function rateLimitsEvent(account: AccountState): WireEvent {
  const { primary, secondary } = windowsOf(account);
  const spent = account.spentUntil() !== undefined;
  return {
    type: 'codex.rate_limits',
    plan_type: account.plan,
    metered_limit_name: 'codex',
    rate_limits: {
      allowed: !spent,
      limit_reached: spent,
      primary: eventWindow(primary),
      secondary: eventWindow(secondary),
    },
    code_review_rate_limits: null,
    additional_rate_limits: {},
    credits: { has_credits: false, unlimited: false, balance: '0' },
    promo: null,
  };
}

function eventWindow(window: SimulatedWindow | undefined): object | null {
  if (window === undefined) return null;
  return {
    used_percent: window.usedPercent,
    window_minutes: window.windowMinutes,
    reset_after_seconds: window.resetsInSeconds,
    reset_at: unixIn(window.resetsInSeconds),
  };
}

/** `GET /wham/usage`. */
export function usageBody(account: AccountState): object {
  const { primary, secondary } = windowsOf(account);
  const spent = account.spentUntil() !== undefined;
  return {
    user_id: `user-${account.name}`,
    account_id: account.account.accountId ?? null,
    email: account.account.email ?? `${account.name}@example.com`,
    plan_type: account.plan,
    rate_limit: {
      allowed: !spent,
      limit_reached: spent,
      primary_window: usageWindow(primary),
      secondary_window: usageWindow(secondary),
    },
    code_review_rate_limit: null,
    additional_rate_limits: null,
    credits: { has_credits: false, unlimited: false, balance: '0' },
    spend_control: null,
    rate_limit_reached_type: spent ? { type: 'rate_limit_reached' } : null,
    rate_limit_reset_credits: { available_count: 0 },
    promo: null,
  };
}

function usageWindow(window: SimulatedWindow | undefined): object | null {
  if (window === undefined) return null;
  return {
    used_percent: window.usedPercent,
    limit_window_seconds: window.windowMinutes * 60,
    reset_after_seconds: window.resetsInSeconds,
    reset_at: unixIn(window.resetsInSeconds),
  };
}

/** `GET /codex/models`, with the ETag of that list. */
export function codexModels(account: AccountState): { readonly body: object; readonly etag: string } {
  const models = account.models.map((slug, index) => codexModel(slug, index + 1, account.plan));
  const etag = createHash('sha256').update(JSON.stringify(models)).digest('hex').slice(0, 16);
  return { body: { models }, etag: `"${etag}"` };
}

function codexModel(slug: string, priority: number, plan: string): object {
  return {
    slug,
    display_name: slug.toUpperCase(),
    description: 'A simulated model.',
    base_instructions: 'You are a simulated coding agent.',
    context_window: 272_000,
    max_context_window: 400_000,
    input_modalities: ['text', 'image'],
    supported_reasoning_levels: [
      { effort: 'low', description: 'Fast.' },
      { effort: 'medium', description: 'Balanced.' },
    ],
    default_reasoning_level: 'medium',
    supports_reasoning_summaries: true,
    support_verbosity: true,
    default_verbosity: 'low',
    prefer_websockets: true,
    supports_parallel_tool_calls: true,
    supported_in_api: true,
    minimal_client_version: '0.98.0',
    priority,
    available_in_plans: [plan],
    visibility: 'list',
    shell_type: 'shell_command',
    truncation_policy: { mode: 'tokens', limit: 10_000 },
    experimental_supported_tools: [],
  };
}
