/**
 * What a turn names that lives on one account: files, conversation objects, vector stores. Once a turn that names them
 * was served, they are bound to its account under these names.
 */
import { filesOfTools } from '../protocol/item-bindings.ts';
import type { History } from './history.ts';
import type { TurnRequest } from './stream.ts';

export function accountNames(
  { envelope }: TurnRequest,
  { fresh }: Pick<History, 'fresh'>,
): readonly string[] {
  const { conversation, bytes, members } = envelope;
  const tools = members.get('tools');
  const files = [
    ...fresh.flatMap((item) => item.facts.files),
    ...(tools === undefined ? [] : filesOfTools(bytes.subarray(tools.start, tools.end))),
  ];
  const named = [...new Set(files)].map((file) => `file:${file}`);
  return conversation === undefined ? named : [`conversation:${conversation}`, ...named];
}
