/**
 * What the fake model says. It is deterministic and echoes what it can see, so that lost or doubled context
 * shows in the text: `turn 2 · user: hello / again · items 3`. Knows nothing of transports.
 */
import type { AccountState } from './account-state.ts';
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

/** The output items of the turn, complete and with ids. */
export function composeAnswer(prompt: Prompt): readonly Item[] {
  const { behaviour, account, history } = prompt;
  if (behaviour.items !== undefined) return behaviour.items.map((item) => withId(item, account));
  if (history.at(-1)?.type === 'compaction_trigger') return [compaction(prompt)];
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

function withId(item: Item, account: AccountState): Item {
  return item.id === undefined ? { id: account.nextId('item'), ...item } : item;
}
