/**
 * What the fake model says. It is deterministic and echoes what it can see, so that lost or doubled context
 * shows in the text: `turn 2 · user: hello / again · items 3`. Knows nothing of transports.
 */
import type { AccountState } from './account-state.ts';
import { compacts } from './compaction.ts';
import { SEAL } from './items.ts';
import type { Ledger } from './ledger.ts';
import type { Behaviour } from './script.ts';
import { type CreateBody, type Item, isMessage, isObject, isToolOutput, textOf } from './wire.ts';

/** Longest piece of one user text in the echo; the answer must not grow with pasted files. */
const CLIP_CHARACTERS = 60;

/** Everything the fake model looks at. */
export interface Prompt {
  readonly body: CreateBody;
  readonly history: readonly Item[];
  readonly behaviour: Behaviour;
  readonly account: AccountState;
  readonly ledger: Ledger;
}

/** The output items of the turn, with ids; complete, but for the last one of an answer that is to be cut. */
export function composeAnswer(prompt: Prompt): readonly Item[] {
  const items = wholeAnswer(prompt);
  if (prompt.behaviour.cutItem === undefined) return items;
  return items.map((item, index) => (index === items.length - 1 ? cut(item) : item));
}

/** Arguments end in the middle; text is as long as it got. */
function cut(item: Item): Item {
  const { arguments: args } = item;
  const half = typeof args === 'string' ? { arguments: args.slice(0, args.length / 2) } : {};
  return { ...item, ...half, status: 'incomplete' };
}

function wholeAnswer(prompt: Prompt): readonly Item[] {
  const { behaviour, account, history } = prompt;
  if (behaviour.items !== undefined) return behaviour.items.map((item) => given(item, prompt));
  if (history.at(-1)?.type === 'compaction_trigger' && compacts(account)) return [compaction(prompt)];
  const calls = behaviour.text === undefined ? toolCalls(prompt) : [];
  const spoken = calls.length > 0 ? calls : [message(sayText(prompt), account)];
  return wantsReasoning(prompt) ? [reasoning(prompt), ...spoken] : spoken;
}

/** The item that stands for the whole visible history; only its own account can read it. */
export function compaction({ history, account, ledger }: Prompt): Item {
  const content = account.nextId('sealed_compaction');
  ledger.seal(content, { account: account.name, texts: userTexts(history, ledger) });
  return { id: account.nextId('cmp'), type: 'compaction', encrypted_content: content };
}

/** The user's own texts in order. Compacted ones count; client-made context (`<environment_context>…`) does not. */
function userTexts(history: readonly Item[], ledger: Ledger): readonly string[] {
  return history.flatMap((item) => {
    if (item.type === 'compaction') return ledger.unseal(String(item.encrypted_content))?.texts ?? [];
    const text = isMessage(item) && item.role === 'user' ? (textOf(item) ?? '') : '';
    return text === '' || text.startsWith('<') ? [] : [clip(text)];
  });
}

function clip(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length > CLIP_CHARACTERS ? `${line.slice(0, CLIP_CHARACTERS)}…` : line;
}

function sayText({ behaviour, history, ledger }: Prompt): string {
  if (behaviour.text !== undefined) return behaviour.text;
  if (behaviour.deltaBytes !== undefined) return 'x'.repeat(behaviour.deltaBytes * (behaviour.deltas ?? 3));
  const texts = userTexts(history, ledger);
  return `turn ${texts.length} · user: ${texts.join(' / ')} · items ${history.length}`;
}

/** `TOOL`, `TOOLS n`: n calls one after the other. `PARALLEL n`: n calls at once. In the last user text. */
function toolCalls({ body, history, account }: Prompt): readonly Item[] {
  const asked = history.findLastIndex((item) => isMessage(item) && item.role === 'user');
  const command = /\b(TOOLS?|PARALLEL)(?:\s*(\d+))?\b/.exec(textOf(history[asked] ?? {}) ?? '');
  const tool = command === null ? undefined : functionTool(body, history);
  if (command === null || tool === undefined) return [];
  const wanted = Number(command[2] ?? 1);
  const done = history.slice(asked + 1).filter(isToolOutput).length;
  const count = command[1] === 'PARALLEL' ? wanted - done : Math.min(1, wanted - done);
  return Array.from({ length: Math.max(0, count) }, (_, index) => call(tool, done + index + 1, account));
}

function call(name: string, ordinal: number, account: AccountState): Item {
  const id = account.nextId('fc');
  const callId = account.nextId('call');
  const args = JSON.stringify({ cmd: `echo tool-${ordinal}` });
  return { id, type: 'function_call', status: 'completed', arguments: args, call_id: callId, name };
}

/** `exec_command` when the client has it, else its first function; undefined without any. */
function functionTool(body: CreateBody, history: readonly Item[]): string | undefined {
  const extra = history.filter((item) => item.type === 'additional_tools').map((item) => item.tools);
  const names = [body.tools, ...extra]
    .flatMap((tools) => (Array.isArray(tools) ? tools.filter(isObject) : []))
    .filter((tool) => tool['type'] === 'function')
    .map((tool) => String(tool['name']));
  return names.includes('exec_command') ? 'exec_command' : names[0];
}

function message(text: string, account: AccountState): Item {
  const content = [{ type: 'output_text', text, annotations: [], logprobs: [] }];
  return { id: account.nextId('msg'), type: 'message', status: 'completed', role: 'assistant', content };
}

function wantsReasoning({ body, behaviour }: Prompt): boolean {
  const include = Array.isArray(body.include) ? body.include : [];
  return behaviour.reasoning === 'encrypted' || include.includes('reasoning.encrypted_content');
}

function reasoning({ account, ledger }: Prompt): Item {
  const content = account.nextId('sealed_reasoning');
  ledger.seal(content, { account: account.name, texts: [] });
  return { id: account.nextId('rs'), type: 'reasoning', summary: [], encrypted_content: content };
}

const PREFIXES: Readonly<Record<string, string>> = {
  agent_message: 'amsg',
  code_interpreter_call: 'ci',
  compaction: 'cmp',
  custom_tool_call: 'ctc',
  file_search_call: 'fs',
  function_call: 'fc',
  image_generation_call: 'ig',
  mcp_approval_request: 'mcpr',
  mcp_call: 'mcp',
  mcp_list_tools: 'mcpl',
  message: 'msg',
  reasoning: 'rs',
  web_search_call: 'ws',
};

/** A scripted item as the account gives it out: with an id, and with seals that are its own. */
function given(item: Item, { account, ledger }: Prompt): Item {
  const own = sealedBy(item, (content) => {
    const seal = content === SEAL ? account.nextId('sealed_part') : content;
    if (ledger.unseal(seal)?.account !== account.name)
      ledger.seal(seal, { account: account.name, texts: [] });
    return seal;
  }) as Item;
  const { id = account.nextId(PREFIXES[item.type ?? ''] ?? 'item'), ...rest } = own;
  return { id, ...rest };
}

/** The same value with every `encrypted_content` passed through `seal`. */
function sealedBy(value: unknown, seal: (content: string) => string): unknown {
  if (Array.isArray(value)) return value.map((inner) => sealedBy(inner, seal));
  if (!isObject(value)) return value;
  const members = Object.entries(value).map(([key, inner]) => {
    const sealed = key === 'encrypted_content' && typeof inner === 'string';
    return [key, sealed ? seal(inner) : sealedBy(inner, seal)];
  });
  return Object.fromEntries(members);
}
