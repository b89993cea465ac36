/** The verbs under `keys`: who may call. A key is shown once, when it is made. */
import * as z from 'zod';
import type { KeyDraftWire, NewKeyWire } from '../admin-api/key.ts';
import { check, fetchList, type Key, keySchema, partOf, pick } from './answers.ts';
import type { CommandContext } from './context.ts';
import { moment, table } from './table.ts';

export interface KeyOptions {
  /** Unix seconds. */
  readonly expires?: number;
  readonly models?: readonly string[];
  readonly accounts?: readonly string[];
  readonly requestsPerMinute?: number;
  readonly tokensPerDay?: number;
  readonly concurrentTurns?: number;
  readonly json?: boolean;
}

const createdSchema = partOf<NewKeyWire>()({ id: z.string(), key: z.string() });

export async function createKey(context: CommandContext, name: string, options: KeyOptions): Promise<void> {
  const limits = {
    requests_per_minute: options.requestsPerMinute,
    tokens_per_day: options.tokensPerDay,
    concurrent_turns: options.concurrentTurns,
  };
  const draft: KeyDraftWire = {
    name,
    expires_at: options.expires,
    models: options.models,
    accounts: options.accounts,
    limits: Object.values(limits).some((limit) => limit !== undefined) ? limits : undefined,
  };
  const created = check(createdSchema, await context.admin.request('POST', '/api/keys', draft));
  if (options.json) return context.print(JSON.stringify(created, undefined, 2));
  context.print(created.key);
  context.note(`This is the only time the key of ${name} (${created.id}) is shown.`);
}

export async function listKeys(context: CommandContext, options: { readonly json?: boolean }): Promise<void> {
  const keys = await fetchList(context.admin, '/api/keys', keySchema);
  if (options.json) return context.print(JSON.stringify({ data: keys }, undefined, 2));
  if (keys.length === 0) return context.note('No key yet: "respool keys create NAME".');
  context.print(
    table(keys, {
      ID: (key) => key.id,
      NAME: (key) => key.name,
      CREATED: (key) => moment(key.created_at),
      EXPIRES: (key) => moment(key.expires_at),
      'LAST USED': (key) => moment(key.last_used_at),
      'USED OF ITS LIMITS': usedOf,
    }),
  );
}

/** `2/10 requests a minute, 800/1000 tokens today, 0/1 turns at once`; what has no limit is left out. */
function usedOf({ limits, used }: Key): string {
  const shares = [
    [used.requests_last_minute, limits.requests_per_minute, 'requests a minute'],
    [used.tokens_today, limits.tokens_per_day, 'tokens today'],
    [used.concurrent_turns, limits.concurrent_turns, 'turns at once'],
  ] as const;
  return shares
    .filter(([, limit]) => typeof limit === 'number')
    .map(([now, limit, of]) => `${now}/${limit} ${of}`)
    .join(', ');
}

export async function revokeKey(context: CommandContext, wanted: string): Promise<void> {
  const key = pick(await fetchList(context.admin, '/api/keys', keySchema), wanted, 'key');
  await context.admin.request('DELETE', `/api/keys/${encodeURIComponent(key.id)}`);
  context.print(`${key.name} (${key.id}) is revoked.`);
}
