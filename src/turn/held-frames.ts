/**
 * Holds frames back until the first that a client may see. Until then everything can still be repaired unseen:
 * a refusal that arrives between `response.created` and the first output never happened for the client.
 */
import { type Frame, kindOf } from '../protocol/frame.ts';

/** Handshakes are few and small; a stream that begins with more than this is let through. */
const MAX_HELD_FRAMES = 64;
const MAX_HELD_BYTES = 4 * 1024 * 1024;

export class HeldFrames {
  #held: Frame[] = [];
  #bytes = 0;
  #state: 'held' | 'open' = 'held';

  /** Something was let through: what follows cannot be taken back. */
  get isOpen(): boolean {
    return this.#state === 'open';
  }

  /** The frames that may go down now, in order. */
  offer(frame: Frame): readonly Frame[] {
    if (this.#state === 'open') return [frame];
    this.#held.push(frame);
    this.#bytes += frame.data.length;
    const kind = kindOf(frame.type);
    const holds = kind === 'handshake' || kind === 'vendor';
    const fits = this.#held.length < MAX_HELD_FRAMES && this.#bytes < MAX_HELD_BYTES;
    return holds && fits ? [] : this.release();
  }

  release(): readonly Frame[] {
    const released = this.#held;
    this.#held = [];
    this.#bytes = 0;
    this.#state = 'open';
    return released;
  }

  /** The attempt that sent them has failed; the next one begins with its own handshake. */
  forget(): void {
    this.#held = [];
    this.#bytes = 0;
  }
}
