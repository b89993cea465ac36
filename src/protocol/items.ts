/**
 * What the server may know about an item of a conversation: whether it is the same as another one, who made it and
 * which call it answers. What of it is bound to an account is in item-bindings.ts. Items stay opaque JSON otherwise;
 * unknown types pass.
 */
import { hash } from 'node:crypto';
import type { Tenant } from '../domain/ids.ts';
import { isRecord } from './frame.ts';

type Item = Readonly<Record<string, unknown>>;

const HASH_BYTES = 16;

/** 32 secret bytes in hexadecimal. */
export type ChainKey = string & { readonly brand: 'ChainKey' };

/** Upstream or clients add these and leave them out again; nothing of the conversation is in them. */
const PASSING_AT_TOP: ReadonlySet<string> = new Set(['id', 'status']);
const passesAnywhere = (name: string): boolean => name === 'annotations' || name.startsWith('internal_');
const NOTHING: ReadonlySet<string> = new Set();

/**
 * What a tool was told and what it said, and text. Here "empty" is a value: two calls that differ only in an empty
 * argument are two calls.
 */
const KEPT_EXACTLY: ReadonlySet<string> = new Set([
  'arguments',
  'output',
  'input',
  'text',
  'encrypted_content',
]);

/**
 * The text that is equal for two items when they say the same: members sorted, null and empty ones left out, so
 * that a history which travelled through a client is recognised. A string stands for a user message, as in
 * `input`. An item reference keeps its id, which is all there is to it.
 */
export function canonicalItem(item: unknown): string {
  const full = spelledOut(item);
  return !isRecord(full) || isReference(full) ? exactly(full) : canonicalObject(full, PASSING_AT_TOP);
}

/** The hash of an empty history. Keyed, so that no tenant can tell or forge the hash of another's history. */
export function chainStart(key: ChainKey, tenant: Tenant): Buffer {
  return keyedHash(key, `history of ${tenant}`);
}

/** The hash of a history of which `previous` is the hash and `canonical` the next item; 16 bytes. */
export function chainHash(previous: Buffer, canonical: string, key: ChainKey): Buffer {
  return keyedHash(key, previous.toString('hex') + canonical);
}

/** Whether a model produced the item (`output`) or a client supplied it; of an unknown type, a client. */
export function itemKind(item: unknown): 'input' | 'output' {
  if (!isRecord(item)) return 'input';
  const type = item['type'];
  if (typeof type !== 'string' || type === 'message')
    return item['role'] === 'assistant' ? 'output' : 'input';
  if (type.endsWith('_output')) return item['execution'] === 'server' ? 'output' : 'input';
  return type.endsWith('_call') || PRODUCED.has(type) ? 'output' : 'input';
}

const PRODUCED: ReadonlySet<string> = new Set([
  'reasoning',
  'compaction',
  'compaction_summary',
  'context_compaction',
  'mcp_list_tools',
  'mcp_approval_request',
  'program',
]);

export interface PairingGaps {
  /** Calls that no item answers. */
  readonly unanswered: readonly string[];
  /** Answers to calls that are not there; upstream refuses a history that holds one. */
  readonly orphaned: readonly string[];
}

/**
 * Call ids that are not there twice. Codex answers a shell call with a `function_call_output`: the id pairs, not
 * the type. Calls without a call id (web search and the like) are answered by upstream itself.
 */
export function pairingGaps(items: readonly unknown[]): PairingGaps {
  const calls = new Set<string>();
  const answers = new Set<string>();
  for (const item of items) {
    if (!isRecord(item)) continue;
    const { call, answer } = pairingOf(item);
    if (typeof call === 'string') calls.add(call);
    if (typeof answer === 'string') answers.add(answer);
  }
  return {
    unanswered: [...calls].filter((id) => !answers.has(id)),
    orphaned: [...answers].filter((id) => !calls.has(id)),
  };
}

/** An item that stands for the history before it, and that only its issuer can open. */
export function isCompaction(item: unknown): boolean {
  return isRecord(item) && COMPACTIONS.has(item['type']);
}

const COMPACTIONS: ReadonlySet<unknown> = new Set(['compaction', 'compaction_summary', 'context_compaction']);

/** The id that a reference names, empty where it names none; `undefined`: no reference. */
export function referenceOf(item: unknown): string | undefined {
  if (!isRecord(item) || !isReference(item)) return undefined;
  return typeof item['id'] === 'string' ? item['id'] : '';
}

/** Whether upstream itself would act on the world for this request, so that repeating it could act twice. */
export function hasSideEffectTools(tools: unknown): boolean {
  return partsOf(tools).some((tool) => {
    const type = tool['type'];
    if (typeof type !== 'string') return false;
    return type === 'mcp' || type.startsWith('computer_use') || hasSideEffectTools(tool['tools']);
  });
}

/** The long form of a message that was given in short. */
function spelledOut(item: unknown): unknown {
  if (typeof item === 'string') return spelledOut({ role: 'user', content: item });
  if (!isRecord(item) || typeof item['role'] !== 'string') return item;
  const { role, content } = item;
  const type = item['type'] ?? 'message';
  if (type !== 'message' || typeof content !== 'string') return { ...item, type };
  return {
    ...item,
    type,
    content: [{ type: role === 'assistant' ? 'output_text' : 'input_text', text: content }],
  };
}

/** `type` may be left out of a reference; what has neither type nor role but an id is one. */
export function isReference(item: Item): boolean {
  const type = item['type'] ?? undefined;
  if (type !== undefined) return type === 'item_reference';
  return item['role'] === undefined && typeof item['id'] === 'string';
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  return isRecord(value) ? canonicalObject(value, NOTHING) : JSON.stringify(value);
}

function canonicalObject(object: Item, without: ReadonlySet<string>): string {
  let members = '';
  for (const name of Object.keys(object).sort()) {
    if (without.has(name) || passesAnywhere(name)) continue;
    const kept = KEPT_EXACTLY.has(name);
    const text = kept ? exactly(object[name]) : canonical(object[name]);
    if (text === 'null' || (!kept && text.length === 2 && EMPTY.has(text))) continue;
    members += `${members === '' ? '' : ','}${JSON.stringify(name)}:${text}`;
  }
  return `{${members}}`;
}

/** Looked up after the fact, so that what has become empty by leaving out counts as empty too. */
const EMPTY: ReadonlySet<string> = new Set(['""', '[]', '{}']);

/** Only the order of members is levelled. */
function exactly(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(exactly).join(',')}]`;
  if (!isRecord(value)) return JSON.stringify(value);
  const names = Object.keys(value).sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${exactly(value[name])}`).join(',')}}`;
}

/**
 * One call instead of an HMAC, which costs several times as much for the few hundred bytes of most items. The key has
 * a fixed length and stays in front; a hash is never shown to anybody who could go on from it.
 */
function keyedHash(key: ChainKey, text: string): Buffer {
  return hash('sha256', key + text, 'buffer').subarray(0, HASH_BYTES);
}

function pairingOf(item: Item): { readonly call?: unknown; readonly answer?: unknown } {
  const type = item['type'];
  if (type === 'mcp_approval_request') return { call: item['id'] };
  if (type === 'mcp_approval_response') return { answer: item['approval_request_id'] };
  if (typeof type !== 'string') return {};
  if (type.endsWith('_call')) return { call: item['call_id'] };
  if (type === 'local_shell_call_output') return { answer: item['call_id'] ?? item['id'] };
  return type.endsWith('_output') ? { answer: item['call_id'] } : {};
}

function partsOf(value: unknown): readonly Item[] {
  return (Array.isArray(value) ? value : [value]).filter(isRecord);
}
