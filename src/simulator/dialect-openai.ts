/**
 * The public API's own rules: which fields it refuses, how it lists models. Knows nothing of histories,
 * sockets or the other dialect.
 */
import type { AccountState } from './account-state.ts';
import { apiError, backgroundUnstored, modelNotFound, unknownParameter } from './errors.ts';
import type { CreateBody, ErrorAnswer } from './wire.ts';

/** A rule that was broken: its name for the journal, and what the client gets. */
export interface Refusal {
  readonly rule: string;
  readonly answer: ErrorAnswer;
}

export type Carrier = 'ws' | 'http' | 'compact';

/** The first field of `body` that the public API would not take, if any. */
export function screenOpenaiFields(
  body: CreateBody,
  carrier: Carrier,
  account: AccountState,
): Refusal | undefined {
  const misplaced = carrier === 'ws' ? ['background'] : ['generate', 'type'];
  const unknown = [...misplaced, 'stream_id'].find((field) => body[field] !== undefined);
  if (unknown !== undefined) return { rule: 'unsupported_parameter', answer: unknownParameter(unknown) };
  if (body.background === true && body.store === false) {
    return { rule: 'unstored_background', answer: backgroundUnstored() };
  }
  const invalid = invalidField(body);
  if (invalid !== undefined) return { rule: 'invalid_field', answer: invalid };
  if (typeof body.model === 'string' && account.models.includes(body.model)) return undefined;
  return { rule: 'unknown_model', answer: modelNotFound(String(body.model)) };
}

function invalidField(body: CreateBody): ErrorAnswer | undefined {
  const { input } = body;
  if (input !== undefined && typeof input !== 'string' && !Array.isArray(input)) {
    const message = "Invalid type for 'input': expected a string or an array of items.";
    return apiError(400, { message, code: 'invalid_type', param: 'input' });
  }
  if (typeof body.model !== 'string') {
    const message = "Missing required parameter: 'model'.";
    return apiError(400, { message, code: 'missing_required_parameter', param: 'model' });
  }
  if (body.conversation !== undefined && body.conversation !== null) {
    const message = 'The simulator keeps no conversations.';
    return apiError(404, { message, param: 'conversation' });
  }
  return undefined;
}

export function openaiModels(account: AccountState): object {
  const entry = (id: string) => ({ id, object: 'model', created: 1_795_000_000, owned_by: 'openai' });
  return { object: 'list', data: account.models.map(entry) };
}

export function openaiHeaders(account: AccountState): Readonly<Record<string, string>> {
  return { 'openai-version': '2020-10-01', 'openai-organization': account.name, 'openai-processing-ms': '1' };
}
