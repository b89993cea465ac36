/**
 * The answer of a background response, learnt when its client reads it: from then on its conversation can go to
 * another account like any other.
 */
import type { ResponseId } from '../../domain/ids.ts';
import { makeFrame, parseObject } from '../../protocol/frame.ts';
import type { TranscriptNode } from '../../store/transcripts/node.ts';
import { ResponseCollector } from '../attempt/response-collector.ts';
import { Item } from './item.ts';
import type { Scope } from './source.ts';

const ENDED: ReadonlySet<unknown> = new Set(['completed', 'incomplete']);

/** `undefined`: it has not ended, or its turn is known with its answer, or not known at all. */
export function backgroundAnswer(id: ResponseId, body: Buffer, scope: Scope): TranscriptNode | undefined {
  const { transcripts, chainKey } = scope.source;
  const open = transcripts.open(scope.tenant, id);
  const response = open && parseObject(body);
  if (open === undefined || response === undefined || !ENDED.has(response['status'])) return undefined;
  const start = chainBefore(open, scope);
  const ended = new ResponseCollector().end(makeFrame({ type: `response.${response['status']}`, response }));
  if (start === undefined || ended === undefined) return undefined;
  const items = [...open.input.map((bytes) => new Item(bytes, undefined)), ...ended.items];
  return {
    ...headOf(open),
    output: ended.items.map((item) => item.bytes),
    response: ended.response,
    chain: items.reduce((hash, item) => item.hashAfter(hash, chainKey), start),
    itemIds: ended.items.flatMap((item) => item.facts.names),
  };
}

function headOf({ tenant, responseId, parent, account, session, input }: TranscriptNode) {
  return { tenant, responseId, parent, account, session, input };
}

function chainBefore({ parent }: TranscriptNode, { tenant, source }: Scope): Buffer | undefined {
  if (parent === undefined) return source.chainStarts.of(tenant);
  return source.transcripts.get(tenant, parent)?.chain;
}
