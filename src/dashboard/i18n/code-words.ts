/**
 * What the server says in codes, by groups. Each language is held against these: a code without words does not
 * compile, nor do words for a code that the server does not know.
 */
import type { AccountKind, AccountStatus, AccountTransport } from '../../admin-api/account.ts';
import type { KnownCode, LoginFailure } from '../../admin-api/codes.ts';
import type {
  AttemptOutcome,
  AttemptTransport,
  Continuity,
  Door,
  ErrorClass,
  RequestStatus,
  SelectionReason,
} from '../../admin-api/request.ts';
import type { SessionKeyKind } from '../../admin-api/session.ts';
import type { ChannelKind } from '../../admin-api/settings.ts';
import type { TurnPhase } from '../../admin-api/turn.ts';

/** Closed sets: the server sends nothing else. */
export interface ClosedGroups {
  readonly status: AccountStatus;
  readonly kind: AccountKind;
  readonly transport: AccountTransport;
  readonly turn: RequestStatus;
  readonly told: RequestStatus;
  readonly phase: TurnPhase;
  readonly attempt: AttemptOutcome;
  readonly way: AttemptTransport;
  readonly because: SelectionReason;
  readonly kept: Continuity;
  readonly keptLong: Continuity;
  readonly door: Door;
  readonly keyKind: SessionKeyKind;
  readonly notifyKind: ChannelKind;
  readonly class: ErrorClass;
}

/** Open sets: others come too, and are shown as they are. */
export interface OpenGroups {
  readonly code: KnownCode;
  readonly login: LoginFailure;
  readonly window: '5h' | 'weekly' | 'main';
}

type Groups = ClosedGroups & OpenGroups;

export type CodeWord = { [Group in keyof Groups]: `${Group}.${Groups[Group]}` }[keyof Groups];

export type CodeWords = Readonly<Record<CodeWord, string>>;
