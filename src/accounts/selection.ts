/**
 * Who serves next: a pure choice over what is known of each account now. The order of its questions is the order
 * of importance, and the answer names the question that decided.
 */
import type { AccountId } from '../ids.ts';
import type { Unavailable } from '../turn/states.ts';

export interface Candidate {
  readonly id: AccountId;
  readonly kind: 'api_key' | 'chatgpt';
  readonly standing:
    | { readonly is: 'ready' }
    | { readonly is: 'exhausted'; readonly until: number; readonly plan: string | undefined }
    | { readonly is: 'cooling' | 'suspended'; readonly until: number }
    /** Blocked, and no clock will free it. */
    | { readonly is: 'out' };
  readonly serves: 'model' | 'other_models';
  /** Above its ceiling it keeps the sessions it has and takes no new ones. */
  readonly newSessions: 'welcome' | 'unwelcome';
  readonly priority: number;
  /** Counts up with every session it was given; the smallest has waited longest. */
  readonly lastGiven: number;
}

export interface Wish {
  readonly kind?: 'api_key' | 'chatgpt' | undefined;
  /** Nobody else can do it. */
  readonly only?: AccountId | undefined;
  readonly exclude: readonly AccountId[];
  readonly pinned?: AccountId | undefined;
  /** Answered the response that is continued; its cache, and where it stores its ids, are there. */
  readonly owner?: AccountId | undefined;
  readonly affine?: AccountId | undefined;
  readonly avoid?: AccountId | undefined;
}

export type Choice =
  | { readonly ok: true; readonly account: AccountId; readonly because: Because }
  | { readonly ok: false; readonly reason: Unavailable };

export type Because = 'owner' | 'pin' | 'affinity' | 'priority' | 'spread' | 'only_one';

export function choose(candidates: readonly Candidate[], wish: Wish): Choice {
  if (candidates.length === 0) return { ok: false, reason: { why: 'no_accounts' } };
  const eligible = candidates.filter((one) => isEligible(one, wish));
  if (eligible.length === 0) return { ok: false, reason: { why: 'unusable' } };
  const serving = eligible.filter((one) => one.serves === 'model');
  if (serving.length === 0) return { ok: false, reason: { why: 'model_not_served' } };
  const ready = serving.filter((one) => one.standing.is === 'ready' && !wish.exclude.includes(one.id));
  return ready.length === 0 ? { ok: false, reason: whyNone(serving, wish) } : best(ready, wish);
}

function isEligible(one: Candidate, wish: Wish): boolean {
  if (wish.only !== undefined && one.id !== wish.only) return false;
  return wish.kind === undefined || one.kind === wish.kind;
}

function best(ready: readonly Candidate[], wish: Wish): Choice {
  const preferred = ready.filter((one) => one.id !== wish.avoid);
  const open = preferred.length === 0 ? ready : preferred;
  const named = (id: AccountId | undefined): Candidate | undefined => open.find((one) => one.id === id);
  const pinned = named(wish.pinned);
  if (wish.only !== undefined && open[0] !== undefined)
    return { ok: true, account: open[0].id, because: 'owner' };
  if (pinned !== undefined) return { ok: true, account: pinned.id, because: 'pin' };
  const owner = named(wish.owner);
  if (owner !== undefined) return { ok: true, account: owner.id, because: 'owner' };
  const welcoming = open.filter((one) => one.newSessions === 'welcome');
  const fresh = welcoming.length === 0 ? open : welcoming;
  const affine = fresh.find((one) => one.id === wish.affine);
  if (affine !== undefined) return { ok: true, account: affine.id, because: 'affinity' };
  return byPriority(fresh);
}

function byPriority(fresh: readonly Candidate[]): Choice {
  const top = Math.max(...fresh.map((one) => one.priority));
  const equal = fresh.filter((one) => one.priority === top);
  const [first] = equal.toSorted((a, b) => a.lastGiven - b.lastGiven);
  if (first === undefined) return { ok: false, reason: { why: 'unusable' } };
  const because = fresh.length === 1 ? 'only_one' : equal.length < fresh.length ? 'priority' : 'spread';
  return { ok: true, account: first.id, because };
}

/** The best news there is: a short wait, else a reset, else that this turn has tried everyone, else nothing. */
function whyNone(serving: readonly Candidate[], wish: Wish): Unavailable {
  const cooling = serving.flatMap((one) => (one.standing.is === 'cooling' ? [one.standing.until] : []));
  if (cooling.length > 0) return { why: 'cooling', until: Math.min(...cooling) };
  const exhausted = serving.flatMap((one) => (one.standing.is === 'exhausted' ? [one.standing] : []));
  const [earliest] = exhausted.toSorted((a, b) => a.until - b.until);
  if (earliest !== undefined) return { why: 'exhausted', resetAt: earliest.until, plan: earliest.plan };
  const suspended = serving.flatMap((one) => (one.standing.is === 'suspended' ? [one.standing.until] : []));
  if (suspended.length > 0) return { why: 'suspended', until: Math.min(...suspended) };
  return serving.some((one) => wish.exclude.includes(one.id)) ? { why: 'tried_all' } : { why: 'unusable' };
}
