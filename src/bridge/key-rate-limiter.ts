/**
 * What each caller has used of the limits of its key: turns of the last minute, turns running now, tokens of the
 * day. Counted here for all doors; what the limits are is asked for at every turn, so that a change holds at once.
 */
import type { Tenant } from '../domain/ids.ts';
import type { KeyLimits } from '../domain/key.ts';
import { type Refusal, refusal } from '../protocol/refusal.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

export interface KeyRateLimiterOptions {
  readonly limitsOf: (tenant: Tenant) => KeyLimits | undefined;
  /** Tokens that were used since an instant, from what was kept of earlier turns. */
  readonly tokensSince: (tenant: Tenant, at: number) => number;
}

export interface Used {
  readonly requestsLastMinute: number;
  readonly concurrentTurns: number;
  readonly tokensToday: number;
}

export type Admission =
  | { readonly ok: true; readonly leave: () => void }
  | { readonly ok: false; readonly refused: Refusal };

interface Meter {
  startedAt: number[];
  running: number;
  day: number;
  tokens: number;
  lastUsedAt: number | undefined;
}

export class KeyRateLimiter {
  readonly #options: KeyRateLimiterOptions;
  readonly #meters = new Map<Tenant, Meter>();

  constructor(options: KeyRateLimiterOptions) {
    this.#options = options;
  }

  /** A refused turn counts for nothing; an admitted one until it leaves. */
  enter(tenant: Tenant, now: number): Admission {
    const meter = this.#meter(tenant, now);
    const refused = refuse(this.#options.limitsOf(tenant), meter, now);
    if (refused !== undefined) return { ok: false, refused };
    meter.startedAt.push(now);
    meter.running += 1;
    meter.lastUsedAt = now;
    let held = 1;
    const leave = (): void => {
      meter.running -= held;
      held = 0;
    };
    return { ok: true, leave };
  }

  spent(tenant: Tenant, tokens: number, now: number): void {
    this.#meter(tenant, now).tokens += tokens;
  }

  used(tenant: Tenant, now: number): Used & { readonly lastUsedAt: number | undefined } {
    const { startedAt, running, tokens, lastUsedAt } = this.#meter(tenant, now);
    return {
      requestsLastMinute: startedAt.length,
      concurrentTurns: running,
      tokensToday: tokens,
      lastUsedAt,
    };
  }

  /** The meter as of now: what has left the last minute is forgotten, a new day begins at UTC midnight. */
  #meter(tenant: Tenant, now: number): Meter {
    const today = Math.floor(now / DAY_MS);
    const known = this.#meters.get(tenant);
    if (known === undefined) {
      const tokens = this.#options.tokensSince(tenant, today * DAY_MS);
      const meter = { startedAt: [], running: 0, day: today, tokens, lastUsedAt: undefined };
      this.#meters.set(tenant, meter);
      return meter;
    }
    forgetOldAndFuture(known.startedAt, now);
    if (known.day !== today) {
      Object.assign(known, { day: today, tokens: this.#options.tokensSince(tenant, today * DAY_MS) });
    }
    return known;
  }
}

/** Looks at the ends alone: there may be 60,000 in between, and this runs at every turn. */
function forgetOldAndFuture(startedAt: number[], now: number): void {
  // After the clock was set back, what was counted in the future counts for nothing.
  while ((startedAt.at(-1) ?? now) > now) startedAt.pop();
  const fresh = startedAt.findIndex((at) => at > now - MINUTE_MS);
  if (fresh !== 0) startedAt.splice(0, fresh < 0 ? startedAt.length : fresh);
}

function refuse(limits: KeyLimits | undefined, meter: Meter, now: number): Refusal | undefined {
  const { requestsPerMinute, tokensPerDay, concurrentTurns } = limits ?? {};
  if (tokensPerDay !== undefined && meter.tokens >= tokensPerDay) {
    const message = `This key has used its ${tokensPerDay} tokens of the day; the next day begins at 00:00 UTC.`;
    return refusal(429, 'insufficient_quota', message, {
      type: 'insufficient_quota',
      headers: { 'x-should-retry': 'false' },
    });
  }
  if (concurrentTurns !== undefined && meter.running >= concurrentTurns) {
    return tooMany(`This key runs ${concurrentTurns} turns at once at most.`, 1);
  }
  if (requestsPerMinute === undefined || meter.startedAt.length < requestsPerMinute) return undefined;
  const oldest = meter.startedAt.at(-requestsPerMinute);
  const seconds = Math.ceil(((oldest ?? now) + MINUTE_MS - now) / 1000);
  return tooMany(`This key starts ${requestsPerMinute} turns a minute at most.`, Math.max(1, seconds));
}

function tooMany(sentence: string, seconds: number): Refusal {
  const message = `${sentence} Please try again in ${seconds}s.`;
  return refusal(429, 'rate_limit_exceeded', message, { headers: { 'retry-after': String(seconds) } });
}
