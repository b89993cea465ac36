/**
 * What a client is told when a turn ends without an answer: one value that every door renders in its own way
 * (HTTP status and envelope, WebSocket error frame, `response.failed` inside a started stream).
 */
import { randomUUID } from 'node:crypto';
import { type Frame, isRecord, makeFrame, parseObject } from './frame.ts';
import { scanObject } from './json-scan.ts';
import { rewriteObject } from './json-splice.ts';

/** The error object of the OpenAI envelope; further members (`plan_type`, `resets_at`, …) stand beside the four. */
export interface ErrorObject extends Readonly<Record<string, unknown>> {
  readonly message: string;
  readonly type: string;
  readonly code: string | null;
  readonly param: string | null;
}

export interface Refusal {
  readonly status: number;
  readonly error: ErrorObject;
  /** Response headers in lower case: `retry-after`, `x-should-retry`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The upstream's whole body where it is passed on as it came (`{"detail":…}` on the Codex paths). */
  readonly verbatim?: Readonly<Record<string, unknown>>;
}

export interface RefusalOptions {
  readonly type?: string;
  readonly param?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly extra?: Readonly<Record<string, unknown>>;
}

export function refusal(
  status: number,
  code: string,
  message: string,
  options: RefusalOptions = {},
): Refusal {
  const error = {
    message,
    type: options.type ?? typeFor(status),
    code,
    param: options.param ?? null,
    ...options.extra,
  };
  return options.headers === undefined ? { status, error } : { status, error, headers: options.headers };
}

function typeFor(status: number): string {
  if (status === 429) return 'rate_limit_error';
  if (status === 401) return 'authentication_error';
  if (status === 403) return 'permission_error';
  return status >= 500 ? 'server_error' : 'invalid_request_error';
}

/** `status` must be an integer: Codex ignores an error frame without one and waits out its idle timeout. */
export function errorFrame(refused: Refusal, streamId?: string): Frame {
  return makeFrame({
    type: 'error',
    status: refused.status,
    ...(streamId === undefined ? {} : { stream_id: streamId }),
    error: refused.error,
    ...(refused.headers === undefined ? {} : { headers: refused.headers }),
  });
}

/** `resp_` and 32 hex digits, for responses that no upstream has named. */
export function newResponseId(): string {
  return `resp_${randomUUID().replaceAll('-', '')}`;
}

interface StreamPosition {
  readonly responseId: string;
  readonly model: string;
  readonly sequence: number;
}

/** `response.failed`, the only failure that both Codex and the SDKs understand inside a started stream. */
export function failedFrame(refused: Refusal, at: StreamPosition): Frame {
  return makeFrame({
    type: 'response.failed',
    sequence_number: at.sequence,
    response: {
      id: at.responseId,
      object: 'response',
      created_at: Math.floor(Date.now() / 1000),
      status: 'failed',
      error: { code: refused.error.code ?? refused.error.type, message: refused.error.message },
      incomplete_details: null,
      model: at.model,
      output: [],
      usage: null,
    },
  });
}

/** `response.created` for a stream that fails before upstream began: clients take no terminal event without one. */
export function createdFrame(at: StreamPosition): Frame {
  return makeFrame({
    type: 'response.created',
    sequence_number: at.sequence,
    response: {
      id: at.responseId,
      object: 'response',
      created_at: Math.floor(Date.now() / 1000),
      status: 'in_progress',
      error: null,
      incomplete_details: null,
      model: at.model,
      output: [],
      usage: null,
    },
  });
}

/** A failure with which upstream began its stream, and the beginning that it lacks, of one and the same response. */
export function begunFailure(failed: Frame): readonly Frame[] {
  const event = parseObject(failed.data) ?? {};
  const response = isRecord(event['response']) ? event['response'] : {};
  const { id, model } = response;
  const responseId = typeof id === 'string' ? id : newResponseId();
  const created = createdFrame({ responseId, model: typeof model === 'string' ? model : '', sequence: 0 });
  const scan = scanObject(failed.data);
  if (!scan.ok || event['sequence_number'] !== 0) return [created, failed];
  const set = { sequence_number: Buffer.from('1') };
  return [created, { type: failed.type, data: rewriteObject(failed.data, scan.members, { set }) }];
}
