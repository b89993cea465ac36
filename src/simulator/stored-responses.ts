/**
 * The public API's endpoints around stored responses: retrieve, delete, cancel, input items. A response of
 * another account does not exist here, as upstream.
 */
import type { AccountState } from './account-state.ts';
import type { BackgroundRun } from './background.ts';
import { apiError, responseNotFound } from './errors.ts';
import type { IssuedResponse } from './ledger.ts';
import type { ErrorAnswer, Item } from './wire.ts';
import type { World } from './world.ts';

/** What was asked of a stored response. */
export interface StoredRequest {
  readonly method: string;
  readonly id: string;
  /** The path behind the id: empty, `cancel` or `input_items`. */
  readonly rest: string;
  readonly query: URLSearchParams;
}

export function answerStored(world: World, account: AccountState, request: StoredRequest): ErrorAnswer {
  const issued = world.ledger.response(request.id);
  if (issued === undefined || issued.account !== account.name || !issued.stored) {
    return responseNotFound(request.id);
  }
  const action = `${request.method} ${request.rest}`;
  if (action === 'GET ') return { status: 200, body: issued.response };
  if (action === 'GET input_items') return { status: 200, body: inputPage(issued.input, request.query) };
  if (action === 'POST cancel') return cancel(world, issued);
  if (action !== 'DELETE ') return apiError(405, { message: 'Method not allowed.' });
  world.ledger.forget(request.id);
  return { status: 200, body: { id: request.id, object: 'response', deleted: true } };
}

/** What a `GET …?stream=true` follows; undefined when that is not asked. Only what began as a stream can be followed. */
export function followedRun(
  world: World,
  account: AccountState,
  { method, id, rest, query }: StoredRequest,
): BackgroundRun | ErrorAnswer | undefined {
  if (method !== 'GET' || rest !== '' || query.get('stream') !== 'true') return undefined;
  const issued = world.ledger.response(id);
  const run = world.background.get(id);
  if (issued?.account !== account.name || run === undefined) return responseNotFound(id);
  if (run.streamed) return run;
  const message = `Response with id '${id}' was not created with stream=true and cannot be streamed.`;
  return apiError(400, { message, param: 'stream' });
}

const UNDER_WAY: ReadonlySet<unknown> = new Set(['queued', 'in_progress']);

function cancel(world: World, issued: IssuedResponse): ErrorAnswer {
  if (issued.response['background'] !== true) {
    return apiError(400, { message: 'Only background responses can be cancelled.' });
  }
  if (UNDER_WAY.has(issued.response['status'])) {
    issued.response = { ...issued.response, status: 'cancelled' };
    world.background.get(issued.id)?.cancel();
  }
  return { status: 200, body: issued.response };
}

/** One page of the items, newest first unless `order=asc`; `after` is the last id of the page before. */
function inputPage(input: readonly Item[], query: URLSearchParams): object {
  const named = input.map((item, index) => ({ id: `input_${index}`, ...item }));
  const ordered = query.get('order') === 'asc' ? named : named.reverse();
  const after = ordered.findIndex((item) => item.id === query.get('after'));
  const limit = Number(query.get('limit') ?? 20);
  const data = ordered.slice(after + 1, after + 1 + limit);
  const more = after + 1 + limit < ordered.length;
  return {
    object: 'list',
    data,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: more,
  };
}
