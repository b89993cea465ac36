/**
 * Which account a turn goes to, as far as its conversation decides: where its session is pinned, where its history
 * was served, where its prompt cache is warm, and which account it was lost on. The rest is the pool's.
 */
import { LRUCache } from 'lru-cache';
import { statusOf } from '../accounts/account.ts';
import type { AccountPool } from '../accounts/pool.ts';
import type { Choice } from '../accounts/selection.ts';
import type { AccountId } from '../domain/ids.ts';
import type { Binding, Effect } from '../turn/states.ts';
import type { History } from './history/history.ts';
import { affinityOf } from './session/identity.ts';
import type { Session, SwitchReason } from './session/session.ts';
import type { TurnRequest } from './turn-request.ts';

const MAX_AFFINITIES = 10_000;
const MAX_LEFT = 10_000;

/** The turn that is to be placed. */
export interface Placed {
  readonly request: TurnRequest;
  readonly session: Session;
  readonly history: History;
  readonly binding: Binding;
}

export class AccountChoice {
  readonly #pool: AccountPool;
  /** Sessions that share a cache key go to the same account, where its prompt cache is warm. */
  readonly #affine = new LRUCache<string, AccountId>({ max: MAX_AFFINITIES });
  /** By history, for turns that come without a session: the account on which its last turn was lost. */
  readonly #left = new LRUCache<string, AccountId>({ max: MAX_LEFT });

  constructor(pool: AccountPool) {
    this.#pool = pool;
  }

  choose(turn: Placed, wanted: Extract<Effect, { do: 'select' }>): Choice {
    const { request, session, history, binding } = turn;
    const { background, conversation, model } = request.envelope;
    const apiOnly =
      request.route === 'input_tokens' || background === 'yes' || conversation !== undefined || model === '';
    const cache = affinityKey(request);
    const left = [wanted.avoid, session.left, this.#leftBy(turn)];
    const choice = this.#pool.select(
      {
        kind: apiOnly ? 'api_key' : undefined,
        only: binding.kind === 'free' ? undefined : binding.account,
        exclude: wanted.exclude,
        pinned: wanted.prefer ?? session.pinned,
        owner: history.servedBy,
        affine: cache === undefined ? undefined : this.#affine.get(cache),
        avoid: left.filter((one) => one !== undefined),
        model: request.envelope.model,
        allowed: request.allowed,
      },
      Date.now(),
    );
    if (choice.ok && cache !== undefined) this.#affine.set(cache, choice.account);
    return choice;
  }

  /** A turn was lost on this account: its conversation goes on elsewhere, where there is a choice. */
  letGo(turn: Pick<Placed, 'request' | 'history'>, account: AccountId): void {
    const cache = affinityKey(turn.request);
    if (cache !== undefined && this.#affine.get(cache) === account) this.#affine.delete(cache);
    const key = historyKey(turn);
    if (key !== undefined) this.#left.set(key, account);
  }

  /** Why the account that the session is pinned to is not used, where another one is. */
  whyNotPinned({ session }: Placed): SwitchReason {
    const row = session.pinned === undefined ? undefined : this.#pool.get(session.pinned);
    if (row === undefined) return { code: 'account_removed', cause: 'removed' };
    const status = statusOf(row, Date.now());
    if (status === 'ready') return { code: 'bound_elsewhere', cause: 'bound' };
    return { code: status === 'paused' ? 'account_paused' : (row.statusReason ?? status), cause: status };
  }

  #leftBy(turn: Placed): AccountId | undefined {
    const key = historyKey(turn);
    return key === undefined ? undefined : this.#left.get(key);
  }
}

function affinityKey(request: TurnRequest): string | undefined {
  const shared = affinityOf(request);
  return shared === undefined ? undefined : `${request.tenant} ${shared}`;
}

/** A turn that is sent again extends the same response. */
function historyKey({ request, history }: Pick<Placed, 'request' | 'history'>): string | undefined {
  const { parent } = history.growth;
  return parent === undefined ? undefined : `${request.tenant} ${parent}`;
}
