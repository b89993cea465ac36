/**
 * One turn of a remembered conversation, and its byte form before compression and sealing. Knows no
 * database and does not look into the items.
 */
import type { AccountId, ResponseId, SessionId, Tenant } from '../../domain/ids.ts';
import { StoreError } from '../store-error.ts';

export interface TranscriptNode {
  readonly tenant: Tenant;
  readonly responseId: ResponseId;
  readonly parent: ResponseId | undefined;
  /** Undefined: answered by this server itself. */
  readonly account: AccountId | undefined;
  readonly session: SessionId;
  /** Raw JSON of one item each: what this turn added to its parent's history. */
  readonly input: readonly Buffer[];
  /** Raw JSON of one item each: what the model answered. */
  readonly output: readonly Buffer[];
  /** The terminal response object without its output, raw JSON. */
  readonly response: Buffer;
  /** Chained keyed hash after the last output item, computed by the caller; empty while there is no answer yet. */
  readonly chain: Buffer;
  /** Ids of the output items. */
  readonly itemIds: readonly string[];
}

type BodyParts = Pick<TranscriptNode, 'input' | 'output' | 'response' | 'itemIds'>;

/** What V8 and the look-ups keep for a remembered turn beside its body: ids, keys, entries of maps. */
const AROUND_BODY_BYTES = 1000;

/** What names a turn, without what was said in it. */
type NodeHead = Omit<TranscriptNode, keyof BodyParts>;

/**
 * A turn as memory keeps it and the database writes it: in one piece, out of which items are cut when somebody asks.
 * Thousands of turns are remembered, few are looked into, and every object that lives is walked by each collection.
 */
export class PackedNode implements TranscriptNode {
  readonly tenant: Tenant;
  readonly responseId: ResponseId;
  readonly parent: ResponseId | undefined;
  readonly account: AccountId | undefined;
  readonly session: SessionId;
  readonly body: Buffer;
  /** Looked through for the indexes whenever the turn comes or goes: unpacking the body for it would cost more. */
  readonly itemIds: readonly string[];
  readonly #chain: string;

  /** Keeps `body`, which has to be memory of its own: a small Buffer is cut out of a pool, and would keep all of that. */
  constructor(head: NodeHead & Pick<TranscriptNode, 'itemIds'>, body: Buffer) {
    this.tenant = head.tenant;
    this.responseId = head.responseId;
    this.parent = head.parent;
    this.account = head.account;
    this.session = head.session;
    this.body = body;
    this.itemIds = head.itemIds;
    this.#chain = head.chain.toString('latin1');
  }

  /** A background turn whose answer has not been seen yet: nothing can be continued from it. */
  get isOpen(): boolean {
    return this.#chain === '';
  }

  get chain(): Buffer {
    return Buffer.from(this.#chain, 'latin1');
  }

  get input(): readonly Buffer[] {
    return unpackBody(this.body).input;
  }

  get output(): readonly Buffer[] {
    return unpackBody(this.body).output;
  }

  get response(): Buffer {
    return unpackBody(this.body).response;
  }

  get inputCount(): number {
    return this.body.readUInt32LE(0);
  }

  get outputCount(): number {
    return this.body.readUInt32LE(4);
  }

  /** Bytes it occupies in memory, near enough for a bound. */
  get bytes(): number {
    return this.body.length + AROUND_BODY_BYTES;
  }
}

/** What names a turn in memory. */
export function keyOf(tenant: Tenant, id: string): string {
  return `${tenant}\0${id}`;
}

export function packed(node: TranscriptNode): PackedNode {
  return new PackedNode(node, packBody(node));
}

/** Layout: counts of input and output, then response, item ids (JSON), inputs and outputs, each after its length. */
export function packBody(node: BodyParts): Buffer {
  const parts = [node.response, Buffer.from(JSON.stringify(node.itemIds)), ...node.input, ...node.output];
  const total = parts.reduce((sum, part) => sum + 4 + part.length, 8);
  // Not from the pool: a message to the writing thread copies the whole memory behind a Buffer.
  const body = Buffer.allocUnsafeSlow(total);
  body.writeUInt32LE(node.input.length, 0);
  body.writeUInt32LE(node.output.length, 4);
  let at = 8;
  for (const part of parts) {
    body.writeUInt32LE(part.length, at);
    part.copy(body, at + 4);
    at += 4 + part.length;
  }
  return body;
}

/** The reverse; items are views into `body`. Throws `StoreError` when the lengths do not add up. */
export function unpackBody(body: Buffer): BodyParts {
  if (body.length < 8) throw new StoreError('A stored turn is cut off.');
  const inputs = body.readUInt32LE(0);
  const parts: Buffer[] = [];
  for (let at = 8; at < body.length; ) {
    const end = at + 4 + (at + 4 <= body.length ? body.readUInt32LE(at) : body.length);
    if (end > body.length) throw new StoreError('A stored turn is cut off.');
    parts.push(body.subarray(at + 4, end));
    at = end;
  }
  const [response, itemIds, ...items] = parts;
  if (!response || !itemIds || items.length !== inputs + body.readUInt32LE(4)) {
    throw new StoreError('A stored turn is incomplete.');
  }
  return {
    response,
    itemIds: JSON.parse(itemIds.toString()) as string[],
    input: items.slice(0, inputs),
    output: items.slice(inputs),
  };
}

export function chainKeyOf(tenant: Tenant, chain: Buffer): string {
  return `${tenant}\0${chain.toString('latin1')}`;
}
