/**
 * Every error body the two upstreams are known to send, ready-made, so that scenario tables can name them.
 * Only data: it must not know when or over which transport a body is sent.
 */
import type { ErrorAnswer, Headers } from './wire.ts';

interface ErrorFields {
  readonly message: string;
  readonly type?: string;
  readonly code?: string | null;
  readonly param?: string | null;
  readonly headers?: Headers;
}

/** The public API's body: all four keys are always there. */
export function apiError(status: number, fields: ErrorFields): ErrorAnswer {
  const { message, type = 'invalid_request_error', code = null, param = null, headers = {} } = fields;
  return { status, body: { error: { message, type, param, code } }, headers };
}

/** The ChatGPT backend's short form. */
export function detail(status: number, text: string | object): ErrorAnswer {
  return { status, body: { detail: text } };
}

const seconds = (epochMs: number): number => Math.ceil(epochMs / 1000);

/** 429 of a spent ChatGPT plan. `resetsAt` is epoch ms; the body has a type and no code. */
export function usageLimitReached(resetsAt: number, plan = 'plus'): ErrorAnswer {
  const resetsIn = Math.max(0, seconds(resetsAt - Date.now()));
  return {
    status: 429,
    body: {
      error: {
        type: 'usage_limit_reached',
        message: 'The usage limit has been reached',
        plan_type: plan,
        resets_at: seconds(resetsAt),
        eligible_promo: null,
        resets_in_seconds: resetsIn,
      },
    },
    headers: {
      'x-codex-active-limit': 'codex',
      'x-codex-primary-used-percent': '100',
      'x-codex-primary-reset-at': String(seconds(resetsAt)),
    },
  };
}

export function usageNotIncluded(plan = 'free'): ErrorAnswer {
  const message = 'Codex is not included in this plan.';
  return { status: 429, body: { error: { type: 'usage_not_included', message, plan_type: plan } } };
}

/** 429 of an API organisation without credit: never retried, no reset time. */
export function insufficientQuota(code = 'insufficient_quota'): ErrorAnswer {
  const message = 'You exceeded your current quota, please check your plan and billing details.';
  return apiError(429, { message, type: 'insufficient_quota', code });
}

/** The short 429: too fast, not spent. */
export function rateLimited(retryAfterSeconds?: number): ErrorAnswer {
  const hint = retryAfterSeconds ?? 1;
  return apiError(429, {
    message: `Rate limit reached for requests. Please try again in ${hint}s.`,
    type: 'rate_limit_error',
    code: 'rate_limit_exceeded',
    headers: retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) },
  });
}

export const slowDown = (): ErrorAnswer =>
  apiError(503, { message: 'Please slow down.', type: 'service_unavailable_error', code: 'slow_down' });

export function overloaded(): ErrorAnswer {
  const message = 'Our servers are currently overloaded. Please try again later.';
  return apiError(503, { message, type: 'service_unavailable_error', code: 'server_is_overloaded' });
}

export const serverError = (status = 500): ErrorAnswer =>
  apiError(status, {
    message: 'The server had an error while processing your request.',
    type: 'server_error',
    code: 'server_error',
  });

export const invalidApiKey = (): ErrorAnswer =>
  apiError(401, { message: 'Incorrect API key provided.', code: 'invalid_api_key' });

export function tokenExpired(): ErrorAnswer {
  const message = 'Provided authentication token is expired.';
  return apiError(401, { message, code: 'token_expired' });
}

export function tokenInvalidated(): ErrorAnswer {
  const message = 'Your authentication token has been invalidated. Please try signing in again.';
  const { body } = apiError(401, { message, code: 'token_invalidated' });
  return { status: 401, body: { ...(body as object), status: 401 } };
}

export const tokenRevoked = (): ErrorAnswer =>
  apiError(401, { message: 'Encountered invalidated oauth token for user.', code: 'token_revoked' });

export const unauthorized = (): ErrorAnswer => detail(401, 'Unauthorized');

export const deactivatedWorkspace = (): ErrorAnswer => detail(402, { code: 'deactivated_workspace' });

export function invalidWorkspace(): ErrorAnswer {
  const code = 'invalid_workspace_selected';
  const echoed = Buffer.from(JSON.stringify({ error: { code } })).toString('base64');
  return { ...detail(403, { code }), headers: { 'x-error-json': echoed } };
}

export function accountDeactivated(status = 401): ErrorAnswer {
  const message = 'Your OpenAI account has been deactivated, please check your email for more information.';
  return apiError(status, { message, code: 'account_deactivated' });
}

/** HTML from the edge: says nothing about the account. */
export function cloudflareChallenge(): ErrorAnswer {
  const body =
    '<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>Cloudflare</body></html>';
  return { status: 403, body, headers: { 'content-type': 'text/html', 'cf-mitigated': 'challenge' } };
}

export function regionNotSupported(): ErrorAnswer {
  const code = 'unsupported_country_region_territory';
  return apiError(403, { message: 'Country, region, or territory not supported', code });
}

export const planLacksModel = (model: string): ErrorAnswer =>
  detail(400, `The '${model}' model is not supported when using Codex with a ChatGPT account.`);

export function modelNotFound(model: string): ErrorAnswer {
  const message = `The model '${model}' does not exist or you do not have access to it.`;
  return apiError(404, { message, code: 'model_not_found' });
}

export const unsupportedParameter = (name: string): ErrorAnswer =>
  detail(400, `Unsupported parameter: ${name}`);

export const unknownParameter = (name: string): ErrorAnswer =>
  apiError(400, { message: `Unknown parameter: '${name}'.`, code: 'unknown_parameter', param: name });

export const backgroundUnstored = (): ErrorAnswer =>
  apiError(400, { message: "Background responses require 'store' to be true.", param: 'background' });

export function contextLength(): ErrorAnswer {
  const message =
    'Your input exceeds the context window of this model. Please adjust your input and try again.';
  return apiError(400, { message, code: 'context_length_exceeded', param: 'input' });
}

export function cyberPolicy(): ErrorAnswer {
  return apiError(400, { message: 'This request was flagged for cyber policy.', code: 'cyber_policy' });
}

export function invalidEncryptedContent(id = 'item'): ErrorAnswer {
  const message = `The encrypted content for item ${id} could not be verified. Reason: Encrypted content could not be decrypted or parsed.`;
  return apiError(400, { message, code: 'invalid_encrypted_content' });
}

/** Sealed parts inside an item get other words, and from the ChatGPT backend have come with 502, too. */
export function encryptedOutputRejected(status = 400): ErrorAnswer {
  const message = 'Encrypted function output content could not be decrypted or decoded.';
  return apiError(status, { message, param: 'input' });
}

export function previousResponseNotFound(id: string): ErrorAnswer {
  const message = `Previous response with id '${id}' not found.`;
  return apiError(400, { message, code: 'previous_response_not_found', param: 'previous_response_id' });
}

export function itemNotFound(id: string): ErrorAnswer {
  const hint = 'Items are not persisted when `store` is set to false.';
  return apiError(404, { message: `Item with id '${id}' not found. ${hint}`, param: 'input' });
}

export function missingItemId(index: number): ErrorAnswer {
  const param = `input[${index}].id`;
  const message = `Missing required parameter: '${param}'.`;
  return apiError(400, { message, code: 'missing_required_parameter', param });
}

export function unknownItemType(index: number, type: string): ErrorAnswer {
  const message = `Invalid value: '${type}'. Supported values are: 'message', 'reasoning', and 'function_call'.`;
  return apiError(400, { message, code: 'invalid_value', param: `input[${index}]` });
}

export const approvalNotFound = (id: string): ErrorAnswer =>
  apiError(404, { message: `Approval request with id '${id}' not found.`, param: 'input' });

export const filesNotFound = (ids: readonly string[]): ErrorAnswer =>
  apiError(404, { message: `Files [ ${ids.map((id) => `'${id}'`).join(', ')} ] were not found.` });

export const duplicateItem = (id: string): ErrorAnswer =>
  apiError(400, { message: `Duplicate item found with id ${id}. Remove duplicate items.`, param: 'input' });

export const noToolCall = (callId: string): ErrorAnswer =>
  apiError(400, {
    message: `No tool call found for function call output with call_id ${callId}.`,
    param: 'input',
  });

export const noToolOutput = (callId: string): ErrorAnswer =>
  apiError(400, { message: `No tool output found for function call ${callId}.`, param: 'input' });

export function connectionLimit(): ErrorAnswer {
  const message =
    'Responses websocket connection limit reached (60 minutes). Create a new websocket connection.';
  return apiError(400, { message, code: 'websocket_connection_limit_reached' });
}

export const responseNotFound = (id: string): ErrorAnswer =>
  apiError(404, { message: `Response with id '${id}' not found.` });

export const notFound = (): ErrorAnswer => detail(404, 'Not Found');

/** The answer to a refresh token that was used before; the whole login is dead then. */
export function refreshTokenReused(): ErrorAnswer {
  const message =
    'Your refresh token has already been used to generate a new access token. Please sign in again.';
  return apiError(401, { message, code: 'refresh_token_reused' });
}

/** A page in place of an answer, as a balancer in front of a dead service gives it. */
export function htmlPage(status = 503): ErrorAnswer {
  const body = `<html><head><title>${status}</title></head><body><h1>Service Unavailable</h1></body></html>`;
  return { status, body, headers: { 'content-type': 'text/html' } };
}
