/**
 * The parts of the admin API's answers that verbs show, checked once where they arrive. Unknown members
 * pass, so that a newer server and an older command line understand each other.
 */
import * as z from 'zod';
import type { AdminApi } from './admin-client.ts';
import { Stop } from './stop.ts';

const seconds = z.number().nullish();

export const accountSchema = z.looseObject({
  id: z.string(),
  name: z.string(),
  kind: z.string(),
  status: z.string(),
  status_reason: z.string().nullish(),
  email: z.string().nullish(),
  plan: z.string().nullish(),
  available_at: seconds,
  priority: z.number().nullish(),
  windows: z.array(z.looseObject({ name: z.string(), used_percent: z.number() })).nullish(),
  active_turns: z.number().nullish(),
});
export type Account = z.infer<typeof accountSchema>;

export const keySchema = z.looseObject({
  id: z.string(),
  name: z.string(),
  created_at: seconds,
  expires_at: seconds,
  last_used_at: seconds,
  limits: z.looseObject({
    requests_per_minute: z.number().nullish(),
    tokens_per_day: z.number().nullish(),
    concurrent_turns: z.number().nullish(),
  }),
  used: z.looseObject({
    requests_last_minute: z.number(),
    tokens_today: z.number(),
    concurrent_turns: z.number(),
  }),
});

export const sessionSchema = z.looseObject({
  id: z.string(),
  tenant: z.string(),
  key_kind: z.string(),
  account_id: z.string().nullish(),
  socket: z.string(),
  turns: z.number(),
  switches: z.array(z.unknown()).nullish(),
  last_turn_at: seconds,
});

export const requestSchema = z.looseObject({
  id: z.string(),
  at: z.number(),
  door: z.string(),
  model: z.string().nullish(),
  status: z.string(),
  account_id: z.string().nullish(),
  continuity: z.string().nullish(),
  attempts: z.array(z.looseObject({ outcome: z.string() })).nullish(),
  error: z.looseObject({ code: z.string().nullish() }).nullish(),
  input_tokens: z.number().nullish(),
  output_tokens: z.number().nullish(),
  first_event_ms: z.number().nullish(),
  total_ms: z.number().nullish(),
});
export type LoggedRequest = z.infer<typeof requestSchema>;

/** Asks for a list and checks every entry. */
export async function fetchList<T>(
  admin: AdminApi,
  path: string,
  entry: z.ZodType<T>,
): Promise<readonly T[]> {
  return check(z.object({ data: z.array(entry) }), await admin.request('GET', path)).data;
}

/** Throws `Stop` when the answer is not what this command line understands. */
export function check<T>(schema: z.ZodType<T>, answer: unknown): T {
  const parsed = schema.safeParse(answer);
  if (parsed.success) return parsed.data;
  const where = parsed.error.issues.map((issue) => issue.path.join('.')).join(', ');
  throw new Stop(`The answer is not that of this version of respool (${where}): update one of the two.`);
}

/** The one entry with this id or, when no id matches, with this name. */
export function pick<T extends { readonly id: string; readonly name: string }>(
  entries: readonly T[],
  wanted: string,
  what: 'account' | 'key',
): T {
  const byId = entries.filter((entry) => entry.id === wanted);
  const found = byId.length > 0 ? byId : entries.filter((entry) => entry.name === wanted);
  const [first, second] = found;
  if (first === undefined) throw new Stop(`There is no ${what} "${wanted}": see "respool ${what}s list".`);
  if (second === undefined) return first;
  const ids = found.map((entry) => entry.id).join(', ');
  throw new Stop(`Several ${what}s are called "${wanted}": use one of the ids ${ids}.`);
}
