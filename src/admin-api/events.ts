/** The live feed, `GET /api/events`: which event carries what. Times are Unix seconds. */
import type { AccountWire } from './account.ts';
import type { RequestWire } from './request.ts';
import type { SessionWire } from './session.ts';
import type { TurnWire } from './turn.ts';

/** In the place of a thing that is gone. */
export interface RemovedWire {
  readonly id: string;
  readonly removed: true;
}

/** How far the output of running turns has come: id and pieces of each. */
export interface PaceWire {
  readonly pieces: readonly (readonly [turn: string, pieces: number])[];
}

export interface HelloWire {
  readonly version: string;
  readonly at: number;
}

/** What changes; each is told to whoever listens. */
export interface FeedEvents {
  readonly account: AccountWire | RemovedWire;
  readonly session: SessionWire | RemovedWire;
  readonly request: RequestWire;
  readonly turn: TurnWire;
  readonly pace: PaceWire;
}

/** What one stream of events says at its beginning. `resync`: too much was missed, the lists are to be read again. */
export interface StreamEvents extends FeedEvents {
  readonly hello: HelloWire;
  readonly resync: Readonly<Record<string, never>>;
}
