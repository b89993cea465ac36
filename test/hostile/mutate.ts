/**
 * Damaged input from a seed: the same seed gives the same bytes, so that whatever breaks can be played again.
 * Knows what requests look like, and nothing of who reads them.
 */

export interface Dice {
  /** A whole number below `limit`. */
  below(limit: number): number;
  pick<T>(from: readonly T[]): T;
}

/** Mulberry32: 32 bits of state are plenty for choosing what to break. */
export function dice(seed: number): Dice {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  const below = (limit: number): number => next() % limit;
  return { below, pick: (from) => from[below(from.length)] as (typeof from)[number] };
}

const TURN = '{"type":"response.create","model":"gpt-5.5","input":"hello","stream":true,"stream_id":"lane"}';
const ITEMS =
  '{"model":"gpt-5.5","store":false,"input":[{"type":"message","role":"user","content":[{"type":"input_text","text":"h\\u00e9llo \\ud83d\\ude00"}]},{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"x"},{"type":"function_call","call_id":"c1","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c1","output":"done"}],"tools":[{"type":"function","name":"f","parameters":{}}],"client_metadata":{"thread_id":"t","x":1},"include":["reasoning.encrypted_content"],"metadata":null}';
const ANCHORED =
  '{"model":"gpt-5.5","previous_response_id":"resp_1","input":[{"type":"item_reference","id":"msg_1"},{"role":"system","content":"be kind"}],"reasoning":{"effort":"low"},"prompt_cache_key":"k","generate":false}';

/** Requests that are good before they are damaged. */
const SEEDS: readonly Buffer[] = [TURN, ITEMS, ANCHORED].map((text) => Buffer.from(text));

/** What parsers have stumbled over before. */
const TOKENS: readonly Buffer[] = [
  ...[
    'null',
    'true',
    '{}',
    '[]',
    '""',
    '0',
    '-',
    '1e999',
    '-0',
    '1.',
    '.5',
    '01',
    '\\u0000',
    '\\ud800',
    '\\',
  ],
  ...[
    '"',
    ',',
    ':',
    '{',
    '}',
    '[',
    ']',
    '\n',
    ' ',
    '\t',
    '/**/',
    "'",
    'NaN',
    '"__proto__":{}',
    '"constructor":1',
  ],
  ...[
    '"model":5',
    '"input":',
    '"type":"response.create"',
    '"stream_id":null',
    '"background":true',
    '"tools":7',
  ],
  ...['"conversation":{"id":"c"}', '"previous_response_id":{}', '"client_metadata":[]', '"generate":false'],
  ...['[[[[[[[[', '{"a":{"a":{"a":', '\u0000', '\u2028', '\ufeff', '😀', 'é'],
]
  .map((text) => Buffer.from(text))
  .concat([
    Buffer.from([0xff]),
    Buffer.from([0xc0, 0x80]),
    Buffer.from([0xed, 0xa0, 0x80]),
    Buffer.from([0xf4, 0x90]),
  ]);

type Damage = (bytes: Buffer, roll: Dice) => Buffer;

const splice = (bytes: Buffer, from: number, to: number, put: Buffer): Buffer =>
  Buffer.concat([bytes.subarray(0, from), put, bytes.subarray(to)]);

const DAMAGES: readonly Damage[] = [
  (bytes, roll) => {
    const copy = Buffer.from(bytes);
    copy[roll.below(Math.max(1, copy.length))] = roll.below(256);
    return copy;
  },
  (bytes, roll) => {
    const at = roll.below(bytes.length + 1);
    return splice(bytes, at, at, roll.pick(TOKENS));
  },
  (bytes, roll) => {
    const at = roll.below(bytes.length + 1);
    return splice(bytes, at, at + 1 + roll.below(12), roll.pick(TOKENS));
  },
  (bytes, roll) => {
    const from = roll.below(bytes.length + 1);
    return splice(bytes, from, from + roll.below(40), Buffer.alloc(0));
  },
  (bytes, roll) => {
    const from = roll.below(bytes.length + 1);
    return splice(bytes, from, from, bytes.subarray(from, from + roll.below(80)));
  },
  (bytes, roll) => bytes.subarray(0, roll.below(bytes.length + 1)),
  (bytes, roll) => splice(bytes, 0, roll.below(bytes.length + 1), Buffer.alloc(0)),
  (bytes, roll) => {
    const other = roll.pick(SEEDS);
    return Buffer.concat([
      bytes.subarray(0, roll.below(bytes.length + 1)),
      other.subarray(roll.below(other.length)),
    ]);
  },
];

/** Values that are good JSON in places where nobody expects them. */
const VALUES: readonly string[] = [
  ...[
    'null',
    'true',
    'false',
    '0',
    '-1',
    '1e400',
    '1.5',
    '""',
    '"x"',
    '[]',
    '{}',
    '[[]]',
    '[null]',
    '{"":0}',
  ],
  ...['{"type":"message"}', '{"type":"item_reference","id":"x"}', '{"type":"item_reference"}', '{"id":"x"}'],
  ...['{"type":"compaction","encrypted_content":"x"}', '{"type":"function_call_output"}', '{"type":5}'],
  ...[
    '{"type":"reasoning","id":7,"summary":5}',
    '{"type":"mcp","tools":{"type":"mcp"}}',
    '[{"tools":[{"tools":5}]}]',
  ],
  ...[
    '{"role":"system","content":{"prompt_cache_breakpoint":1}}',
    '{"file_id":"f"}',
    '"sediment://x"',
    '"\\u0000"',
  ],
  ...[
    '{"__proto__":{"x":1}}',
    '{"toString":1}',
    '{"length":9}',
    `"${'y'.repeat(600)}"`,
    '"resp_1"',
    '["a","b"]',
  ],
];

/** The request with some of its values exchanged, left out or moved: JSON still, and mostly no request any more. */
function reshaped(roll: Dice): Buffer {
  const root = JSON.parse(roll.pick(SEEDS).toString('utf8')) as Record<string, unknown>;
  for (let count = 1 + roll.below(3); count > 0; count -= 1) reshape(root, roll);
  return Buffer.from(JSON.stringify(root));
}

function reshape(root: object, roll: Dice): void {
  let at = root as Record<string, unknown>;
  for (;;) {
    const names = Object.keys(at);
    const name = names.length === 0 ? 'x' : roll.pick(names);
    const inner = at[name];
    if (typeof inner === 'object' && inner !== null && roll.below(3) > 0) {
      at = inner as Record<string, unknown>;
      continue;
    }
    const put: unknown = JSON.parse(roll.pick(VALUES));
    const way = roll.below(4);
    if (way === 0) delete at[name];
    else if (way > 1) at[name] = put;
    else if (Array.isArray(at)) at.push(put);
    else at[roll.pick(MEMBERS)] = put;
    return;
  }
}

const MEMBERS = [
  ...[
    'input',
    'tools',
    'type',
    'id',
    'stream',
    'store',
    'include',
    'background',
    'conversation',
    'stream_id',
  ],
  ...['client_metadata', 'service_tier', 'previous_response_id', 'prompt_cache_key', 'generate', 'metadata'],
  ...['call_id', 'role', 'content', 'encrypted_content', 'summary', 'x-codex-turn-metadata', 'thread_id'],
];

const MAX_DAMAGES = 4;

/** A request that was reshaped, or has one to four damages in its bytes. */
export function mutated(roll: Dice): Buffer {
  if (roll.below(2) === 0) return reshaped(roll);
  let bytes = roll.pick(SEEDS);
  for (let count = 1 + roll.below(MAX_DAMAGES); count > 0; count -= 1) bytes = damaged(bytes, roll);
  return bytes;
}

export function damaged(bytes: Buffer, roll: Dice): Buffer {
  return roll.pick(DAMAGES)(bytes, roll);
}
