/**
 * What has to hold for any bytes at all, parser by parser. Whatever does not throws, and `JSON.parse` is the witness:
 * nothing may go up that another reader would read differently, or not at all.
 */
import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import type { Tenant } from '../../src/domain/ids.ts';
import { decodeBody } from '../../src/protocol/decode-body.ts';
import { frameOf, isRecord } from '../../src/protocol/frame.ts';
import { bindingsOf, forOtherAccount } from '../../src/protocol/item-bindings.ts';
import {
  type ChainKey,
  canonicalItem,
  chainHash,
  chainStart,
  hasSideEffectTools,
  itemKind,
  pairingGaps,
} from '../../src/protocol/items.ts';
import { rewriteObject } from '../../src/protocol/json-splice.ts';
import { type Envelope, readEnvelope } from '../../src/protocol/request.ts';
import { encodeSse, SseScanner } from '../../src/protocol/sse.ts';
import type { Dice } from './mutate.ts';

export type Check = (bytes: Buffer, roll: Dice) => void | Promise<void>;

const KEY = '00'.repeat(32) as ChainKey;
const START = chainStart(KEY, 'local' as Tenant);

function request(bytes: Buffer): void {
  const read = readEnvelope(bytes);
  if (read.ok) {
    accepted(read.envelope);
    return;
  }
  const { status, error } = read.refused;
  assert.equal(status, 400);
  assert.equal(typeof error.message, 'string');
  assert.ok(error.message.length < 500, 'a refusal repeats what was sent');
}

function accepted({ bytes, model, members, input }: Envelope): void {
  assert.ok(isUtf8(bytes), 'bytes that are no UTF-8 were accepted');
  const parsed = JSON.parse(bytes.toString('utf8')) as Record<string, unknown>;
  assert.deepEqual([...members.keys()].sort(), Object.keys(parsed).sort());
  assert.equal(parsed['model'], model);
  const edited = rewriteObject(bytes, members, {
    drop: ['stream', 'input', 'type'],
    set: { model: Buffer.from('"other"'), added: Buffer.from('1') },
  });
  const { stream: _stream, input: given, type: _type, ...rest } = parsed;
  assert.deepEqual(JSON.parse(edited.toString('utf8')), { ...rest, model: 'other', added: 1 });
  if (Array.isArray(given)) assert.equal(input.length, given.length);
  items(input, parsed['tools']);
}

function items(input: readonly Buffer[], tools: unknown): void {
  const parsed = input.map((item) => JSON.parse(item.toString('utf8')) as unknown);
  let hash = START;
  for (const item of parsed) {
    hash = chainHash(hash, canonicalItem(item), KEY);
    itemKind(item);
    if (isRecord(item)) bindingsOf(item);
  }
  pairingGaps(parsed);
  hasSideEffectTools(tools);
  for (const item of input) {
    for (const target of ['stateless', 'stores'] as const) {
      const derived = forOtherAccount(item, target);
      if (derived !== undefined) JSON.parse(derived.toString('utf8'));
    }
  }
}

function frame(bytes: Buffer): void {
  const read = frameOf(bytes);
  if (read !== undefined) assert.equal(typeof read.type, 'string');
}

/** However a stream is cut into chunks, its events are the same. */
function stream(bytes: Buffer, roll: Dice): void {
  const whole = Buffer.concat([
    encodeSse('first', Buffer.from('{"type":"first"}')),
    bytes,
    Buffer.from('\n\n'),
  ]);
  const copy = (scanner: SseScanner, chunk: Buffer): string[] =>
    scanner.push(chunk).map(({ type, data }) => `${type} ${data.toString('latin1')}`);
  const expected = copy(new SseScanner(), whole);
  const scanner = new SseScanner();
  const cut = roll.below(whole.length);
  const later = cut + roll.below(whole.length - cut);
  const found = [whole.subarray(0, cut), whole.subarray(cut, later), whole.subarray(later)].flatMap((chunk) =>
    copy(scanner, Buffer.from(chunk)),
  );
  assert.deepEqual(found, expected);
}

const CODINGS = ['gzip', 'deflate', 'br', 'zstd', 'gzip, br', 'identity', 'x-unknown', ''];

async function coding(bytes: Buffer, roll: Dice): Promise<void> {
  const decoded = await decodeBody(bytes, roll.pick(CODINGS), 10_000);
  if (decoded.ok) assert.ok(decoded.bytes.length <= 10_000);
  else assert.ok([400, 413, 415].includes(decoded.status));
}

/** How many of a thousand go to each; decoding is slow, and its work is done by libraries. */
const SHARES: readonly (readonly [Check, number])[] = [
  [request, 700],
  [frame, 150],
  [stream, 140],
  [coding, 10],
];

export function pickCheck(roll: Dice): Check {
  let left = roll.below(1000);
  for (const [check, share] of SHARES) {
    if (left < share) return check;
    left -= share;
  }
  return request;
}
