/**
 * What one attempt's stream amounts to: the items, the response object, the tokens. Deltas are never looked into;
 * only the borders of items and the terminal event are read.
 */
import type { AccountId, ResponseId } from '../../domain/ids.ts';
import { type Frame, parseObject } from '../../protocol/frame.ts';
import { type Members, scanObject } from '../../protocol/json-scan.ts';
import { joinArray, rewriteObject } from '../../protocol/json-splice.ts';
import { cutUsage, type Usage } from '../../protocol/usage.ts';
import { Item } from '../history/item.ts';

export interface CompletedResponse {
  /** The terminal event, its `output` filled in where upstream left it empty. */
  readonly frame: Frame;
  readonly responseId: ResponseId;
  readonly status: 'completed' | 'incomplete';
  /** Raw JSON of the response object without its output. */
  readonly response: Buffer;
  readonly items: readonly Item[];
  readonly usage: Usage | undefined;
}

interface DoneItem {
  readonly index: number;
  readonly bytes: Buffer;
}

/** More than any answer has; a stream that names more is not remembered item by item. */
const MAX_BEGUN = 1000;

export class ResponseCollector {
  readonly #done: DoneItem[] = [];
  readonly #begun = new Set<string>();

  get begunIds(): readonly string[] {
    return [...this.#begun];
  }

  /** `response.output_item.added`: its id is known to the client from here on, whatever becomes of the answer. */
  itemBegun(frame: Frame): void {
    const item = member(frame.data, 'item');
    if (item !== undefined) this.#name(item);
  }

  /** `response.output_item.done`: the item is copied out, or a small item would hold a whole socket chunk in memory. */
  itemDone(frame: Frame): void {
    const scan = scanObject(frame.data);
    const item = scan.ok ? scan.members.get('item') : undefined;
    if (!scan.ok || item === undefined) return;
    const at = scan.members.get('output_index');
    const index = at === undefined ? Number.NaN : Number(frame.data.toString('latin1', at.start, at.end));
    const bytes = Buffer.from(frame.data.subarray(item.start, item.end));
    this.#done.push({ index: Number.isInteger(index) ? index : this.#done.length, bytes });
    this.#name(bytes);
  }

  /** `undefined`: a terminal event without a response that has an id. */
  end(frame: Frame): CompletedResponse | undefined {
    const outer = scanObject(frame.data);
    const span = outer.ok ? outer.members.get('response') : undefined;
    if (!outer.ok || span === undefined) return undefined;
    const response = frame.data.subarray(span.start, span.end);
    const inner = scanObject(response);
    if (!inner.ok) return undefined;
    const id = stringMember(response, inner.members, 'id');
    if (id === undefined) return undefined;
    const listed = outputOf(response, inner.members);
    // The terminal event lists an item that was cut, too; the ChatGPT backend lists nothing there.
    const items =
      listed.length >= this.#done.length ? listed.map((item) => Buffer.from(item)) : this.#inOrder();
    const whole =
      listed.length > 0 || items.length === 0
        ? frame
        : complete(frame, outer.members, { response, inner: inner.members, items });
    return {
      frame: whole,
      responseId: id as ResponseId,
      status: frame.type === 'response.incomplete' ? 'incomplete' : 'completed',
      response: withoutOutput(response, inner.members),
      items: items.map((bytes) => new Item(bytes, undefined)),
      usage: cutUsage(frame.data),
    };
  }

  /** Items may end in another order than they stand in. */
  #inOrder(): readonly Buffer[] {
    return this.#done.toSorted((a, b) => a.index - b.index).map(({ bytes }) => bytes);
  }

  #name(item: Buffer): void {
    const id = ITEM_ID.exec(item.toString('latin1', 0, ITEM_HEAD_BYTES))?.[1] ?? parseObject(item)?.['id'];
    if (typeof id === 'string' && this.#begun.size < MAX_BEGUN) this.#begun.add(id);
  }
}

/** As upstreams write it, the id stands first, or after the type. */
const ITEM_ID = /^\{(?:"type":"[\w.]{1,80}",)?"id":"([\w-]{1,200})"/;
const ITEM_HEAD_BYTES = 300;
const OPEN_BRACE = 0x7b;

/** Items of a unary answer (`/responses/compact`), as `account` issued them. */
export function itemsOfBody(body: Buffer, account: AccountId): readonly Item[] {
  const scan = scanObject(body);
  return scan.ok ? outputOf(body, scan.members).map((item) => new Item(Buffer.from(item), account)) : [];
}

/** A copy, or a small object would hold a whole socket chunk in memory. */
function withoutOutput(response: Buffer, members: Members): Buffer {
  const rest = rewriteObject(response, members, { drop: ['output'] });
  return rest === response ? Buffer.from(response) : rest;
}

interface Parts {
  readonly response: Buffer;
  readonly inner: Members;
  readonly items: readonly Buffer[];
}

/** The ChatGPT backend may end with `output: []`; clients that collect the answer would find nothing. */
function complete(frame: Frame, outer: Members, { response, inner, items }: Parts): Frame {
  const filled = rewriteObject(response, inner, { set: { output: joinArray(items) } });
  return { type: frame.type, data: rewriteObject(frame.data, outer, { set: { response: filled } }) };
}

function outputOf(response: Buffer, members: Members): readonly Buffer[] {
  const elements = members.get('output')?.elements ?? [];
  // What is no object cannot go up again.
  return elements
    .map((item) => response.subarray(item.start, item.end))
    .filter((item) => item[0] === OPEN_BRACE);
}

/** The raw JSON of one top-level member. */
export function member(data: Buffer, name: string): Buffer | undefined {
  const scan = scanObject(data);
  const span = scan.ok ? scan.members.get(name) : undefined;
  return span === undefined ? undefined : data.subarray(span.start, span.end);
}

function stringMember(data: Buffer, members: Members, name: string): string | undefined {
  const span = members.get(name);
  const value: unknown =
    span === undefined ? undefined : JSON.parse(data.toString('utf8', span.start, span.end));
  return typeof value === 'string' ? value : undefined;
}

/** As upstreams write it: the id stands in front of an echo of the whole request, which can then be left unread. */
const CREATED =
  /^\{"type":"response\.created",(?:"sequence_number":\d{1,9},)?"response":\{"id":"([\w-]{1,200})"/;
const CREATED_HEAD_BYTES = 300;

/** The id that `response.created` gives the response. */
export function createdId(frame: Frame): ResponseId | undefined {
  const [, usual] = CREATED.exec(frame.data.toString('latin1', 0, CREATED_HEAD_BYTES)) ?? [];
  if (usual !== undefined) return usual as ResponseId;
  const response = member(frame.data, 'response');
  const id = response && member(response, 'id');
  const value: unknown = id && JSON.parse(id.toString('utf8'));
  return typeof value === 'string' ? (value as ResponseId) : undefined;
}
