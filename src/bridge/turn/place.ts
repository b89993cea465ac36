/**
 * The place of a turn in its conversation: its history, what binds it, and the facts that its machine needs.
 * Everything that can be refused without asking an account is refused here.
 */

import type { BoundTo } from '../../domain/request.ts';
import { type Refusal, refusal } from '../../protocol/refusal.ts';
import { RECOVERY } from '../../turn/recovery.ts';
import { refusalForFailure } from '../../turn/refusals.ts';
import type { Effect, TurnFacts } from '../../turn/states.ts';
import type { Placed } from '../account-choice.ts';
import type { TurnDependencies } from '../dependencies.ts';
import { boundTo, resolveHistory } from '../history/history.ts';
import type { Entered, Session } from '../session/session.ts';
import type { TurnRequest } from '../turn-request.ts';
import { bindingOf, sideEffectsOf } from './facts.ts';

export interface TurnPlace extends Disposable {
  readonly placed: Placed;
  readonly facts: TurnFacts;
  readonly bound: BoundTo | undefined;
}

export type PlacedOrRefused =
  | ({ readonly ok: true } & TurnPlace)
  | { readonly ok: false; readonly refused: Refusal };

export function placeTurn(
  request: TurnRequest,
  session: Session,
  { source, config }: TurnDependencies,
): PlacedOrRefused {
  const resolved = resolveHistory(request, source);
  if (!resolved.ok) return resolved;
  const { history } = resolved;
  const bound = boundTo(request, history, { tenant: request.tenant, source });
  const binding = bindingOf(request, history, { bound, pinned: session.pinned });
  // What the turn continues must not be evicted while it runs.
  const leases = [history.past.anchor?.id, history.growth.parent]
    .filter((id) => id !== undefined)
    .map((id) => source.transcripts.lease(request.tenant, id));
  return {
    ok: true,
    [Symbol.dispose]: () => {
      for (const lease of leases) lease[Symbol.dispose]();
    },
    placed: { request, session, history, binding },
    bound,
    facts: {
      sideEffects: sideEffectsOf(request),
      budgetMs: config.failoverBudgetMs,
      binding,
    },
  };
}

/** The conversation leaves the account: its pin, its sockets there, and what made it prefer that account. */
export function leaveAccount(
  { placed }: TurnPlace,
  { from, failure }: Extract<Effect, { do: 'move' }>,
  { choice, sessions }: TurnDependencies,
): void {
  choice.letGo(placed, from);
  const cause = RECOVERY[failure.class].shownAs;
  sessions.moveAway(placed.session, from, { code: failure.code, cause });
}

/** The lane could not be entered: too many wait for it already, or its session was closed. */
export function whyNotEntered(
  { why }: Extract<Entered, { ok: false }>,
  { closing }: TurnDependencies,
): Refusal {
  return why === 'queue_full' ? queueFull() : refusalForFailure(closing(), Date.now());
}

function queueFull(): Refusal {
  return refusal(429, 'too_many_pending_turns', 'Too many turns are waiting in this conversation already.', {
    headers: { 'retry-after': '1' },
  });
}
