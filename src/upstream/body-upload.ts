/**
 * A large body in slices, each asked for when the one before has left: so it can be told when the last byte has, and
 * whether anything still leaves. Knows nothing of requests.
 */
import type { Readable } from 'node:stream';

/** A smaller body is in the kernel's hands at once. */
const SLICED_ABOVE_BYTES = 256 * 1024;
const SLICE_BYTES = 64 * 1024;

export interface Patience {
  /** An upstream that takes no slice for so long will not take the rest. */
  readonly afterMs: number;
  readonly onStalled: () => void;
}

/** undici takes any iterable as a body; its type knows only streams. `undefined`: send it in one piece. */
export function inSlices(body: Buffer, patience: Patience): Readable | undefined {
  return body.length > SLICED_ABOVE_BYTES ? (slicesOf(body, patience) as unknown as Readable) : undefined;
}

async function* slicesOf(body: Buffer, { afterMs, onStalled }: Patience): AsyncGenerator<Buffer> {
  const timer = setTimeout(onStalled, afterMs);
  try {
    for (let start = 0; start < body.length; start += SLICE_BYTES) {
      yield body.subarray(start, start + SLICE_BYTES);
      timer.refresh();
    }
  } finally {
    clearTimeout(timer);
  }
}
