import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LOCAL, type Tenant } from '../domain/ids.ts';
import {
  type ChainKey,
  canonicalItem,
  chainHash,
  chainStart,
  hasSideEffectTools,
  itemKind,
  pairingGaps,
} from './items.ts';

type Json = Record<string, unknown>;

const member = fc.constantFrom(
  'role',
  'name',
  'call_id',
  'action',
  'content',
  'summary',
  'arguments',
  'text',
  'output',
);
const item = fc
  .tuple(
    fc.dictionary(member, fc.jsonValue({ maxDepth: 3 })),
    fc.constantFrom('message', 'function_call', 'reasoning'),
  )
  .map(([members, type]): Json => ({ ...members, type }));

const reversed = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([name, inner]) => [name, reversed(inner)]),
  );
};

test('member order, ids, states, annotations, vendor metadata and empty members do not tell items apart', () => {
  fc.assert(
    fc.property(item, (original) => {
      const travelled = {
        id: 'msg_1',
        status: 'completed',
        annotations: [{ type: 'url' }],
        internal_chat_message_metadata_passthrough: { a: 1 },
        phase: null,
        logprobs: [],
        extra: { nothing: null, less: {} },
        ...(reversed(original) as Json),
      };
      expect(canonicalItem(travelled)).toBe(canonicalItem(original));
    }),
  );
});

test('a canonical item is JSON that is its own canonical form', () => {
  fc.assert(
    fc.property(item, (original) => {
      const canonical = canonicalItem(original);
      expect(canonicalItem(JSON.parse(canonical))).toBe(canonical);
    }),
  );
});

test('a message in short, in full and as a bare string are the same', () => {
  const full = { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'hi' }] };
  expect(canonicalItem({ role: 'user', content: 'hi' })).toBe(canonicalItem(full));
  expect(canonicalItem('hi')).toBe(canonicalItem(full));
  const answer = {
    role: 'assistant',
    content: [{ type: 'output_text', text: '', annotations: [], logprobs: [] }],
  };
  expect(canonicalItem({ role: 'assistant', content: '' })).toBe(canonicalItem(answer));
});

const different: readonly (readonly [string, unknown, unknown])[] = [
  ['texts', { role: 'user', content: 'a' }, { role: 'user', content: 'b' }],
  ['roles', { role: 'user', content: 'a' }, { role: 'developer', content: 'a' }],
  ['an empty and a missing string', call({ arguments: '' }), call({})],
  ['empty members within arguments', call({ arguments: { path: '', force: null } }), call({ arguments: {} })],
  ['ids within arguments', call({ arguments: { id: '1' } }), call({ arguments: { id: '2' } })],
  ['the number of parts', { role: 'user', content: [{}] }, { role: 'user', content: [{}, {}] }],
  ['places in a list', call({ action: ['', 'a'] }), call({ action: ['a', ''] })],
  ['what is referred to', { type: 'item_reference', id: 'a' }, { type: 'item_reference', id: 'b' }],
  ['what is referred to without a type', { id: 'a' }, { id: 'b' }],
  ['false and missing', call({ strict: false }), call({})],
];

function call(members: Json): Json {
  return { type: 'function_call', name: 'f', call_id: 'c', ...members };
}

test.each(different)('items that differ in %s stay different', (_, one, other) => {
  expect(canonicalItem(one)).not.toBe(canonicalItem(other));
});

const KEY = '07'.repeat(32) as ChainKey;

const hashOf = (items: readonly string[], tenant: Tenant = LOCAL): string =>
  items.reduce((hash, text) => chainHash(hash, text, KEY), chainStart(KEY, tenant)).toString('hex');

test('a history hash depends on every item, on their order and borders, on the tenant and on the key', () => {
  expect(hashOf(['a', 'b'])).toBe(hashOf(['a', 'b']));
  const others = [hashOf([]), hashOf(['a']), hashOf(['ab']), hashOf(['b', 'a']), hashOf(['a', 'c'])];
  expect(new Set([...others, hashOf(['a', 'b'])]).size).toBe(6);
  expect(hashOf(['a'], 'other' as Tenant)).not.toBe(hashOf(['a']));
  expect(chainStart('00'.repeat(32) as ChainKey, LOCAL)).not.toEqual(chainStart(KEY, LOCAL));
  expect(chainStart(KEY, LOCAL).length).toBe(16);
});

test.each([
  ['output', { type: 'message', role: 'assistant', content: [] }],
  ['output', { role: 'assistant', content: 'x' }],
  ['output', { type: 'reasoning' }],
  ['output', { type: 'function_call' }],
  ['output', { type: 'web_search_call' }],
  ['output', { type: 'compaction' }],
  ['output', { type: 'mcp_approval_request' }],
  ['output', { type: 'tool_search_output', execution: 'server' }],
  ['input', { type: 'tool_search_output', execution: 'client' }],
  ['input', { role: 'user', content: 'x' }],
  ['input', { type: 'message', role: 'developer' }],
  ['input', { type: 'function_call_output' }],
  ['input', { type: 'compaction_trigger' }],
  ['input', { type: 'additional_tools' }],
  ['input', { type: 'item_reference', id: 'x' }],
  ['input', { type: 'something_new' }],
  ['input', 'text'],
])('as %s counts %j', (kind, value) => {
  expect(itemKind(value)).toBe(kind);
});

test.each(['function', 'custom_tool', 'local_shell', 'shell', 'apply_patch', 'computer'])(
  'a %s call and its output belong together',
  (tool) => {
    const called = { type: `${tool}_call`, call_id: 'c' };
    const answered = { type: `${tool}_call_output`, call_id: 'c' };
    expect(pairingGaps([called, answered])).toEqual({ unanswered: [], orphaned: [] });
    expect(pairingGaps([called])).toEqual({ unanswered: ['c'], orphaned: [] });
    expect(pairingGaps([answered])).toEqual({ unanswered: [], orphaned: ['c'] });
  },
);

test('approvals pair by request id, shell answers may be of another type, search calls need no answer', () => {
  const gaps = pairingGaps([
    { type: 'mcp_approval_request', id: 'a' },
    { type: 'mcp_approval_response', approval_request_id: 'a' },
    { type: 'local_shell_call', call_id: 's' },
    { type: 'function_call_output', call_id: 's' },
    { type: 'local_shell_call', call_id: 't' },
    { type: 'local_shell_call_output', id: 't' },
    { type: 'web_search_call', id: 'w' },
    'text',
  ]);
  expect(gaps).toEqual({ unanswered: [], orphaned: [] });
});

test('only tools that upstream itself lets loose on the world have side effects', () => {
  expect(hasSideEffectTools([{ type: 'function' }, { type: 'mcp' }])).toBe(true);
  expect(hasSideEffectTools([{ type: 'computer_use_preview' }])).toBe(true);
  expect(hasSideEffectTools([{ type: 'namespace', tools: [{ type: 'mcp' }] }])).toBe(true);
  expect(hasSideEffectTools([{ type: 'function', name: 'mcp' }, { type: 'web_search' }])).toBe(false);
  expect(hasSideEffectTools(undefined)).toBe(false);
});
