/**
 * What a turn names that lives on one account: files, conversation objects, vector stores. Once a turn that names them
 * was served, they are bound to its account under these names.
 */
import { filesOfTools } from '../../protocol/item-bindings.ts';
import type { TurnRequest } from '../turn-request.ts';
import type { Item } from './item.ts';

export function accountNames(
  { envelope }: TurnRequest,
  { fresh }: { readonly fresh: readonly Item[] },
): readonly string[] {
  const { conversation, bytes, members } = envelope;
  const tools = members.get('tools');
  const names = new Set(conversation === undefined ? [] : [`conversation:${conversation}`]);
  for (const { facts } of fresh) for (const file of facts.files) names.add(`file:${file}`);
  const shared = tools === undefined ? [] : filesOfTools(bytes.subarray(tools.start, tools.end));
  for (const file of shared) names.add(`file:${file}`);
  return [...names];
}
