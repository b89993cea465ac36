/**
 * The backend's own frames, on their way to a Codex client: limits are the pool's, headers pass by allow-list, and
 * nobody else sees any of them (the SDK's stream helper throws on a type it does not know).
 */
import { type Frame, isRecord, makeFrame, parseObject } from '../../protocol/frame.ts';
import { clientHeaders, flatHeaders } from '../../protocol/headers.ts';
import { TURN_STATE } from '../session/identity.ts';
import type { TurnRequest } from '../turn-request.ts';

export interface Shown {
  readonly shown: Frame | undefined;
  /** A sticky token that came in the frame. */
  readonly turnState: string | undefined;
}

export function vendorFrame(
  frame: Frame,
  request: TurnRequest,
  limits: (frame: Frame) => Frame | undefined,
): Shown {
  const codex = request.client === 'codex';
  if (frame.type === 'codex.rate_limits') {
    const pool = limits(frame);
    return { shown: codex ? pool : undefined, turnState: undefined };
  }
  if (frame.type !== 'response.metadata' && frame.type !== 'codex.response.metadata') {
    return { shown: codex ? frame : undefined, turnState: undefined };
  }
  const event = parseObject(frame.data);
  const headers = event?.['headers'];
  if (event === undefined || !isRecord(headers)) return { shown: undefined, turnState: undefined };
  const flat = flatHeaders(
    Object.fromEntries(
      Object.entries(headers).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])),
    ),
  );
  const passed = clientHeaders(request.client, flat, request.envelope.model);
  return {
    shown: codex ? makeFrame({ ...event, type: frame.type, headers: passed }) : undefined,
    turnState: passed[TURN_STATE],
  };
}
