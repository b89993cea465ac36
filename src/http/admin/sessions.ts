/**
 * A session as the admin API shows it.
 */
import type { SessionWire } from '../../admin-api/session.ts';
import type { Session } from '../../bridge/session/session.ts';

const seconds = (at: number): number => Math.floor(at / 1000);

export function sessionToWire(session: Session): SessionWire {
  return {
    id: session.id,
    tenant: session.tenant,
    key_kind: session.keyKind,
    account_id: session.pinned ?? null,
    socket: session.holdsSocket || session.busy ? 'open' : 'none',
    turns: session.turns,
    switches: session.switches.map((change) => ({
      at: seconds(change.at),
      from: change.from,
      to: change.to ?? null,
      reason: change.reason,
    })),
    created_at: seconds(session.createdAt),
    last_turn_at: seconds(session.lastTurnAt),
  };
}
