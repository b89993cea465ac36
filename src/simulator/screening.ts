/**
 * The strict rules about a turn's history: whose ids it names, whether its tool calls are paired, whether
 * its sealed content can be opened. The first broken rule wins. It reads the ledger and changes nothing.
 */
import type { AccountState } from './account-state.ts';
import type { Refusal } from './dialect-openai.ts';
import {
  apiError,
  approvalNotFound,
  duplicateItem,
  encryptedOutputRejected,
  filesNotFound,
  invalidEncryptedContent,
  itemNotFound,
  noToolCall,
  noToolOutput,
  previousResponseNotFound,
} from './errors.ts';
import type { IssuedResponse, Ledger } from './ledger.ts';
import { namedFiles, nestedSeals } from './members.ts';
import { type CreateBody, type Headers, type Item, isMessage, isObject } from './wire.ts';

/** The only response a socket keeps in memory; empty after a failed turn. */
export interface SocketMemory {
  newest: IssuedResponse | undefined;
}

/** Finds what `previous_response_id` names: in the socket's memory, else in the account's storage. */
export function findParent(
  body: CreateBody,
  account: AccountState,
  where: { readonly ledger: Ledger; readonly memory: SocketMemory | undefined },
): { readonly parent: IssuedResponse | undefined } | Refusal {
  const wanted = body.previous_response_id;
  if (wanted === undefined || wanted === null) return { parent: undefined };
  const id = String(wanted);
  if (where.memory?.newest?.id === id) return { parent: where.memory.newest };
  const issued = where.ledger.response(id);
  if (issued?.account === account.name && issued.stored) return { parent: issued };
  const foreign = issued !== undefined && issued.account !== account.name;
  const rule = foreign ? 'foreign_previous_response' : 'unknown_previous_response';
  return { rule, answer: previousResponseNotFound(id) };
}

/** A turn state that another account handed out, in the header or in `client_metadata`. */
export function screenTurnState(turnState: string | undefined, who: Judge): Refusal | undefined {
  const owner = turnState === undefined ? undefined : who.ledger.turnStateOwner(turnState);
  if (owner === undefined || owner === who.account.name) return undefined;
  const message = 'Invalid turn state.';
  return { rule: 'foreign_turn_state', answer: apiError(400, { message, code: 'invalid_turn_state' }) };
}

export function turnStateOf(body: CreateBody, headers: Headers): string | undefined {
  const metadata = isObject(body.client_metadata) ? body.client_metadata : {};
  const stated = metadata['x-codex-turn-state'] ?? headers['x-codex-turn-state'];
  return typeof stated === 'string' ? stated : undefined;
}

interface Judge {
  readonly ledger: Ledger;
  readonly account: AccountState;
}

/** `fresh` are the items of this request, `history` everything visible including them. */
export function screenItems(
  fresh: readonly Item[],
  history: readonly Item[],
  judge: Judge,
): Refusal | undefined {
  for (const item of fresh) {
    const refusal = screenItem(item, judge);
    if (refusal !== undefined) return refusal;
  }
  return screenApprovals(fresh, history) ?? screenDuplicates(history);
}

/** In the order in which upstream finds fault. */
const ITEM_RULES = [foreignItem, unknownReference, foreignSeal, foreignNestedSeal, foreignFile];

function screenItem(item: Item, judge: Judge): Refusal | undefined {
  for (const rule of ITEM_RULES) {
    const refusal = rule(item, judge);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

function foreignItem({ id }: Item, { ledger, account }: Judge): Refusal | undefined {
  const issued = id === undefined ? undefined : ledger.item(id);
  if (id === undefined || issued === undefined || issued.account === account.name) return undefined;
  return { rule: 'foreign_item', answer: itemNotFound(id) };
}

function unknownReference({ id, type }: Item, { ledger }: Judge): Refusal | undefined {
  if (type !== 'item_reference' || ledger.item(String(id))?.stored === true) return undefined;
  return { rule: 'unknown_item', answer: itemNotFound(String(id)) };
}

/** Sealed content of the item itself. Of types that are not known to be sealed only what is surely foreign counts. */
function foreignSeal(item: Item, { ledger, account }: Judge): Refusal | undefined {
  const { id, encrypted_content: content } = item;
  const known = item.type === 'reasoning' || item.type === 'compaction';
  if (typeof content === 'string') {
    const owner = ledger.unseal(content)?.account;
    if (owner === account.name || (owner === undefined && !known)) return undefined;
    return { rule: 'foreign_encrypted_content', answer: invalidEncryptedContent(id) };
  }
  if (!known || id === undefined || ledger.item(id)?.stored === true) return undefined;
  return { rule: 'unstored_reasoning', answer: itemNotFound(id) };
}

function foreignNestedSeal(item: Item, { ledger, account }: Judge): Refusal | undefined {
  const own = nestedSeals(item).every((seal) => ledger.unseal(seal)?.account === account.name);
  return own ? undefined : { rule: 'foreign_nested_seal', answer: encryptedOutputRejected() };
}

/** Files that nobody was seen to upload are taken: the simulator does not know all of them. */
function foreignFile(item: Item, { ledger, account }: Judge): Refusal | undefined {
  const foreign = namedFiles(item).filter((id) => (ledger.fileOwner(id) ?? account.name) !== account.name);
  return foreign.length === 0 ? undefined : { rule: 'foreign_file', answer: filesNotFound(foreign) };
}

/** An approval answers a request that the model can see. */
function screenApprovals(fresh: readonly Item[], history: readonly Item[]): Refusal | undefined {
  const asked = (id: string) =>
    history.some((item) => item.type === 'mcp_approval_request' && item.id === id);
  for (const item of fresh) {
    if (item.type !== 'mcp_approval_response') continue;
    const id = String(item['approval_request_id']);
    if (!asked(id)) return { rule: 'unknown_approval_request', answer: approvalNotFound(id) };
  }
  return undefined;
}

function screenDuplicates(history: readonly Item[]): Refusal | undefined {
  const ids = new Set<string>();
  for (const { id } of history) {
    if (id === undefined) continue;
    if (ids.has(id)) return { rule: 'duplicate_item', answer: duplicateItem(id) };
    ids.add(id);
  }
  return undefined;
}

const PAIRED_CALLS = new Set(['function_call', 'custom_tool_call']);
const PAIRED_OUTPUTS = new Set(['function_call_output', 'custom_tool_call_output']);

/** Every call needs its output before the next user message, every output its call before it. */
export function screenPairing(history: readonly Item[]): Refusal | undefined {
  const called = new Set<string>();
  const open = new Set<string>();
  for (const item of history) {
    const callId = String(item.call_id);
    const type = item.type ?? '';
    if (PAIRED_CALLS.has(type)) {
      called.add(callId);
      open.add(callId);
    } else if (PAIRED_OUTPUTS.has(type)) {
      if (!called.has(callId)) return { rule: 'orphan_tool_output', answer: noToolCall(callId) };
      open.delete(callId);
    } else if (isMessage(item) && item.role === 'user' && open.size > 0) {
      break;
    }
  }
  const [unanswered] = open;
  if (unanswered === undefined) return undefined;
  return { rule: 'unanswered_tool_call', answer: noToolOutput(unanswered) };
}

/** Replaces references by the items they name; `screenItems` has made sure that they exist. */
export function dereference(items: readonly Item[], ledger: Ledger): readonly Item[] {
  if (!items.some((item) => item.type === 'item_reference')) return items;
  return items.map((item) =>
    item.type === 'item_reference' ? (ledger.item(String(item.id))?.item ?? item) : item,
  );
}
