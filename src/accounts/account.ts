/**
 * An account as the pool holds it: its row, read in the light of the clock, and shown to whom it concerns. A block
 * that has run out needs nobody to lift it: it is over because its time has passed.
 */
import type { AccountStatus, AccountWire } from '../admin-api/account.ts';
import type { Config } from '../config.ts';
import type { AccountRow } from '../domain/account.ts';
import type { UpstreamAccount } from '../upstream/account.ts';
import { isMain, type QuotaWindow, standing as standingOf } from './quota.ts';
import { type Allowance, type Candidate, urgencyOf } from './selection.ts';

/** What the pool counts while it runs; nothing of it outlives the process. */
export interface Usage {
  /** It has lost every attempt of late and takes no new sessions for a moment. */
  readonly resting: 'resting' | 'no';
  readonly activeTurns: number;
  readonly sessions: number;
  readonly lastGiven: number;
}

const TIMED: ReadonlySet<string> = new Set(['cooling', 'exhausted', 'suspended']);

export function statusOf(row: AccountRow, now: number): AccountStatus {
  if (row.paused) return 'paused';
  return TIMED.has(row.status) && isOver(row, now) ? 'ready' : row.status;
}

/** The clock may be corrected by this much without anybody noticing. */
const CLOCK_SLACK_MS = 60_000;

/** A block that begins in the future was made before the clock was set back: its end says nothing any more. */
function isOver({ availableAt, statusSince }: AccountRow, now: number): boolean {
  if (availableAt === undefined) return false;
  return availableAt <= now || (statusSince ?? 0) > now + CLOCK_SLACK_MS;
}

export function candidateOf(row: AccountRow, asked: { model: string; now: number; usage: Usage }): Candidate {
  const { model, now, usage } = asked;
  const block = row.modelBlocks.find((one) => one.model === model && one.untilAt > now);
  const main = mainWindows(row, now);
  const over = main.some((window) => window.usedPercent > row.maxUsedPercent);
  return {
    id: row.id,
    kind: row.kind,
    standing:
      block?.reason === 'quota'
        ? { is: 'exhausted', until: block.untilAt, plan: row.plan }
        : standingFor(row, now),
    serves: block?.reason === 'plan' ? 'other_models' : 'model',
    newSessions: over || usage.resting === 'resting' ? 'unwelcome' : 'welcome',
    priority: row.priority,
    allowance: allowanceOf(main, now),
    activeTurns: usage.activeTurns,
    lastGiven: usage.lastGiven,
  };
}

function mainWindows(row: AccountRow, now: number): readonly QuotaWindow[] {
  return row.windows.filter(isMain).map((window) => standingOf(window, now));
}

const HOUR_MS = 3_600_000;

/** The longest window is the one that goes to waste, a shorter one only stands in the way. */
function allowanceOf(main: readonly QuotaWindow[], now: number): Allowance | undefined {
  const [long, ...shorter] = main.toSorted((a, b) => (b.windowMinutes ?? 0) - (a.windowMinutes ?? 0));
  if (long === undefined) return undefined;
  const hours = Math.max(((long.resetsAt ?? now + (long.windowMinutes ?? 60) * 60_000) - now) / HOUR_MS, 1);
  const left = 100 - Math.max(...shorter.map((window) => window.usedPercent), 0);
  return {
    wastePerHour: Math.max(0, 100 - long.usedPercent) / hours,
    headroom: shorter.length === 0 ? 100 : left,
  };
}

function standingFor(row: AccountRow, now: number): Candidate['standing'] {
  const status = statusOf(row, now);
  if (status === 'ready') return { is: 'ready' };
  const until = row.availableAt;
  if (status === 'exhausted') return { is: 'exhausted', until: until ?? now + 60_000, plan: row.plan };
  if ((status === 'cooling' || status === 'suspended') && until !== undefined) return { is: status, until };
  return { is: 'out' };
}

/** What a chart shows of an account: nothing that names a person. */
export function glanceAt(row: AccountRow, now: number) {
  const windows = row.windows.map((window) => standingOf(window, now));
  return { id: row.id, status: statusOf(row, now), windows };
}

export function upstreamAccountOf(row: AccountRow, config: Config): UpstreamAccount {
  const { credentials } = row;
  const own = row.baseUrl?.replace(/\/+$/, '');
  return {
    id: row.id,
    kind: row.kind,
    baseUrl: own ?? (row.kind === 'chatgpt' ? config.chatgptBaseUrl : config.openaiBaseUrl),
    bearer: bearerOf(row),
    workspace: credentials.kind === 'chatgpt' ? credentials.accountId : undefined,
    fedramp: credentials.kind === 'chatgpt' && credentials.fedramp === true ? 'yes' : 'no',
    installationId: row.installationId,
    transport: row.transport,
    proxy: row.proxy,
  };
}

export function bearerOf({ credentials }: AccountRow): string {
  return credentials.kind === 'api_key' ? credentials.apiKey : credentials.accessToken;
}

/** A proxy's password is shown to nobody, the operator included. */
export function maskedProxy(proxy: string | undefined): string | undefined {
  const url = proxy === undefined ? null : URL.parse(proxy);
  if (url === null || url.password === '') return proxy;
  url.password = '***';
  return url.href;
}

const seconds = (at: number): number => Math.ceil(at / 1000);
const secondsOrNull = (at: number | undefined): number | null => (at === undefined ? null : seconds(at));

/** The account as the admin API shows it: never a credential. */
export function accountToWire(row: AccountRow, usage: Usage, now: number): AccountWire {
  const status = statusOf(row, now);
  const blocked = status !== 'ready' && status !== 'paused';
  return {
    id: row.id,
    name: row.name,
    kind: row.kind,
    email: row.email ?? null,
    plan: row.plan ?? null,
    status,
    status_reason: blocked ? (row.statusReason ?? null) : null,
    status_since: blocked ? secondsOrNull(row.statusSince) : null,
    available_at: blocked ? secondsOrNull(row.availableAt) : null,
    priority: row.priority,
    max_used_percent: row.maxUsedPercent,
    transport: row.transport,
    proxy: maskedProxy(row.proxy) ?? null,
    windows: row.windows
      .map((window) => standingOf(window, now))
      .map((window) => ({
        name: window.name,
        used_percent: window.usedPercent,
        window_minutes: window.windowMinutes ?? null,
        resets_at: secondsOrNull(window.resetsAt),
      })),
    active_turns: usage.activeTurns,
    sessions: usage.sessions,
    last_given: usage.lastGiven,
    urgency: urgencyOf({ kind: row.kind, allowance: allowanceOf(mainWindows(row, now), now) }),
    last_used_at: secondsOrNull(row.lastUsedAt),
    created_at: seconds(row.createdAt),
  };
}
