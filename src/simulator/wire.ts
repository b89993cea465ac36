/**
 * The shapes that travel between a client and the fake upstream, and the few questions asked about them.
 * Items stay open JSON: an unknown item type or field must pass, as it does upstream. Knows nothing of
 * accounts, scripts or transports.
 */

/** One input or output item; only the fields that the simulator looks at are named. */
export interface Item {
  readonly type?: string;
  readonly id?: string;
  readonly role?: string;
  readonly call_id?: string;
  readonly content?: unknown;
  readonly output?: unknown;
  readonly name?: unknown;
  readonly arguments?: unknown;
  readonly encrypted_content?: unknown;
  readonly tools?: unknown;
  readonly [field: string]: unknown;
}

/** The body of a create, a compact or a `response.create` frame. */
export interface CreateBody {
  readonly type?: unknown;
  readonly model?: unknown;
  readonly input?: unknown;
  readonly instructions?: unknown;
  readonly stream?: unknown;
  readonly store?: unknown;
  readonly generate?: unknown;
  readonly background?: unknown;
  readonly conversation?: unknown;
  readonly include?: unknown;
  readonly tools?: unknown;
  readonly previous_response_id?: unknown;
  readonly prompt_cache_key?: unknown;
  readonly stream_id?: unknown;
  readonly client_metadata?: unknown;
  readonly [field: string]: unknown;
}

/** One stream event: an SSE `data:` payload or a WebSocket text frame. */
export interface WireEvent {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** An answer that is not a stream: HTTP status, JSON (or plain text) body, extra headers. */
export interface ErrorAnswer {
  readonly status: number;
  readonly body: object | string;
  readonly headers?: Readonly<Record<string, string>>;
}

export type Headers = Readonly<Record<string, string>>;

/** What one response can see: a chain of windows, newest last. `bytes` counts the whole chain. */
export interface Lineage {
  readonly parent: Lineage | undefined;
  readonly items: readonly Item[];
  readonly bytes: number;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `input` as items: a string is one user message, anything that is not a list is empty. */
export function inputItems(input: unknown): readonly Item[] {
  if (typeof input === 'string') return [{ type: 'message', role: 'user', content: input }];
  return Array.isArray(input) ? input.filter(isObject) : [];
}

/** All items of a lineage, oldest first. */
export function itemsOf(lineage: Lineage): readonly Item[] {
  const windows: (readonly Item[])[] = [];
  for (let at: Lineage | undefined = lineage; at !== undefined; at = at.parent) windows.push(at.items);
  return windows.reverse().flat();
}

export function isMessage(item: Item): boolean {
  return item.type === 'message' || (item.type === undefined && item.role !== undefined);
}

/** True for the answer to a tool call, whichever kind of tool it was. */
export function isToolOutput(item: Item): boolean {
  return item.call_id !== undefined && (item.type?.endsWith('_output') ?? false);
}

/** The text a reader would see in an item, or undefined when it has none (reasoning, references). */
export function textOf(item: Item): string | undefined {
  if (isMessage(item)) return contentText(item.content);
  if (item.type === 'function_call') return `${String(item.name)}(${String(item.arguments)})`;
  return isToolOutput(item) ? contentText(item.output) : undefined;
}

function contentText(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return content
    .map((part) => (isObject(part) ? String(part['text'] ?? part['refusal'] ?? '') : ''))
    .join('');
}
