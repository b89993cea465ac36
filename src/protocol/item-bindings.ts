/**
 * What of an item belongs to the account that issued it or holds its files, and the item as another account may see
 * it. Ids and sealed parts mean something to their issuer only; a file is read only where it was uploaded.
 */
import { hash } from 'node:crypto';
import { isRecord } from './frame.ts';
import { isCompaction, isReference } from './items.ts';
import { type Members, scanObject } from './json-scan.ts';
import { rewriteObject } from './json-splice.ts';

type Item = Readonly<Record<string, unknown>>;

const SEAL = 'encrypted_content';
const SEAL_MARK = Buffer.from(`"${SEAL}"`);
const FILE_URL = /^(?:sediment|file-service):\/\//;
/** Names are remembered; what is longer than any real one is none. */
const MAX_NAME = 512;
/** Deeper than any real item; what a client nests further is not looked into. */
const MAX_DEPTH = 32;

export interface ItemBindings {
  /**
   * By what the item is known again when a client sends it back: its id, and a hash of each sealed part for clients that
   * drop ids. The ids of messages that people and developers write are made by their clients and name no issuer.
   */
  readonly names: readonly string[];
  /** Whether a part below the top level is sealed; such a part can be left out without its item. */
  readonly sealedWithin: boolean;
  /** The files that the item names, by id or by the backend's own address. */
  readonly files: readonly string[];
}

/** Walks the members of the parsed item: to search its bytes instead takes longer the longer its texts are. */
export function bindingsOf(item: Item): ItemBindings {
  const { id, role, content, output, [SEAL]: seal } = item;
  const issued = isName(id) && (role === undefined || role === 'assistant');
  const seals: string[] = [];
  collectSeals(item, 0, seals);
  const names = [...(issued ? [id] : []), ...seals.map(sealName)];
  const files: string[] = [];
  collectFiles(item, files);
  for (const parts of [content, output]) {
    if (Array.isArray(parts)) for (const part of parts) collectFiles(part, files);
    else collectFiles(parts, files);
  }
  return { names, sealedWithin: seals.length > (typeof seal === 'string' ? 1 : 0), files };
}

function isName(id: unknown): id is string {
  return typeof id === 'string' && id !== '' && id.length <= MAX_NAME;
}

function sealName(seal: string): string {
  return `sealed:${hash('sha256', seal, 'base64url')}`;
}

function collectSeals(value: unknown, depth: number, into: string[]): void {
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return;
  if (Array.isArray(value)) {
    for (const part of value) collectSeals(part, depth + 1, into);
    return;
  }
  const members = value as Item;
  for (const name in members) {
    const member = members[name];
    if (name === SEAL && typeof member === 'string') into.push(member);
    else collectSeals(member, depth + 1, into);
  }
}

function collectFiles(part: unknown, into: string[]): void {
  if (!isRecord(part)) return;
  for (const name in part) {
    const member = part[name];
    if (isName(member) && (name === 'file_id' || FILE_URL.test(member))) into.push(member);
  }
}

const TOOL_MARKS = ['"file_ids"', '"vector_store_ids"'].map((mark) => Buffer.from(mark));

/** The files and vector stores that the tools of a request work on. */
export function filesOfTools(tools: Buffer): readonly string[] {
  if (!TOOL_MARKS.some((mark) => tools.includes(mark))) return [];
  return partsOf(JSON.parse(tools.toString('utf8'))).flatMap((tool) => {
    const container = isRecord(tool['container']) ? tool['container'] : {};
    return [container['file_ids'], tool['file_ids'], tool['vector_store_ids']].flat().filter(isName);
  });
}

function partsOf(value: unknown): readonly Item[] {
  return (Array.isArray(value) ? value : [value]).filter(isRecord);
}

/** Types that the public schema refuses without an id, and how their ids begin. */
const ID_PREFIXES: ReadonlyMap<unknown, string> = new Map([
  ['reasoning', 'rs'],
  ['web_search_call', 'ws'],
  ['file_search_call', 'fs'],
  ['computer_call', 'cu'],
  ['code_interpreter_call', 'ci'],
  ['image_generation_call', 'ig'],
  ['local_shell_call', 'lsh'],
  ['mcp_call', 'mcp'],
  ['mcp_list_tools', 'mcpl'],
  ['mcp_approval_request', 'mcpr'],
]);

/** Refers to a call by the call's own id, which travels with the client and is no item's name. */
const KEEPS_ID: ReadonlySet<unknown> = new Set(['local_shell_call_output']);

/** An id of ours in the place of another account's: the same for the same id, so that what refers to it still does. */
export function ownItemId(foreign: string, type: unknown): string {
  const prefix = /^([a-z]{1,8})_/.exec(foreign)?.[1] ?? ID_PREFIXES.get(type) ?? 'item';
  return `${prefix}_${hash('sha256', foreign, 'hex').slice(0, 48)}`;
}

/**
 * An item as an account that did not produce it may see it, cut out of its own bytes; `undefined` leaves it out.
 * Reasoning is of use only in plain words and to an account that stores; references have to be resolved by the
 * caller. A compaction keeps its content: leaving it out would lose the history it stands for.
 */
export function forOtherAccount(item: Buffer, target: 'stores' | 'stateless'): Buffer | undefined {
  const scan = scanObject(item);
  if (!scan.ok) return item;
  const { members } = scan;
  const type = memberOf(item, members, 'type');
  const id = memberOf(item, members, 'id');
  if (isReference({ type, role: members.get('role'), id })) return undefined;
  if (isCompaction({ type })) return rewriteObject(item, members, { drop: ['id'] });
  const readable = ['content', 'summary'].some((name) => hasText(memberOf(item, members, name)));
  if (type === 'reasoning' && (target === 'stateless' || !readable)) return undefined;
  const opened = withoutSeals(item, members);
  if (opened === undefined) return undefined;
  return renamed(opened, { id, type });
}

function renamed(item: Buffer, { id, type }: { id: unknown; type: unknown }): Buffer {
  const scan = scanObject(item);
  if (!scan.ok || KEEPS_ID.has(type)) return item;
  const demanded = ID_PREFIXES.has(type);
  if (!demanded) return rewriteObject(item, scan.members, { drop: ['id'] });
  const given = typeof id === 'string' ? id : hash('sha256', item, 'hex');
  return rewriteObject(item, scan.members, { set: { id: json(ownItemId(given, type)) } });
}

/** The item without what is sealed in it; `undefined` when nothing of it is left to read. */
export function leaveOutSeals(item: Buffer): Buffer | undefined {
  const scan = scanObject(item);
  return scan.ok ? withoutSeals(item, scan.members) : item;
}

function withoutSeals(item: Buffer, members: Members): Buffer | undefined {
  if (!item.includes(SEAL_MARK)) return item;
  const type = memberOf(item, members, 'type');
  const set: Record<string, Buffer> = {};
  for (const [name, span] of members) {
    if (name === SEAL || !item.subarray(span.start, span.end).includes(SEAL_MARK)) continue;
    const open = opened(memberOf(item, members, name), 0);
    const empty = Array.isArray(open) && open.length === 0;
    if (empty && name === 'content') return undefined;
    // An answer to a tool call has to stay with its call.
    set[name] = json(empty && String(type).endsWith('_output') ? UNREADABLE : open);
  }
  return rewriteObject(item, members, { drop: [SEAL], set });
}

const UNREADABLE = 'This output can be read by another account only.';

function opened(value: unknown, depth: number): unknown {
  if (depth > MAX_DEPTH) return value;
  if (Array.isArray(value)) {
    return value.filter((part) => !isSealed(part)).map((part) => opened(part, depth + 1));
  }
  if (!isRecord(value)) return value;
  const kept = Object.entries(value).filter(([name]) => name !== SEAL);
  return Object.fromEntries(kept.map(([name, member]) => [name, opened(member, depth + 1)]));
}

function isSealed(part: unknown): boolean {
  return isRecord(part) && typeof part[SEAL] === 'string';
}

function memberOf(item: Buffer, members: Members, name: string): unknown {
  const span = members.get(name);
  return span === undefined ? undefined : JSON.parse(item.toString('utf8', span.start, span.end));
}

function hasText(parts: unknown): boolean {
  return partsOf(parts).some((part) => typeof part['text'] === 'string' && part['text'] !== '');
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}
