/**
 * From the bytes a client sent to a request the bridge can serve: decoded, read once, checked, and nothing more.
 */
import type { FastifyRequest } from 'fastify';
import type { AccountPool } from '../../accounts/pool.ts';
import { newRequestId } from '../../bridge/bridge.ts';
import type { SocketStream, TurnRequest } from '../../bridge/turn-request.ts';
import type { AccountRow } from '../../domain/account.ts';
import { decodeBody } from '../../protocol/decode-body.ts';
import { clientOf, flatHeaders, type HeaderMap } from '../../protocol/headers.ts';
import { type Refusal, refusal } from '../../protocol/refusal.ts';
import { type Envelope, readEnvelope } from '../../protocol/request.ts';
import { bodyTooLarge, type ReadBody } from '../limits/body-reader.ts';
import type { Reservation } from '../limits/memory-budget.ts';
import { overloaded } from '../limits/overload.ts';
import type { Caller } from './caller.ts';

export const MAX_BODY_BYTES = 64 * 1024 * 1024;

export interface Arrival {
  readonly caller: Caller;
  readonly path: string;
  readonly headers: HeaderMap;
}

export type ParsedTurn =
  | { readonly ok: true; readonly request: TurnRequest }
  | { readonly ok: false; readonly refused: Refusal };

export type ParsedBody =
  | { readonly ok: true; readonly envelope: Envelope }
  | { readonly ok: false; readonly refused: Refusal };

const JSON_TYPE = /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i;

/** What a POST asks for. `reservation` already pays for the body as it came; it pays for what is inside, too. */
export async function takeBody(request: FastifyRequest, reservation: Reservation): Promise<ParsedBody> {
  if (!JSON_TYPE.test(request.headers['content-type'] ?? '')) {
    const message = "Send the body with 'content-type: application/json'.";
    return { ok: false, refused: refusal(415, 'unsupported_media_type', message) };
  }
  const body = request.body as ReadBody | undefined;
  if (body?.ok === false) return body;
  const bytes = body?.bytes ?? Buffer.alloc(0);
  const decoded = await decodeBody(bytes, request.headers['content-encoding'], MAX_BODY_BYTES);
  if (!decoded.ok) {
    const refused =
      decoded.status === 413
        ? bodyTooLarge(MAX_BODY_BYTES)
        : refusal(decoded.status, 'invalid_body', decoded.message);
    return { ok: false, refused };
  }
  if (!reservation.take(decoded.bytes.length - bytes.length)) return { ok: false, refused: overloaded() };
  return readEnvelope(decoded.bytes);
}

interface Way {
  readonly door: TurnRequest['door'];
  readonly route: TurnRequest['route'];
  readonly socketStream: SocketStream | undefined;
  readonly id?: string;
}

export function turnRequest(envelope: Envelope, arrival: Arrival, way: Way, pool: AccountPool): ParsedTurn {
  const { caller, path, headers } = arrival;
  const refused = refuseModel(envelope.model, caller, way.route) ?? refuseBackground(envelope, way.door);
  if (refused !== undefined) return { ok: false, refused };
  const needs = needsApiKey(envelope, way.route, pool.rows(caller.allowed));
  if (needs !== undefined) return { ok: false, refused: needs };
  const { id = newRequestId(), ...rest } = way;
  return {
    ok: true,
    request: {
      ...rest,
      id,
      at: Date.now(),
      tenant: caller.tenant,
      allowed: caller.allowed,
      client: clientOf(path, headers),
      headers,
      envelope,
    },
  };
}

export function arrivalOf(request: FastifyRequest, caller: Caller): Arrival {
  return { caller, path: request.url.split('?')[0] ?? '', headers: flatHeaders(request.headers) };
}

/** Which model a stored prompt names is known upstream only, so it is not for keys that may use some models. */
function refuseModel(model: string, { models }: Caller, route: TurnRequest['route']): Refusal | undefined {
  if (model === '') {
    if (route === 'responses' && models === undefined) return undefined;
    const why =
      route === 'responses'
        ? "This key may use certain models only: name one of them in 'model', beside the prompt."
        : "Missing required parameter: 'model'.";
    return refusal(400, 'missing_required_parameter', why, { param: 'model' });
  }
  if (models === undefined || models.includes(model)) return undefined;
  const message = `The model '${model}' does not exist or this key may not use it.`;
  return refusal(404, 'model_not_found', message, { param: 'model' });
}

function refuseBackground({ background }: Envelope, door: TurnRequest['door']): Refusal | undefined {
  if (background === 'no' || door !== 'ws') return undefined;
  const message = "'background' is not available over a WebSocket: POST the request to this path.";
  return refusal(400, 'unsupported_parameter', message, { param: 'background' });
}

/** What the ChatGPT backend does not have at all, said before anything is tried: dropping it would change the turn. */
function needsApiKey(
  envelope: Envelope,
  route: TurnRequest['route'],
  rows: readonly AccountRow[],
): Refusal | undefined {
  if (rows.length === 0 || rows.some((row) => row.kind === 'api_key')) return undefined;
  if (route === 'input_tokens') {
    return refusal(
      404,
      'not_found',
      'Counting tokens needs an API-key account: the ChatGPT backend has no such call.',
    );
  }
  const what = apiOnly(envelope);
  if (what === undefined) return undefined;
  const [param, words] = what;
  return refusal(400, 'unsupported_parameter', `${words} needs an API-key account.`, { param });
}

function apiOnly({ background, conversation, model }: Envelope): readonly [string, string] | undefined {
  if (background === 'yes') return ['background', "'background'"];
  if (conversation !== undefined) return ['conversation', "'conversation'"];
  return model === '' ? ['model', "'prompt' without 'model'"] : undefined;
}
