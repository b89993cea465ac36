/** What an account's upstream makes of a compaction, where it is not the usual one. */
import type { AccountState } from './account-state.ts';
import { apiError, detail, notFound, unknownItemType } from './errors.ts';
import type { ErrorAnswer } from './wire.ts';

/** The answer of an upstream without the compact route; undefined where there is one. */
export function refusedRoute(account: AccountState): ErrorAnswer | undefined {
  const { compaction = 'on', dialect } = account.account;
  switch (compaction) {
    case 'none_404':
      if (dialect === 'chatgpt') return notFound();
      return apiError(404, { message: 'Invalid URL (POST /v1/responses/compact)' });
    case 'none_405':
      return { ...detail(405, 'Method Not Allowed'), headers: { allow: 'GET' } };
    case 'none_501':
      return apiError(501, { message: 'Compaction is not implemented.', type: 'server_error' });
    default:
      return undefined;
  }
}

/** The answer to a `compaction_trigger` where nobody knows that type; it is life, not a mistake of the client. */
export function refusedTrigger(account: AccountState, input: unknown): ErrorAnswer | undefined {
  if (refusedRoute(account) === undefined || !Array.isArray(input)) return undefined;
  const index = input.findIndex((item) => item?.type === 'compaction_trigger');
  return index < 0 ? undefined : unknownItemType(index, 'compaction_trigger');
}

/** True where a trigger, or the route, gives the item that it asks for. */
export const compacts = (account: AccountState): boolean => (account.account.compaction ?? 'on') === 'on';
