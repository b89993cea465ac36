/** The rules about what an item may hold: seals, ids, approvals, files, compactions. */
import { expect, test } from 'vitest';
import { call, idOf, responseOf, user } from '../../test/support/simulator-client.ts';
import {
  answered,
  ask,
  connect,
  HEADS,
  refused,
  responsesUrl,
  start,
} from '../../test/support/simulator-fixture.ts';
import * as errors from './errors.ts';
import { agentMessage, approvalRequest, approvalResponse, sealedOutput, webSearchCall } from './items.ts';
import type { SimulatedAccount } from './script.ts';
import type { Item } from './wire.ts';

const HELLO = [user('hello')];
const CALL = { type: 'function_call', call_id: 'c1', name: 'f', arguments: '{}' };

test('a sealed part of a message that an account gave out is refused by every other', async () => {
  await using simulator = await start();
  simulator.script('plus1', { items: [agentMessage(), agentMessage({ author: '/root/b' })] });
  const output = (await answered(simulator, 'plus1', ask(HELLO))) as Item[];
  expect(output.map(({ id }) => id)).toEqual(['amsg_plus1_1', 'amsg_plus1_2']);
  expect(new Set(output.map(({ content }) => JSON.stringify(content))).size).toBe(2);
  expect(await answered(simulator, 'plus1', ask([...HELLO, ...output, user('on')]))).toHaveLength(1);
  const nameless = output.map(({ id: _, ...rest }) => rest);
  const refusal = await refused(simulator, 'plus2', ask([...HELLO, ...nameless, user('on')]));
  expect(refusal.rule).toBe('foreign_nested_seal');
  expect(refusal.answer).toEqual(errors.encryptedOutputRejected());
});

test.each(['function_call_output', 'custom_tool_call_output'])(
  'a sealed part of a %s has to be known',
  async (type) => {
    await using simulator = await start();
    const made = { ...CALL, type: type.replace('_output', '') };
    const input = (seal: string) => ask([...HELLO, made, sealedOutput('c1', seal, type)]);
    expect(await answered(simulator, 'plus1', input(simulator.seal('plus1')))).toHaveLength(1);
    for (const seal of [simulator.seal('plus2'), 'not sealed at all']) {
      expect((await refused(simulator, 'plus1', input(seal))).rule).toBe('foreign_nested_seal');
    }
  },
);

test('a seal is found at any depth, and however deep the item is', async () => {
  await using simulator = await start();
  let deep: object = { encrypted_content: simulator.seal('key2') };
  for (let depth = 0; depth < 500; depth += 1) deep = { inner: [deep] };
  const item = { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'x', deep }] };
  expect((await refused(simulator, 'key1', ask([item]))).rule).toBe('foreign_nested_seal');
});

test('sealed content of an item of any type is refused when it is surely foreign', async () => {
  await using simulator = await start();
  const item = (seal: string) => ({ type: 'context_compaction', encrypted_content: seal });
  const refusal = await refused(simulator, 'plus1', ask([item(simulator.seal('plus2')), ...HELLO]));
  expect(refusal.rule).toBe('foreign_encrypted_content');
  expect(await answered(simulator, 'plus1', ask([item('unknown'), ...HELLO]))).toHaveLength(1);
});

const NAMED = [
  { type: 'reasoning', summary: [], encrypted_content: 'x' },
  { type: 'item_reference' },
  webSearchCall(),
  { type: 'file_search_call', status: 'completed', queries: [] },
  { type: 'computer_call', call_id: 'c1', pending_safety_checks: [], status: 'completed' },
  { type: 'code_interpreter_call', code: '1', container_id: 'c', outputs: [], status: 'completed' },
  { type: 'image_generation_call', result: '', status: 'completed' },
  { type: 'local_shell_call', call_id: 'c1', action: {}, status: 'completed' },
  { type: 'local_shell_call_output', output: '' },
  { type: 'mcp_list_tools', server_label: 'l', tools: [] },
  approvalRequest(),
  { type: 'mcp_call', server_label: 'l', name: 'n', arguments: '{}' },
  { type: 'program', code: '' },
  { type: 'program_output', output: '' },
];

test.each(NAMED)('the public API demands the id of a $type', async (item) => {
  await using simulator = await start();
  const refusal = await refused(simulator, 'key1', ask([...HELLO, { ...item, id: null }]));
  expect(refusal.rule).toBe('missing_item_id');
  expect(refusal.answer).toEqual(errors.missingItemId(1));
  expect((await refused(simulator, 'key1', ask([item, ...HELLO]))).message).toContain("'input[0].id'");
});

test('items that a client made up whole are taken with made-up ids, and others without any', async () => {
  await using simulator = await start();
  const said = { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'hi' }] };
  const output = { type: 'function_call_output', call_id: 'c1', output: 'ok' };
  const search = { ...webSearchCall(), id: 'ws_made_up' };
  expect(await answered(simulator, 'key1', ask([...HELLO, said, search, CALL, output]))).toHaveLength(1);
});

test('the ChatGPT backend asks for ids only where it is said to', async () => {
  const plus1: SimulatedAccount = { name: 'plus1', dialect: 'chatgpt', token: 'at-1' };
  await using simulator = await start({ accounts: [plus1] });
  expect(await answered(simulator, 'plus1', ask([...HELLO, webSearchCall()]))).toHaveLength(1);
  await using strict = await start({ accounts: [{ ...plus1, itemIds: 'demanded' }] });
  expect((await refused(strict, 'plus1', ask([...HELLO, webSearchCall()]))).rule).toBe('missing_item_id');
});

test('an approval needs the request that it answers, wherever that stands in the history', async () => {
  await using simulator = await start();
  simulator.script('key1', { items: [approvalRequest()] });
  const first = await call(responsesUrl(simulator, 'key1'), HEADS.key1, ask(HELLO, { store: true }));
  const [request] = responseOf(first.events)['output'] as { id: string }[];
  const response = approvalResponse(String(request?.id));
  const chained = ask([response], { previous_response_id: idOf(first.events) });
  expect(await answered(simulator, 'key1', chained)).toHaveLength(1);
  const whole = [...HELLO, request as object, response];
  expect(await answered(simulator, 'key1', ask(whole))).toHaveLength(1);
  const refusal = await refused(simulator, 'key1', ask([...HELLO, response]));
  expect(refusal.rule).toBe('unknown_approval_request');
  expect(refusal.answer).toEqual(errors.approvalNotFound(String(request?.id)));
});

const FILE_PARTS = [
  { type: 'input_file', file_id: 'file-1' },
  { type: 'input_image', image_url: 'sediment://file-1' },
  { type: 'input_image', image_url: { url: 'file-service://file-1?x=1' } },
];

test.each(FILE_PARTS)('a file is seen by the account that has it: %j', async (part) => {
  await using simulator = await start();
  simulator.addFile('key1', 'file-1');
  const input = [{ type: 'message', role: 'user', content: [{ type: 'input_text', text: 'see' }, part] }];
  expect(await answered(simulator, 'key1', ask(input))).toHaveLength(1);
  const refusal = await refused(simulator, 'key2', ask(input));
  expect(refusal.rule).toBe('foreign_file');
  expect(refusal.answer).toEqual(errors.filesNotFound(['file-1']));
});

test('a file that nobody uploaded is taken, and text about one is only text', async () => {
  await using simulator = await start();
  simulator.addFile('key1', 'file-1');
  const content = [
    { type: 'input_file', file_id: 'file-unknown' },
    { type: 'input_text', text: 'sediment://file-1' },
  ];
  expect(await answered(simulator, 'key2', ask([{ role: 'user', content }]))).toHaveLength(1);
});

test('a compaction belongs to its account by its id and by its seal', async () => {
  await using simulator = await start();
  const compact = { model: 'gpt-5.5', input: HELLO };
  const url = `${responsesUrl(simulator, 'key1')}/compact`;
  const { json } = await call(url, HEADS.key1, compact);
  expect(json?.['usage']).toMatchObject({ input_tokens: expect.any(Number) });
  const [item] = (json?.['output'] ?? []) as Item[];
  expect(item?.id).toBe('cmp_key1_1');
  const next = (one: object) => ask([one, user('again')]);
  expect(await answered(simulator, 'key1', next(item as object))).toHaveLength(1);
  expect((await refused(simulator, 'key2', next(item as object))).answer).toEqual(
    errors.itemNotFound('cmp_key1_1'),
  );
  const sealed = { ...item, id: undefined };
  expect((await refused(simulator, 'key2', next(sealed))).rule).toBe('foreign_encrypted_content');
});

test('an item that was cut before it was done belongs to its account all the same', async () => {
  await using simulator = await start();
  simulator.script('plus1', { fault: { at: 'mid_output', kind: 'close', code: 1011 } });
  const socket = await connect(simulator, 'plus1');
  const events = await socket.turn(ask(HELLO));
  expect(events.some((event) => event.type === 'response.output_item.done')).toBe(false);
  const added = events.find((event) => event.type === 'response.output_item.added');
  const cut = { ...(added?.['item'] as Item), status: 'incomplete' };
  expect((await refused(simulator, 'plus2', ask([cut, ...HELLO]))).rule).toBe('foreign_item');
  expect(await answered(simulator, 'plus1', ask([...HELLO, cut, user('on')]))).toHaveLength(1);
});
