/**
 * Usage windows: read from whatever the ChatGPT backend says in passing (frames, headers, the usage call), and
 * shown to a Codex client as if the whole pool were one account. Windows are told apart by their length, because
 * a free plan keeps its weekly window where others keep the five hours.
 */

import type { AccountWindow } from '../domain/account.ts';
import { type Frame, isRecord, makeFrame, parseObject } from '../protocol/frame.ts';
import type { HeaderMap } from '../protocol/headers.ts';

/** Times are epoch ms. */
export type QuotaWindow = AccountWindow;

export interface QuotaReading {
  readonly windows: readonly QuotaWindow[];
  readonly plan: string | undefined;
  /** Whether upstream says in so many words that the main allowance is used up. */
  readonly limit: 'reached' | 'not_reached' | 'unsaid';
}

/** Windows of other allowances than the main one carry its name before theirs: `GPT-5.3-Codex-Spark:weekly`. */
export function isMain(window: Pick<QuotaWindow, 'name'>): boolean {
  return !window.name.includes(':');
}

const HOUR = 60;
const DAY = 24 * HOUR;

function windowName(minutes: number): string {
  if (minutes === 7 * DAY) return 'weekly';
  if (minutes % DAY === 0) return `${minutes / DAY}d`;
  return minutes % HOUR === 0 ? `${minutes / HOUR}h` : `${minutes}m`;
}

const finite = (value: unknown): number | undefined => {
  const parsed = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof parsed === 'number' && Number.isFinite(parsed) ? parsed : undefined;
};

/** `codex.rate_limits`, about the main allowance or about another one. */
export function quotaFromFrame(frame: Frame, now: number): QuotaReading | undefined {
  const event = parseObject(frame.data);
  if (event === undefined) return undefined;
  const named = event['metered_limit_name'] ?? event['limit_id'] ?? event['limit_name'];
  const bucket = typeof named === 'string' && named !== 'codex' ? named : undefined;
  return reading({ ...event, rate_limit: event['rate_limits'] }, bucket, now);
}

/** The answer of `GET /wham/usage`. */
export function quotaFromUsage(body: unknown, now: number): QuotaReading | undefined {
  return isRecord(body) ? reading(body, undefined, now) : undefined;
}

type Body = Readonly<Record<string, unknown>>;

function reading(body: Body, bucket: string | undefined, now: number): QuotaReading | undefined {
  const limits = body['rate_limit'];
  const others = otherLimits(body['additional_rate_limits']);
  if (!isRecord(limits) && others.length === 0) return undefined;
  const plan = body['plan_type'];
  return {
    windows: [
      ...windowsIn(limits, bucket, now),
      ...others.flatMap(([name, other]) => windowsIn(other, name, now)),
    ],
    plan: typeof plan === 'string' ? plan : undefined,
    limit: bucket === undefined && isRecord(limits) ? limitIn(limits) : 'unsaid',
  };
}

/** With credits left an account is allowed to go on past its limit. */
function limitIn(limits: Body): QuotaReading['limit'] {
  const { allowed, limit_reached: reached } = limits;
  if (allowed === false || (reached === true && allowed !== true)) return 'reached';
  return allowed === true || reached === false ? 'not_reached' : 'unsaid';
}

/** Seen as a map by name, and as a list of `{limit_name, rate_limit}`. */
function otherLimits(raw: unknown): readonly (readonly [string, unknown])[] {
  if (Array.isArray(raw)) {
    return raw
      .filter(isRecord)
      .map((one) => [String(one['limit_name'] ?? 'other'), one['rate_limit']] as const);
  }
  return isRecord(raw) ? Object.entries(raw) : [];
}

function windowsIn(limits: unknown, bucket: string | undefined, now: number): readonly QuotaWindow[] {
  if (!isRecord(limits)) return [];
  return ['primary', 'secondary']
    .map((slot) => windowFrom(limits[slot] ?? limits[`${slot}_window`], now))
    .filter((window) => window !== undefined)
    .map((window) => (bucket === undefined ? window : { ...window, name: `${bucket}:${window.name}` }));
}

function windowFrom(raw: unknown, now: number): QuotaWindow | undefined {
  if (!isRecord(raw)) return undefined;
  const seconds = finite(raw['limit_window_seconds']);
  const minutes =
    finite(raw['window_minutes']) ?? (seconds === undefined ? undefined : Math.ceil(seconds / 60));
  const resetsAt = instant(raw['reset_at'] ?? raw['resets_at'], raw['reset_after_seconds'], now);
  return makeWindow({ usedPercent: finite(raw['used_percent']), minutes, resetsAt }, now);
}

/** `x-codex-primary-*` and `x-codex-secondary-*` of any answer or refusal. */
export function quotaFromHeaders(headers: HeaderMap, now: number): QuotaReading | undefined {
  const limit = headers['x-codex-active-limit'];
  if (limit !== undefined && limit !== 'codex' && limit !== 'premium') return undefined;
  const windows = ['primary', 'secondary']
    .map((slot) => {
      const of = (field: string): string | undefined => headers[`x-codex-${slot}-${field}`];
      const resetsAt = instant(of('reset-at'), of('reset-after-seconds'), now);
      return makeWindow(
        { usedPercent: finite(of('used-percent')), minutes: finite(of('window-minutes')), resetsAt },
        now,
      );
    })
    .filter((window) => window !== undefined);
  return windows.length === 0 ? undefined : { windows, plan: headers['x-codex-plan-type'], limit: 'unsaid' };
}

interface RawWindow {
  readonly usedPercent: number | undefined;
  readonly minutes: number | undefined;
  readonly resetsAt: number | undefined;
}

/** A window is there when it says how much is used and either how long it is or when it ends. */
function makeWindow({ usedPercent, minutes, resetsAt }: RawWindow, now: number): QuotaWindow | undefined {
  if (usedPercent === undefined || ((minutes ?? 0) === 0 && usedPercent === 0 && resetsAt === undefined))
    return undefined;
  const name = minutes === undefined || minutes === 0 ? 'main' : windowName(minutes);
  return { name, usedPercent, windowMinutes: minutes, resetsAt, seenAt: now };
}

function instant(at: unknown, afterSeconds: unknown, now: number): number | undefined {
  const seconds = finite(at);
  const relative = finite(afterSeconds);
  const candidates = [
    seconds === undefined || seconds <= 0 ? undefined : seconds > 1e12 ? seconds : seconds * 1000,
    relative === undefined ? undefined : now + relative * 1000,
  ];
  return candidates.find((instant) => instant !== undefined && instant <= now + MAX_RESET_MS);
}

/** No window is longer than a year: what names a later end is a broken clock, and must not block an account. */
const MAX_RESET_MS = 366 * DAY * 60_000;

/** A window whose reset has passed is empty again, whatever was last heard of it. */
export function standing(window: QuotaWindow, now: number): QuotaWindow {
  return window.resetsAt !== undefined && window.resetsAt <= now
    ? { ...window, usedPercent: 0, resetsAt: undefined }
    : window;
}

/**
 * What is left over all accounts, window by window: the mean of what each has used, and the earliest reset. An
 * account of which nothing is known counts as unused once any other is known.
 */
export function poolWindows(
  accounts: readonly (readonly QuotaWindow[])[],
  now: number,
): readonly QuotaWindow[] {
  const byName = new Map<string, QuotaWindow[]>();
  for (const window of accounts
    .flat()
    .filter(isMain)
    .map((one) => standing(one, now))) {
    byName.set(window.name, [...(byName.get(window.name) ?? []), window]);
  }
  return [...byName].map(([name, windows]) => {
    const resets = windows.map((window) => window.resetsAt).filter((at) => at !== undefined);
    return {
      name,
      usedPercent: windows.reduce((sum, window) => sum + window.usedPercent, 0) / accounts.length,
      windowMinutes: windows[0]?.windowMinutes,
      resetsAt: resets.length === 0 ? undefined : Math.min(...resets),
      seenAt: now,
    };
  });
}

/** The shorter window stands first, as Codex shows them. */
function slots(windows: readonly QuotaWindow[]): readonly (QuotaWindow | undefined)[] {
  const [primary, secondary] = windows.toSorted((a, b) => (a.windowMinutes ?? 0) - (b.windowMinutes ?? 0));
  return [primary, secondary];
}

/** `GET /wham/usage` for the pool; the members are those that Codex's `/status` reads. */
export function usageBody(
  windows: readonly QuotaWindow[],
  who: { accountId: string; plan: string },
  now: number,
): object {
  const reached = windows.some((window) => window.usedPercent >= 100);
  const [primary, secondary] = slots(windows).map((window) =>
    window === undefined ? null : usageWindow(window, now),
  );
  return {
    user_id: who.accountId,
    account_id: who.accountId,
    email: null,
    plan_type: who.plan,
    rate_limit: {
      allowed: !reached,
      limit_reached: reached,
      primary_window: primary,
      secondary_window: secondary,
    },
    credits: { has_credits: false, unlimited: false, balance: '0' },
    spend_control: null,
    rate_limit_reached_type: null,
    additional_rate_limits: null,
  };
}

function usageWindow(window: QuotaWindow, now: number): object {
  return {
    used_percent: Math.round(window.usedPercent),
    limit_window_seconds: (window.windowMinutes ?? 0) * 60,
    reset_after_seconds:
      window.resetsAt === undefined ? 0 : Math.max(0, Math.ceil((window.resetsAt - now) / 1000)),
    reset_at: window.resetsAt === undefined ? 0 : Math.ceil(window.resetsAt / 1000),
  };
}

/** The pool's figures in the place of one account's, for the frame that Codex shows its user. */
export function rateLimitsFrame(windows: readonly QuotaWindow[], plan: string, now: number): Frame {
  const reached = windows.some((window) => window.usedPercent >= 100);
  const [primary, secondary] = slots(windows).map((window) => {
    if (window === undefined) return null;
    const { reset_after_seconds, reset_at } = usageWindow(window, now) as Record<string, number>;
    return {
      used_percent: window.usedPercent,
      window_minutes: window.windowMinutes ?? 0,
      reset_after_seconds,
      reset_at,
    };
  });
  return makeFrame({
    type: 'codex.rate_limits',
    plan_type: plan,
    metered_limit_name: 'codex',
    rate_limits: { allowed: !reached, limit_reached: reached, primary, secondary },
  });
}

/** The same figures as `x-codex-*` headers, which Codex reads from any answer. */
export function limitHeaders(windows: readonly QuotaWindow[]): HeaderMap {
  const headers: Record<string, string> = {};
  for (const [at, window] of slots(windows).entries()) {
    if (window === undefined) continue;
    const name = `x-codex-${at === 0 ? 'primary' : 'secondary'}`;
    headers[`${name}-used-percent`] = String(Math.round(window.usedPercent * 10) / 10);
    headers[`${name}-window-minutes`] = String(window.windowMinutes ?? 0);
    if (window.resetsAt !== undefined)
      headers[`${name}-reset-at`] = String(Math.ceil(window.resetsAt / 1000));
  }
  return headers;
}
