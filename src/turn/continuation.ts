/**
 * What may stand for the history on one account and one socket. An id goes up only where it can be known: on the
 * socket whose newest response it is, or at an account that stores and owns it. Everywhere else the history itself
 * goes up, and where there is none the conversation cannot be continued here.
 */
import type { AccountId, ResponseId } from '../domain/ids.ts';

/** Where the turn is about to go. */
export interface Place {
  readonly account: AccountId;
  /** The newest response of the socket in hand; `undefined` on a fresh socket and over HTTP. */
  readonly newest: { readonly responseId: string; readonly fingerprint: string } | undefined;
}

/** Where the turn comes from. */
export interface Past {
  /** The response that the client asked to continue. */
  readonly anchor:
    | { readonly id: ResponseId; readonly owner: AccountId | undefined; readonly stored: boolean }
    | undefined;
  /** Ids of every response this history extends, newest first; empty when none is known. Asked for only when needed. */
  ancestors(): readonly ResponseId[];
  /** Whether the whole history can be sent. */
  readonly whole: 'at_hand' | 'missing';
}

export type Continuation =
  /** `id` goes up, and with it what comes after that response. */
  | { readonly kind: 'anchor'; readonly id: ResponseId }
  | { readonly kind: 'whole' }
  | { readonly kind: 'lost' };

/**
 * `fingerprint` covers all members but the input: an anchor of our own stands for a history only where everything
 * else is as it was, or upstream would answer a different request.
 */
export function continuationAt(
  place: Place,
  past: Past,
  asked: { fingerprint: string; anchor: 'allowed' | 'refused' },
): Continuation {
  const { anchor, whole } = past;
  const instead: Continuation = whole === 'at_hand' ? { kind: 'whole' } : { kind: 'lost' };
  if (asked.anchor === 'refused') return instead;
  const { newest } = place;
  if (anchor !== undefined) {
    if (newest?.responseId === anchor.id) return { kind: 'anchor', id: anchor.id };
    if (anchor.stored && anchor.owner === place.account) return { kind: 'anchor', id: anchor.id };
  }
  const own =
    newest?.fingerprint === asked.fingerprint
      ? past.ancestors().find((id) => id === newest.responseId)
      : undefined;
  return own !== undefined && whole === 'at_hand' ? { kind: 'anchor', id: own } : instead;
}
