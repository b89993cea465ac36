/**
 * Which uploaded items the schema refuses without an `id`. It looks at the request alone: whose id it is, is asked in
 * screening.ts.
 */
import type { AccountState } from './account-state.ts';
import type { Refusal } from './dialect-openai.ts';
import { missingItemId } from './errors.ts';
import { isObject } from './wire.ts';

/**
 * Types whose input schema has no form without an id. Messages are not among them: what is no output message is
 * taken as an easy one, which has none.
 */
const NAMED_TYPES: ReadonlySet<unknown> = new Set([
  'code_interpreter_call',
  'computer_call',
  'file_search_call',
  'image_generation_call',
  'item_reference',
  'local_shell_call',
  'local_shell_call_output',
  'mcp_approval_request',
  'mcp_call',
  'mcp_list_tools',
  'program',
  'program_output',
  'reasoning',
  'web_search_call',
]);

/** The first item of `input` that lacks the id its type demands. */
export function screenItemIds(input: unknown, account: AccountState): Refusal | undefined {
  if (!account.demandsItemIds || !Array.isArray(input)) return undefined;
  const index = input.findIndex(
    (item) => isObject(item) && NAMED_TYPES.has(item['type']) && typeof item['id'] !== 'string',
  );
  return index < 0 ? undefined : { rule: 'missing_item_id', answer: missingItemId(index) };
}
