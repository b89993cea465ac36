/** Ends a TCP connection with an RST, for both transports. */
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/**
 * An RST throws away what the peer has not read yet. Without this moment a fault "after the item" would
 * sometimes strike before it, as seen by the client.
 */
const READING_TIME_MS = 15;

/** `unsent`: nothing went out before, so the reset need not wait for a reader. */
export function reset(stream: Duplex | null, before: 'sent' | 'unsent'): void {
  if (stream === null) return;
  if (before === 'unsent') destroy(stream);
  else setTimeout(() => destroy(stream), READING_TIME_MS);
}

/**
 * A socket that has begun to shut down cannot be reset: Node 24.21 then forgets to close its handle, and the process
 * waits for that in a busy loop when it ends.
 */
function destroy(stream: Duplex): void {
  if (stream instanceof Socket && !stream.writableEnded) stream.resetAndDestroy();
  else stream.destroy();
}
