import { expect, test } from 'vitest';
import { bindingsOf, forOtherAccount, leaveOutSeals, ownItemId } from './item-bindings.ts';

const bytes = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const derive = (value: unknown, target: 'stores' | 'stateless' = 'stateless'): unknown => {
  const derived = forOtherAccount(bytes(value), target)?.toString('utf8');
  return derived === undefined ? undefined : JSON.parse(derived);
};
type Item = Readonly<Record<string, unknown>>;
const names = (item: Item): readonly string[] => bindingsOf(item).names;

test('another account sees an item without its id and otherwise byte for byte', () => {
  const call = { id: 'fc_1', type: 'function_call', call_id: 'c', arguments: '{"id":1}' };
  expect(forOtherAccount(bytes(call), 'stateless')?.toString()).toBe(
    '{"type":"function_call","call_id":"c","arguments":"{\\"id\\":1}"}',
  );
  expect(derive({ type: 'compaction', id: 'cmp_1', encrypted_content: 'secret' })).toEqual({
    type: 'compaction',
    encrypted_content: 'secret',
  });
  expect(derive({ role: 'user', content: 'x', id: 'msg_1' })).toEqual({ role: 'user', content: 'x' });
});

test('foreign reasoning is seen only in plain words, by an account that stores, under an id of ours', () => {
  const reasoning = { id: 'rs_1', type: 'reasoning', encrypted_content: 'secret' };
  const summary = [{ type: 'summary_text', text: 'because' }];
  expect(derive({ ...reasoning, summary })).toBeUndefined();
  expect(derive({ ...reasoning, summary: [] }, 'stores')).toBeUndefined();
  expect(derive({ ...reasoning, summary }, 'stores')).toEqual({
    id: ownItemId('rs_1', 'reasoning'),
    type: 'reasoning',
    summary,
  });
});

test.each([
  ['web_search_call', 'ws_1'],
  ['file_search_call', 'fs_1'],
  ['computer_call', 'cu_1'],
  ['code_interpreter_call', 'ci_1'],
  ['image_generation_call', 'ig_1'],
  ['local_shell_call', 'lsh_1'],
  ['mcp_call', 'mcp_1'],
  ['mcp_list_tools', 'mcpl_1'],
  ['mcp_approval_request', 'mcpr_1'],
])('a %s, whose schema demands an id, gets one of ours that begins as its own did', (type, id) => {
  const own = (derive({ type, id }) as Item)['id'];
  expect(own).not.toBe(id);
  expect(String(own)).toMatch(new RegExp(`^${id.split('_')[0]}_[0-9a-f]{48}$`));
  expect(derive({ type, id })).toEqual(derive({ type, id }));
  expect(String((derive({ type }) as Item)['id'])).toMatch(/^[a-z]+_[0-9a-f]{48}$/);
});

test('a foreign reference is left out, and the id that names a call is kept', () => {
  expect(derive({ type: 'item_reference', id: 'msg_1' })).toBeUndefined();
  expect(derive({ id: 'msg_1' })).toBeUndefined();
  const answer = { type: 'local_shell_call_output', id: 'call_1', output: 'x' };
  expect(derive(answer)).toEqual(answer);
});

const AGENT = {
  type: 'agent_message',
  id: 'amsg_1',
  author: 'worker',
  content: [
    { type: 'input_text', text: 'done' },
    { type: 'encrypted_content', encrypted_content: 'seal' },
  ],
};

test('sealed parts are found wherever they stand, and stay with their issuer', () => {
  expect(bindingsOf(AGENT).sealedWithin).toBe(true);
  expect(bindingsOf({ type: 'reasoning', encrypted_content: 's' }).sealedWithin).toBe(false);
  expect(derive(AGENT)).toEqual({
    type: 'agent_message',
    author: 'worker',
    content: [{ type: 'input_text', text: 'done' }],
  });
  expect(JSON.parse(String(leaveOutSeals(bytes(AGENT))))).toEqual({ ...AGENT, content: [AGENT.content[0]] });
});

test('an answer to a tool call stays with its call, whatever of it is sealed', () => {
  const output = {
    type: 'function_call_output',
    call_id: 'c',
    output: [{ type: 'x', encrypted_content: 's' }],
  };
  expect(derive(output)).toMatchObject({ call_id: 'c', output: expect.stringContaining('another account') });
  expect(derive({ ...AGENT, content: [AGENT.content[1]] })).toBeUndefined();
});

test('an item is known again by its id and by each of its seals, a user message by neither', () => {
  const [id, seal] = names(AGENT);
  expect(id).toBe('amsg_1');
  const { id: _, ...nameless } = AGENT;
  expect(names(nameless)).toEqual([seal]);
  expect(names({ type: 'message', role: 'user', id: 'msg_client', content: [] })).toEqual([]);
  expect(names({ type: 'message', role: 'assistant', id: 'msg_1', content: [] })).toEqual(['msg_1']);
});

test.each([
  [['file-1'], { role: 'user', content: [{ type: 'input_file', file_id: 'file-1' }] }],
  [['sediment://f'], { role: 'user', content: [{ type: 'input_image', image_url: 'sediment://f' }] }],
  [['file-1'], { type: 'computer_call_output', output: { type: 'computer_screenshot', file_id: 'file-1' } }],
  [['file-1'], { type: 'function_call_output', output: [{ type: 'input_image', file_id: 'file-1' }] }],
  [
    [],
    { role: 'user', content: [{ type: 'input_image', file_id: null, image_url: 'data:image/png;base64,' }] },
  ],
  [[], { role: 'user', content: 'what is sediment://?' }],
  [[], { role: 'assistant', content: [{ type: 'output_text', text: '', annotations: [{ file_id: 'f' }] }] }],
])('the files %j are named by %j', (files, item) => {
  expect(bindingsOf(item).files).toEqual(files);
});

test('what is longer than any real name is none: names are remembered', () => {
  const long = 'x'.repeat(513);
  const named = { type: 'message', role: 'assistant', id: long, content: [{ file_id: long }] };
  expect(bindingsOf(named)).toMatchObject({ names: [], files: [] });
});
