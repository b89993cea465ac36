/**
 * One turn of a remembered conversation, and its byte form before compression and sealing. Knows no
 * database and does not look into the items.
 */
import type { AccountId, ResponseId, SessionId, Tenant } from '../ids.ts';
import { StoreError } from './store-error.ts';

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
  /** Chained keyed hash after the last output item, computed by the caller. */
  readonly chain: Buffer;
  /** Ids of the output items. */
  readonly itemIds: readonly string[];
}

type BodyParts = Pick<TranscriptNode, 'input' | 'output' | 'response' | 'itemIds'>;

/** Bytes a node occupies in memory, near enough for a bound: contents plus what V8 keeps per Buffer. */
export function nodeBytes(node: TranscriptNode): number {
  const perBuffer = 160;
  const buffers = node.input.length + node.output.length + 2;
  return contentBytes(node) + buffers * perBuffer + 500;
}

/**
 * The same in memory of its own. A small Buffer is cut out of a pool, and whoever remembers it keeps all of that
 * alive: many times what `nodeBytes` counts.
 */
export function inOnePiece(node: TranscriptNode): TranscriptNode {
  const memory = Buffer.allocUnsafeSlow(contentBytes(node));
  let end = 0;
  const moved = (bytes: Buffer): Buffer => {
    const start = end;
    end += bytes.copy(memory, start);
    return memory.subarray(start, end);
  };
  return {
    ...node,
    input: node.input.map(moved),
    output: node.output.map(moved),
    response: moved(node.response),
    chain: moved(node.chain),
  };
}

function contentBytes({ input, output, response, chain }: TranscriptNode): number {
  return [...input, ...output, response, chain].reduce((sum, { length }) => sum + length, 0);
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
