/**
 * What a client's socket is told when it asked for something that cannot be, and how an event names its lane. Pure.
 */
import { makeFrame } from '../../protocol/frame.ts';
import { type Refusal, refusal } from '../../protocol/refusal.ts';

export const MAX_STREAMS = 32;
export const MAX_RUNNING = 16;

export const STEER_FAILED = makeFrame({
  type: 'response.steer.failed',
  error: {
    type: 'invalid_request_error',
    code: 'steering_not_supported',
    message: 'Steering is not supported here.',
    param: null,
  },
});

export function badFrame(message: string): Refusal {
  return refusal(400, 'invalid_json', message);
}

export function tooManyStreams(): Refusal {
  const message = `A socket carries ${MAX_RUNNING} running turns and ${MAX_STREAMS} named streams at most.`;
  return refusal(400, 'websocket_stream_limit_reached', message, { param: 'stream_id' });
}

export function tooManyWaiting(): Refusal {
  return refusal(429, 'too_many_pending_turns', 'Too many turns are waiting on this socket already.', {
    headers: { 'retry-after': '1' },
  });
}

/** The event with its lane's name as first member, spliced in front of the bytes as they came. */
export function named(data: Buffer, streamId: string): Buffer {
  return Buffer.concat([Buffer.from(`{"stream_id":${JSON.stringify(streamId)},`), data.subarray(1)]);
}
