/**
 * An account as the pool holds it: its row, read in the light of the clock, and shown to whom it concerns. A block
 * that has run out needs nobody to lift it: it is over because its time has passed.
 */
import type { Config } from '../config.ts';
import type { AccountRow } from '../store/account-rows.ts';
import type { UpstreamAccount } from '../upstream/account.ts';
import { standing as standingOf } from './quota.ts';
import type { Candidate } from './selection.ts';

export type Status = 'ready' | 'cooling' | 'exhausted' | 'needs_login' | 'suspended' | 'paused';

/** What the pool counts while it runs; nothing of it outlives the process. */
export interface Usage {
  readonly activeTurns: number;
  readonly sessions: number;
  readonly lastGiven: number;
}

const TIMED: ReadonlySet<string> = new Set(['cooling', 'exhausted', 'suspended']);

export function statusOf(row: AccountRow, now: number): Status {
  if (row.paused) return 'paused';
  if (TIMED.has(row.status) && row.availableAt !== undefined && row.availableAt <= now) return 'ready';
  return row.status as Status;
}

export function candidateOf(
  row: AccountRow,
  asked: { model: string; now: number; lastGiven: number },
): Candidate {
  const { model, now, lastGiven } = asked;
  const blocked = row.modelBlocks.some((block) => block.model === model && block.untilAt > now);
  const main = row.windows.map((window) => standingOf(window, now).usedPercent);
  const over = main.some((percent) => percent > row.maxUsedPercent);
  return {
    id: row.id,
    kind: row.kind,
    standing: standingFor(row, now),
    serves: blocked ? 'other_models' : 'model',
    newSessions: over ? 'unwelcome' : 'welcome',
    priority: row.priority,
    lastGiven,
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

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;

export function upstreamAccountOf(row: AccountRow, config: Config): UpstreamAccount {
  const { credentials } = row;
  const own = row.baseUrl?.replace(/\/+$/, '');
  return {
    id: row.id,
    kind: row.kind,
    baseUrl: own ?? (row.kind === 'chatgpt' ? config.chatgptBaseUrl : config.openaiBaseUrl),
    bearer: bearerOf(row),
    workspace: text(credentials['accountId']),
    fedramp: credentials['fedramp'] === true ? 'yes' : 'no',
    installationId: row.installationId,
    transport: row.transport,
  };
}

export function bearerOf(row: AccountRow): string {
  return text(row.credentials['apiKey']) ?? text(row.credentials['accessToken']) ?? '';
}

const seconds = (at: number | undefined): number | null => (at === undefined ? null : Math.ceil(at / 1000));

/** The account as the admin API shows it: never a credential. */
export function accountToWire(row: AccountRow, usage: Usage, now: number): Record<string, unknown> {
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
    available_at: blocked ? seconds(row.availableAt) : null,
    priority: row.priority,
    max_used_percent: row.maxUsedPercent,
    transport: row.transport,
    proxy: row.proxy ?? null,
    windows: row.windows
      .map((window) => standingOf(window, now))
      .map((window) => ({
        name: window.name,
        used_percent: window.usedPercent,
        window_minutes: window.windowMinutes ?? null,
        resets_at: seconds(window.resetsAt),
      })),
    active_turns: usage.activeTurns,
    sessions: usage.sessions,
    last_given: usage.lastGiven,
    last_used_at: seconds(row.lastUsedAt),
    created_at: seconds(row.createdAt),
  };
}
