/** What a request says about its turn before anything is tried: what binds it, what must not happen twice. */
import type { AccountId } from '../../domain/ids.ts';
import type { BoundTo } from '../../domain/request.ts';
import { hasSideEffectTools } from '../../protocol/items.ts';
import type { Binding, TurnFacts } from '../../turn/states.ts';
import { accountNames } from '../history/account-names.ts';
import type { History } from '../history/history.ts';
import type { TurnRequest } from '../turn-request.ts';
import type { Hold } from './client-stream.ts';

export function holdFor({ door, envelope }: TurnRequest): Hold {
  if (door === 'json') return 'until_end';
  return envelope.background === 'yes' ? 'none' : 'until_output';
}

/** Where a conversation has been so far is where its files are if nothing else is known of them. */
export function bindingOf(
  request: TurnRequest,
  history: History,
  known: { readonly bound: BoundTo | undefined; readonly pinned: AccountId | undefined },
): Binding {
  const { anchor, whole } = history.past;
  if (anchor?.owner !== undefined && whole === 'missing') return { kind: 'owner', account: anchor.owner };
  if (known.bound !== undefined) return known.bound;
  const likely = known.pinned ?? history.servedBy;
  const names = likely !== undefined && accountNames(request, history).length > 0;
  return names ? { kind: 'files', account: likely } : { kind: 'free' };
}

/** Without one of these words in it no tool can act; only few requests have to be parsed for it. */
const SUSPECT = ['mcp', 'computer_use', '\\u'].map((word) => Buffer.from(word));

export function sideEffectsOf({ envelope }: TurnRequest): TurnFacts['sideEffects'] {
  const span = envelope.members.get('tools');
  if (span === undefined) return 'none';
  const tools = envelope.bytes.subarray(span.start, span.end);
  if (!SUSPECT.some((word) => tools.includes(word))) return 'none';
  return hasSideEffectTools(JSON.parse(tools.toString('utf8'))) ? 'possible' : 'none';
}
