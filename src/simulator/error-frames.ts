/**
 * Errors in the forms they take inside a stream: WebSocket error frames in all their known shapes, and the
 * `error` event of SSE. Pure.
 */
import type { FrameShape } from './script.ts';
import { type ErrorAnswer, isObject, type WireEvent } from './wire.ts';

/** The error object of an answer, whatever form its body has. */
function errorOf(answer: ErrorAnswer): Record<string, unknown> {
  const { body } = answer;
  if (typeof body === 'string') return { type: 'invalid_request_error', message: body };
  const { error, detail } = body as { readonly error?: unknown; readonly detail?: unknown };
  if (isObject(error)) return error;
  if (isObject(detail)) return { type: 'invalid_request_error', ...detail };
  return { type: 'invalid_request_error', message: String(detail ?? 'Error') };
}

/** The frame a socket gets. Headers ride along, since a frame has none of its own. */
export function errorFrame(answer: ErrorAnswer, shape: FrameShape = 'status'): WireEvent {
  const { status, headers = {} } = answer;
  const error = errorOf(answer);
  const extra = Object.keys(headers).length > 0 ? { headers } : {};
  switch (shape) {
    case 'status':
      return { type: 'error', status, error, ...extra };
    case 'status_code':
      return { type: 'error', status_code: status, error, ...extra };
    case 'body_error':
      return { type: 'error', status, body: { error }, ...extra };
    case 'flat':
      return { ...error, type: 'error', status, ...extra };
    case 'no_status':
      return { type: 'error', error, ...extra };
  }
}

/** The event an SSE stream gets, behind a status of 200. */
export function errorEvent(answer: ErrorAnswer): WireEvent {
  return { type: 'error', error: errorOf(answer) };
}
