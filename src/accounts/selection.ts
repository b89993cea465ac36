/**
 * Who serves next: a pure choice over what is known of each account now. The order of its questions is the order
 * of importance, and the answer names the question that decided.
 */
import type { AccountKind } from '../admin-api/account.ts';
import type { SelectionReason } from '../admin-api/request.ts';
import type { AccountId } from '../domain/ids.ts';
import type { Unavailable } from '../turn/states.ts';

export interface Candidate {
  readonly id: AccountId;
  readonly kind: AccountKind;
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
  /** What is left of its allowance; undefined while nothing is known of it. */
  readonly allowance: Allowance | undefined;
  readonly activeTurns: number;
  /** Counts up with every session it was given; the smallest has waited longest. */
  readonly lastGiven: number;
}

export interface Allowance {
  /** Percent of the long window that an hour until its reset would have to use up: the higher, the sooner it is lost. */
  readonly wastePerHour: number;
  /** Percent left of the short window. */
  readonly headroom: number;
}

export interface SelectionRequest {
  readonly kind?: AccountKind | undefined;
  /** Nobody else can do it. */
  readonly only?: AccountId | undefined;
  readonly exclude: readonly AccountId[];
  readonly pinned?: AccountId | undefined;
  /** Answered the response that is continued; its cache, and where it stores its ids, are there. */
  readonly owner?: AccountId | undefined;
  readonly affine?: AccountId | undefined;
  /** Only where no other can serve. */
  readonly avoid?: readonly AccountId[];
}

export type Choice =
  | { readonly ok: true; readonly account: AccountId; readonly because: SelectionReason }
  | { readonly ok: false; readonly reason: Unavailable };

export function choose(candidates: readonly Candidate[], wish: SelectionRequest): Choice {
  if (candidates.length === 0) return { ok: false, reason: { why: 'no_accounts' } };
  const eligible = candidates.filter((one) => isEligible(one, wish));
  if (eligible.length === 0) return { ok: false, reason: { why: 'unusable' } };
  const serving = eligible.filter((one) => one.serves === 'model');
  if (serving.length === 0) return { ok: false, reason: { why: 'model_not_served' } };
  const ready = serving.filter((one) => one.standing.is === 'ready' && !wish.exclude.includes(one.id));
  return ready.length === 0 ? { ok: false, reason: whyNone(serving, wish) } : best(ready, wish);
}

function isEligible(one: Candidate, wish: SelectionRequest): boolean {
  if (wish.only !== undefined && one.id !== wish.only) return false;
  return wish.kind === undefined || one.kind === wish.kind;
}

function best(ready: readonly Candidate[], wish: SelectionRequest): Choice {
  const preferred = ready.filter((one) => wish.avoid?.includes(one.id) !== true);
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
  const wasting = wastedFirst(equal);
  const least = Math.min(...wasting.map((one) => one.activeTurns));
  const calm = wasting.filter((one) => one.activeTurns <= least + MUCH_BUSIER);
  const [first] = calm.toSorted((a, b) => a.lastGiven - b.lastGiven);
  if (first === undefined) return { ok: false, reason: { why: 'unusable' } };
  return { ok: true, account: first.id, because: reasonFor({ fresh, equal, wasting, calm }) };
}

/** Below this the short window may end within a session's next turns and make it move. */
const ENOUGH_HEADROOM = 10;
/** Accounts this close to the most urgent one share with it, so that every reading does not name another favourite. */
const AS_URGENT = 0.8;
/** More than any window can lose in an hour. */
const UNKNOWN = 1000;
/** Turns come and go: only a clear difference outweighs taking them in turn. */
const MUCH_BUSIER = 8;

/**
 * How much speaks for an account before it is asked who has waited longest: what its long window loses, as long as
 * its short one leaves room; logins of which nothing is known come first, to be learnt.
 */
export function urgencyOf({ allowance, kind }: Pick<Candidate, 'allowance' | 'kind'>): number {
  if (allowance === undefined) return kind === 'chatgpt' ? UNKNOWN : 0;
  return allowance.headroom < ENOUGH_HEADROOM ? -1 : allowance.wastePerHour;
}

function wastedFirst(equal: readonly Candidate[]): readonly Candidate[] {
  const most = Math.max(...equal.map(urgencyOf));
  return equal.filter((one) => urgencyOf(one) >= Math.min(most, most * AS_URGENT));
}

interface Rounds {
  readonly fresh: readonly Candidate[];
  readonly equal: readonly Candidate[];
  readonly wasting: readonly Candidate[];
  readonly calm: readonly Candidate[];
}

/** The question that made the last difference. */
function reasonFor({ fresh, equal, wasting, calm }: Rounds): SelectionReason {
  if (fresh.length === 1) return 'only_one';
  if (calm.length < wasting.length) return 'least_busy';
  if (wasting.length < equal.length) return 'resets_soonest';
  return equal.length < fresh.length ? 'priority' : 'spread';
}

/** The best news there is: a short wait, else a reset, else that this turn has tried everyone, else nothing. */
function whyNone(serving: readonly Candidate[], wish: SelectionRequest): Unavailable {
  // One that the turn has left would not be chosen when it is back.
  const awaited = serving.filter((one) => !wish.exclude.includes(one.id));
  const cooling = awaited.flatMap((one) => (one.standing.is === 'cooling' ? [one.standing.until] : []));
  if (cooling.length > 0) return { why: 'cooling', until: Math.min(...cooling) };
  const exhausted = serving.flatMap((one) => (one.standing.is === 'exhausted' ? [one.standing] : []));
  const [earliest] = exhausted.toSorted((a, b) => a.until - b.until);
  if (earliest !== undefined) return { why: 'exhausted', resetAt: earliest.until, plan: earliest.plan };
  const suspended = serving.flatMap((one) => (one.standing.is === 'suspended' ? [one.standing.until] : []));
  if (suspended.length > 0) return { why: 'suspended', until: Math.min(...suspended) };
  return serving.some((one) => wish.exclude.includes(one.id)) ? { why: 'tried_all' } : { why: 'unusable' };
}
