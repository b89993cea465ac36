/** The verb `requests`: the log of turns, newest last as in a log file, and followed on request. */
import { fetchList, type LoggedRequest, requestSchema } from './answers.ts';
import type { CommandContext } from './context.ts';
import { moment, table } from './table.ts';

export interface RequestsOptions {
  readonly follow?: boolean;
  readonly json?: boolean;
  readonly limit: number;
  readonly session?: string;
  readonly account?: string;
  readonly status?: string;
  readonly key?: string;
}

const POLL_MS = 1000;
/** The most the server gives at once; more turns than this within one poll are not shown. */
const MOST = 1000;

export async function showRequests(context: CommandContext, options: RequestsOptions): Promise<void> {
  const first = await fetchNewest(context, options, options.limit);
  if (first.length === 0 && !options.json) context.note('No turn was logged yet.');
  show(context, first, options);
  if (options.follow) await follow(context, options, first);
}

async function follow(
  context: CommandContext,
  options: RequestsOptions,
  first: readonly LoggedRequest[],
): Promise<void> {
  let seen = new Set(first.map((request) => request.id));
  while ((await context.pause(POLL_MS)) === 'go_on') {
    const newest = await fetchNewest(context, options, MOST);
    show(context, unseen(newest, seen), options);
    seen = new Set(newest.map((request) => request.id));
  }
}

/** Only what came after the last turn shown: older ones were left out on purpose by `--limit`. */
function unseen(newest: readonly LoggedRequest[], seen: ReadonlySet<string>): readonly LoggedRequest[] {
  return newest.slice(newest.findLastIndex((request) => seen.has(request.id)) + 1);
}

async function fetchNewest(
  context: CommandContext,
  options: RequestsOptions,
  limit: number,
): Promise<LoggedRequest[]> {
  const { session, account, status, key } = options;
  const filters = Object.entries({ session, account, status, key });
  const query = new URLSearchParams({ limit: String(limit) });
  for (const [name, value] of filters) if (value !== undefined) query.set(name, value);
  return (await fetchList(context.admin, `/api/requests?${query}`, requestSchema)).toReversed();
}

function show(context: CommandContext, requests: readonly LoggedRequest[], options: RequestsOptions): void {
  if (options.json) for (const request of requests) context.print(JSON.stringify(request));
  else if (requests.length > 0) context.print(asTable(requests));
}

function asTable(requests: readonly LoggedRequest[]): string {
  return table(requests, {
    AT: (request) => moment(request.at),
    ID: (request) => request.id,
    DOOR: (request) => request.door,
    MODEL: (request) => request.model,
    STATUS: (request) => request.status,
    ACCOUNT: (request) => request.account_id,
    TRIES: (request) => request.attempts?.length,
    HISTORY: (request) => request.continuity,
    'TOKENS IN/OUT': (request) => `${request.input_tokens ?? '-'}/${request.output_tokens ?? '-'}`,
    'FIRST MS': (request) => request.first_event_ms,
    'TOTAL MS': (request) => request.total_ms,
    ERROR: (request) => request.error?.code,
  });
}
