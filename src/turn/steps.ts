/** The steps that begin something: a choice of account, an attempt, a token refresh. */
import type { AccountId } from '../domain/ids.ts';
import type { Failure } from './failure.ts';
import type { AttemptOptions, Effect, RetryHistory, State, Step } from './states.ts';

export function select(retries: RetryHistory, want: { prefer?: AccountId; avoid?: AccountId } = {}): Effect {
  return { do: 'select', exclude: retries.left, prefer: want.prefer, avoid: want.avoid };
}

export function run(account: AccountId, retries: RetryHistory, options: AttemptOptions): Step {
  const running: State = { name: 'running', retries, account, options, progress: 'nothing_sent' };
  return [running, [{ do: 'start', account, options }]];
}

export function refresh(
  account: AccountId,
  retries: RetryHistory,
  options: AttemptOptions,
  failure?: Failure,
): Step {
  return [{ name: 'refreshing', retries, account, options }, [{ do: 'refresh', account, failure }]];
}

export function including(left: readonly AccountId[], account: AccountId): readonly AccountId[] {
  return left.includes(account) ? left : [...left, account];
}
