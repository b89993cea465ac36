import { expect, test } from 'vitest';
import { type AccountId, LOCAL, type ResponseId, type SessionId } from '../../domain/ids.ts';
import type { ChainKey } from '../../protocol/items.ts';
import { readEnvelope } from '../../protocol/request.ts';
import type { TranscriptNode } from '../../store/transcripts/node.ts';
import { itemsFor } from '../attempt/derive-items.ts';
import type { TurnRequest } from '../turn-request.ts';
import { resolveHistory } from './history.ts';
import { ChainStarts, type HistorySource, RefusedAnchors } from './source.ts';

const A = 'a' as AccountId;
const id = (text: string): ResponseId => text as ResponseId;
const message = (text: string): Buffer => Buffer.from(JSON.stringify({ role: 'user', content: text }));
const READER = { account: A, keeps: 'stateless', seals: 'as_is' } as const;

const node = (name: string, parent?: string): TranscriptNode => ({
  tenant: LOCAL,
  responseId: id(name),
  parent: parent === undefined ? undefined : id(parent),
  account: A,
  session: 's' as SessionId,
  input: [message(`asked ${name}`)],
  output: [message(`said ${name}`)],
  response: Buffer.from('{}'),
  chain: Buffer.alloc(16),
  itemIds: [],
});

/** A source that knows these turns by heart, and counts how often they are all read. */
function sourceOf(nodes: readonly TranscriptNode[], walk: 'whole' | 'gone') {
  const read = { times: 0 };
  const transcripts = {
    tip: () => nodes.at(-1),
    walk: () => {
      read.times += 1;
      return walk === 'whole' ? nodes : undefined;
    },
    findItem: () => undefined,
    itemOwner: () => undefined,
    findByChain: () => undefined,
  };
  const requests = { ownerOf: () => ({ account: A, session: 's', stored: false }) };
  const chainKey = '07'.repeat(32) as ChainKey;
  return {
    read,
    source: {
      transcripts,
      requests,
      bindings: { accountOf: () => undefined },
      chainKey,
      chainStarts: new ChainStarts(chainKey),
      refusedAnchors: new RefusedAnchors(),
    } as unknown as HistorySource,
  };
}

function historyAfter(anchor: string, source: HistorySource) {
  const body = { model: 'gpt-5.5', input: [{ role: 'user', content: 'new' }], previous_response_id: anchor };
  const read = readEnvelope(Buffer.from(JSON.stringify(body)));
  if (!read.ok) throw new Error(read.refused.error.message);
  const resolved = resolveHistory({ envelope: read.envelope, tenant: LOCAL } as TurnRequest, source);
  if (!resolved.ok) throw new Error(resolved.refused.error.message);
  return resolved.history;
}

const NODES = [node('r1'), node('r2', 'r1')];

test('a turn that its anchor carries reads nothing of what lies behind it', () => {
  const { read, source } = sourceOf(NODES, 'whole');
  const history = historyAfter('r2', source);
  expect(itemsFor(history, id('r2'), READER, { tenant: LOCAL, source })).toBe('as_sent');
  expect(history.growth.parent).toBe('r2');
  expect(read.times).toBe(0);
});

test('a snapshot holds every item from the first one on, read once', () => {
  const { read, source } = sourceOf(NODES, 'whole');
  const history = historyAfter('r2', source);
  const whole = itemsFor(history, undefined, READER, { tenant: LOCAL, source });
  const texts = Array.isArray(whole) ? whole.map((item) => JSON.parse(String(item)).content) : whole;
  expect(texts).toEqual(['asked r1', 'said r1', 'asked r2', 'said r2', 'new']);
  const later = itemsFor(history, id('r1'), READER, { tenant: LOCAL, source });
  expect(later).toHaveLength(3);
  expect(history.past.ancestors()).toEqual(['r2', 'r1']);
  expect(read.times).toBe(1);
});

test('a beginning that has gone meanwhile makes the history missing, never shorter', () => {
  const { source } = sourceOf(NODES, 'gone');
  const history = historyAfter('r2', source);
  expect(itemsFor(history, undefined, READER, { tenant: LOCAL, source })).toBe('missing');
  expect(history.past.ancestors()).toEqual([]);
});
