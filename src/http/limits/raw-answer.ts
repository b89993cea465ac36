/**
 * Answers to what never became a request: broken HTTP, headers that do not come to an end, an upgrade that is none.
 * The bodies are constant, so that nothing of what a peer sent comes back to it.
 */
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { newRequestId } from '../../bridge/bridge.ts';
import { type Refusal, refusal } from '../../protocol/refusal.ts';

const REASONS: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  408: 'Request Timeout',
  431: 'Request Header Fields Too Large',
};

/** `code` is Node's name for what is wrong with the request. */
export function refuseConnection(code: string | undefined, socket: Socket): void {
  // Where something was written, an answer may be under way, and a second one would end up inside of it.
  if (code === 'ECONNRESET' || !socket.writable || socket.bytesWritten > 0) {
    socket.destroy();
    return;
  }
  writeRefusal(socket, whyRefused(code));
}

export function refuseUpgrade(socket: Duplex): void {
  writeRefusal(socket, refusal(400, 'invalid_upgrade', 'This is not a WebSocket handshake of version 13.'));
}

function whyRefused(code: string | undefined): Refusal {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return refusal(408, 'header_timeout', 'The headers of the request did not arrive in time.');
  }
  if (code === 'HPE_HEADER_OVERFLOW') {
    return refusal(431, 'headers_too_large', 'The headers of the request are too large.');
  }
  return refusal(400, 'invalid_http', 'This is not a request of HTTP/1.1.');
}

function writeRefusal(socket: Duplex, refused: Refusal): void {
  const body = JSON.stringify({ error: refused.error });
  const head = [
    `HTTP/1.1 ${refused.status} ${REASONS[refused.status] ?? 'Error'}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    `x-request-id: ${newRequestId()}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}
