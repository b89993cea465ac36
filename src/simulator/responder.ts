/**
 * The HTTP side of one answer: plain JSON, an event stream, a single JSON response, or a background start.
 * Knows how bytes go out and nothing about what they mean.
 */
import type { ServerResponse } from 'node:http';
import { errorEvent } from './error-frames.ts';
import type { Cut, ResponseWriter } from './player.ts';
import { reset } from './reset.ts';
import type { ErrorAnswer, Headers, WireEvent } from './wire.ts';

export function sendJson(response: ServerResponse, answer: ErrorAnswer): void {
  if (response.destroyed || response.headersSent) return;
  const text = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body);
  response.writeHead(answer.status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    ...answer.headers,
  });
  response.end(text);
}

/** A stream of events; errors after its first byte become `error` events. */
export function streamWriter(response: ServerResponse, gone: AbortSignal): ResponseWriter {
  const send = (event: WireEvent) =>
    write(response, `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
  return {
    gone,
    open: (headers: Headers) => {
      if (response.headersSent || response.destroyed) return;
      response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', ...headers });
      response.flushHeaders();
    },
    send,
    sendGarbage: (frame) => {
      write(response, typeof frame === 'string' ? `data: ${frame}\n\n` : frame);
    },
    refuse: (answer) => {
      if (!response.headersSent) return sendJson(response, answer);
      send(errorEvent(answer));
      response.end();
    },
    end: () => response.end(),
    cut: (how) => cutHttp(response, how),
  };
}

/** The whole response as one JSON body, sent with its terminal event. */
export function unaryWriter(response: ServerResponse, gone: AbortSignal): ResponseWriter {
  let opened: Headers = {};
  return {
    gone,
    open: (headers) => {
      opened = headers;
    },
    send: (event) => {
      if (event.type === 'error') sendJson(response, failure(event));
      else if (event.type === 'response.failed') sendJson(response, failure(event['response']));
      else if (event.type === 'response.completed' || event.type === 'response.incomplete') {
        sendJson(response, { status: 200, body: event['response'] as object, headers: opened });
      }
      return undefined;
    },
    sendGarbage: (frame) => void response.write(frame),
    refuse: (answer) => sendJson(response, answer),
    end: () => undefined,
    cut: (how) => cutHttp(response, how),
  };
}

/** Answers with the response as it is queued; what happens to it later is no longer told here. */
export function queuedWriter(response: ServerResponse, gone: AbortSignal): ResponseWriter {
  return {
    gone,
    open: () => undefined,
    send: (event) => {
      if (event.type === 'response.created') {
        sendJson(response, { status: 200, body: event['response'] as object });
      }
      return undefined;
    },
    sendGarbage: () => undefined,
    refuse: (answer) => sendJson(response, answer),
    end: () => undefined,
    cut: (how) => (response.headersSent ? 'over' : cutHttp(response, how)),
  };
}

function failure(holder: unknown): ErrorAnswer {
  const { error, code, message } = holder as Readonly<Record<'error' | 'code' | 'message', unknown>>;
  const fields = typeof error === 'object' ? error : { code, message };
  return { status: 500, body: { error: { type: 'server_error', param: null, ...fields } } };
}

function write(response: ServerResponse, bytes: string | Uint8Array): Promise<void> | undefined {
  if (response.destroyed || response.writableEnded || response.write(bytes)) return undefined;
  return new Promise((resolve) => {
    const go = () => {
      response.off('drain', go);
      response.off('close', go);
      resolve();
    };
    response.on('drain', go);
    response.on('close', go);
  });
}

/** `close` ends the body cleanly but early, `eof` in the middle of a chunk, `reset` with an RST. */
function cutHttp(response: ServerResponse, how: Cut): 'over' {
  if (how.kind === 'close') response.end();
  else if (how.kind === 'eof') response.socket?.end();
  else if (how.kind === 'reset') reset(response.socket, response.headersSent ? 'sent' : 'unsent');
  return 'over';
}
