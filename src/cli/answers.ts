/**
 * The members of the admin API's answers that verbs show, checked once where they arrive. The compiler holds each
 * check against the declared shape; other members pass unseen, so that a newer server and an older command line
 * understand each other.
 */
import * as z from 'zod';
import type { AccountWire } from '../admin-api/account.ts';
import type { ListWire } from '../admin-api/answer.ts';
import type { KeyLimitsWire, KeyUseWire, KeyWire } from '../admin-api/key.ts';
import type { AttemptWire, RequestErrorWire, RequestWire } from '../admin-api/request.ts';
import type { SessionWire } from '../admin-api/session.ts';
import type { WindowWire } from '../admin-api/window.ts';
import { ExitError } from '../server/exit-error.ts';
import type { AdminApi } from './admin-client.ts';

/** Members that a check asks for: each has to be declared, and the check has to take whatever is declared for it. */
type Accepting<Wire, Shape> = {
  readonly [Member in keyof Shape]: Member extends keyof Wire
    ? Wire[Member] extends z.output<Shape[Member]>
      ? unknown
      : 'this check refuses what the server may send'
    : 'the server sends no such member';
};

/** A check of some members of `Wire`. */
export function partOf<Wire>() {
  return <Shape extends z.ZodRawShape>(shape: Shape & Accepting<Wire, Shape>): z.ZodObject<Shape> =>
    z.object<Shape>(shape);
}

const seconds = z.number().nullish();
const several = <Entry extends z.ZodType>(entry: Entry) => z.array(entry).readonly();

export const accountSchema = partOf<AccountWire>()({
  id: z.string(),
  name: z.string(),
  kind: z.string(),
  status: z.string(),
  status_reason: z.string().nullish(),
  plan: z.string().nullish(),
  available_at: seconds,
  priority: z.number().nullish(),
  windows: several(partOf<WindowWire>()({ name: z.string(), used_percent: z.number() })).nullish(),
  active_turns: z.number().nullish(),
});
export type Account = z.infer<typeof accountSchema>;

const limit = z.number().nullish();

export const keySchema = partOf<KeyWire>()({
  id: z.string(),
  name: z.string(),
  created_at: seconds,
  expires_at: seconds,
  last_used_at: seconds,
  limits: partOf<KeyLimitsWire>()({
    requests_per_minute: limit,
    tokens_per_day: limit,
    concurrent_turns: limit,
  }),
  used: partOf<KeyUseWire>()({
    requests_last_minute: z.number(),
    tokens_today: z.number(),
    concurrent_turns: z.number(),
  }),
});
export type Key = z.infer<typeof keySchema>;

export const sessionSchema = partOf<SessionWire>()({
  id: z.string(),
  tenant: z.string(),
  key_kind: z.string(),
  account_id: z.string().nullish(),
  socket: z.string(),
  turns: z.number(),
  switches: several(z.unknown()).nullish(),
  last_turn_at: seconds,
});

export const requestSchema = partOf<RequestWire>()({
  id: z.string(),
  at: z.number(),
  door: z.string(),
  model: z.string().nullish(),
  status: z.string(),
  account_id: z.string().nullish(),
  continuity: z.string().nullish(),
  attempts: several(partOf<AttemptWire>()({ outcome: z.string() })).nullish(),
  error: partOf<RequestErrorWire>()({ code: z.string().nullish() }).nullish(),
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
  const list = z.object({ data: z.array(entry) });
  return check<ListWire<T>>(list, await admin.request('GET', path)).data;
}

/**
 * The answer itself, also with what this version does not know, because `--json` shows all of it. Throws `ExitError`
 * when it is not what this command line understands.
 */
export function check<T>(schema: z.ZodType<T>, answer: unknown): T {
  const parsed = schema.safeParse(answer);
  if (parsed.success) return answer as T;
  const where = parsed.error.issues.map((issue) => issue.path.join('.')).join(', ');
  throw new ExitError(`The answer is not that of this version of respool (${where}): update one of the two.`);
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
  if (first === undefined)
    throw new ExitError(`There is no ${what} "${wanted}": see "respool ${what}s list".`);
  if (second === undefined) return first;
  const ids = found.map((entry) => entry.id).join(', ');
  throw new ExitError(`Several ${what}s are called "${wanted}": use one of the ids ${ids}.`);
}
