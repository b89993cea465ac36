/**
 * The token counts of a finished turn, cut out of its terminal event. That event repeats the whole answer, so
 * it is not parsed for four numbers unless cutting fails.
 */
import { isRecord, parseObject } from './frame.ts';

/** `cachedTokens` are part of `inputTokens`, `reasoningTokens` of `outputTokens`. */
export interface Usage {
  readonly inputTokens: number;
  readonly cachedTokens: number;
  readonly outputTokens: number;
  readonly reasoningTokens: number;
}

const USAGE_KEY = Buffer.from('"usage":');
const BACKSLASH = 0x5c;
const SPACE = 0x20;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/**
 * The usage of a terminal event, or of a unary answer, which carries it at its top level. `undefined` when there
 * is none (a failed turn).
 */
export function cutUsage(terminalFrame: Buffer): Usage | undefined {
  const slice = lastUsage(terminalFrame);
  const cut = slice === undefined ? undefined : usageOf(parseObject(slice));
  if (cut !== undefined) return cut;
  const whole = parseObject(terminalFrame);
  const response = whole?.['response'];
  return usageOf(isRecord(response) ? response['usage'] : whole?.['usage']);
}

/** Counting braces ignores strings; where that goes wrong the slice is no JSON and the whole event is parsed. */
function lastUsage(bytes: Buffer): Buffer | undefined {
  const key = bytes.lastIndexOf(USAGE_KEY);
  if (key <= 0 || bytes[key - 1] === BACKSLASH) return undefined;
  let at = key + USAGE_KEY.length;
  while (bytes[at] === SPACE) at++;
  if (bytes[at] !== OPEN_BRACE) return undefined;
  const start = at;
  let depth = 0;
  for (; at < bytes.length; at++) {
    if (bytes[at] === OPEN_BRACE) depth++;
    if (bytes[at] === CLOSE_BRACE) depth--;
    if (depth === 0) return bytes.subarray(start, at + 1);
  }
  return undefined;
}

function usageOf(value: unknown): Usage | undefined {
  if (!isRecord(value)) return undefined;
  const { input_tokens: inputTokens, output_tokens: outputTokens } = value;
  if (typeof inputTokens !== 'number' || typeof outputTokens !== 'number') return undefined;
  return {
    inputTokens: tokens(inputTokens),
    cachedTokens: detail(value['input_tokens_details'], 'cached_tokens'),
    outputTokens: tokens(outputTokens),
    reasoningTokens: detail(value['output_tokens_details'], 'reasoning_tokens'),
  };
}

function detail(details: unknown, name: string): number {
  const count = isRecord(details) ? details[name] : undefined;
  return typeof count === 'number' ? tokens(count) : 0;
}

/** Upstream may say anything; a counter that goes down or beyond all numbers would be none. */
function tokens(count: number): number {
  return Number.isSafeInteger(count) && count > 0 ? count : 0;
}
