/**
 * Holds frames back until the first that a client may see. Until then everything can still be repaired unseen:
 * a refusal that arrives between `response.created` and the first output never happened for the client.
 */
import { type Frame, kindOf } from '../protocol/frame.ts';

/** Handshakes are few and small; a stream that begins with more than this is let through. */
const MOST_HELD = 64;

export class HoldGate {
  #held: Frame[] = [];
  #open: 'held' | 'open' = 'held';

  /** The frames that may go down now, in order. */
  offer(frame: Frame): readonly Frame[] {
    if (this.#open === 'open') return [frame];
    this.#held.push(frame);
    const kind = kindOf(frame.type);
    const holds = kind === 'handshake' || kind === 'vendor';
    return holds && this.#held.length < MOST_HELD ? [] : this.release();
  }

  release(): readonly Frame[] {
    const released = this.#held;
    this.#held = [];
    this.#open = 'open';
    return released;
  }

  /** The attempt that sent them has failed; the next one begins with its own handshake. */
  forget(): void {
    this.#held = [];
  }
}
