/**
 * Stories that must be the same through every door, on both kinds of account and over both upstream transports.
 */
import { describe, expect, test } from 'vitest';
import { kindOf } from '../../src/protocol/frame.ts';
import type { Behaviour } from '../../src/simulator/script.ts';
import { type Answer, type Client, DOORS, type Door, idOf, openDoor, textOf } from '../support/doors.ts';
import { type Kind, makeWorld, type World, type WorldOptions } from '../support/world.ts';

interface Scene {
  readonly kind: Kind;
  readonly transport: 'auto' | 'http';
  readonly door: Door;
}

const SCENES: readonly Scene[] = (['api_key', 'chatgpt'] as const).flatMap((kind) =>
  (['auto', 'http'] as const).flatMap((transport) => DOORS.map((door) => ({ kind, transport, door }))),
);

interface Expected {
  /** User texts that the model saw in the turn, all of them, in order. */
  readonly saw: readonly string[];
  /** Accounts in the order in which they were tried. */
  readonly tried: readonly string[];
}

interface Scenario {
  readonly title: string;
  readonly world?: Partial<WorldOptions>;
  /** What happens on each account, set up before the turn of that number. */
  readonly upstream?: Readonly<Record<number, Readonly<Record<string, readonly Behaviour[]>>>>;
  readonly turns: readonly { readonly input: string; readonly expected: Expected }[];
}

const usageLimit = {
  type: 'usage_limit_reached',
  message: 'spent',
  plan_type: 'plus',
  resets_in_seconds: 900,
};
const refusedByQuota: Behaviour = {
  fault: { kind: 'status', at: 'before_created', status: 429, body: { error: usageLimit } },
};

const SCENARIOS: readonly Scenario[] = [
  {
    title: 'a conversation goes on by previous_response_id',
    turns: [
      { input: 'one', expected: { saw: ['one'], tried: ['a'] } },
      { input: 'two', expected: { saw: ['one', 'two'], tried: ['a'] } },
      { input: 'three', expected: { saw: ['one', 'two', 'three'], tried: ['a'] } },
    ],
  },
  {
    title: 'a spent quota moves the conversation, whole, and it stays where it went',
    upstream: { 1: { a: [refusedByQuota] } },
    turns: [
      { input: 'one', expected: { saw: ['one'], tried: ['a'] } },
      { input: 'two', expected: { saw: ['one', 'two'], tried: ['a', 'b'] } },
      { input: 'three', expected: { saw: ['one', 'two', 'three'], tried: ['b'] } },
    ],
  },
  {
    title: 'a quota that ends inside the stream moves the conversation as long as nothing was shown',
    upstream: {
      1: {
        a: [
          {
            fault: {
              kind: 'response_failed',
              at: 'after_created',
              error: { code: 'rate_limit_exceeded', message: 'Try again in 500s.' },
            },
          },
        ],
      },
    },
    turns: [
      { input: 'one', expected: { saw: ['one'], tried: ['a'] } },
      { input: 'two', expected: { saw: ['one', 'two'], tried: ['a', 'b'] } },
    ],
  },
  {
    title: 'a socket that dies before any output is replaced on the same account',
    upstream: { 1: { a: [{ fault: { kind: 'reset', at: 'after_created' } }] } },
    turns: [
      { input: 'one', expected: { saw: ['one'], tried: ['a'] } },
      { input: 'two', expected: { saw: ['one', 'two'], tried: ['a', 'a'] } },
      { input: 'three', expected: { saw: ['one', 'two', 'three'], tried: ['a'] } },
    ],
  },
  {
    title: 'two dry accounts are passed over in one turn',
    upstream: { 0: { a: [refusedByQuota], b: [refusedByQuota] } },
    turns: [
      { input: 'one', expected: { saw: ['one'], tried: ['a', 'b', 'c'] } },
      { input: 'two', expected: { saw: ['one', 'two'], tried: ['c'] } },
    ],
  },
  {
    title: 'an answer whose terminal event is empty is completed from its items',
    upstream: { 0: { a: [{ emptyOutput: true }] } },
    turns: [
      { input: 'one', expected: { saw: ['one'], tried: ['a'] } },
      { input: 'two', expected: { saw: ['one', 'two'], tried: ['a'] } },
    ],
  },
];

describe.each(SCENES)('$kind, upstream $transport, $door', ({ kind, transport, door }) => {
  test.each(SCENARIOS)('$title', async (scenario) => {
    await using world = await makeWorld({ kind, transport, ...scenario.world });
    await using client = await openDoor(door, world.url);
    await play(scenario, world, client);
    const rows = await world.rows();
    expect(rows).toHaveLength(scenario.turns.length);
    expect(rows.every((row) => row.status === 'completed' && row.door === door)).toBe(true);
    expect(world.simulator.refusals).toEqual([]);
  });
});

async function play(scenario: Scenario, world: World, client: Client): Promise<void> {
  let previous: string | undefined;
  for (const [index, turn] of scenario.turns.entries()) {
    for (const [account, behaviours] of Object.entries(scenario.upstream?.[index] ?? {})) {
      world.simulator.script(account, ...behaviours);
    }
    const seenBefore = world.simulator.seen.length;
    const answer = await client.turn({
      input: turn.input,
      ...(previous === undefined ? {} : { previous_response_id: previous }),
    });
    expect(textOf(answer)).toContain(`user: ${turn.expected.saw.join(' / ')} ·`);
    expectWholeStream(answer);
    const tried = world.simulator.seen.slice(seenBefore).map((seen) => seen.account);
    expect(tried).toEqual(turn.expected.tried);
    previous = idOf(answer);
  }
}

/** One beginning, one end, every number once, and the deltas add up to the text. */
function expectWholeStream(answer: Answer): void {
  if (answer.events.length === 0) return;
  const shown = answer.events.filter((event) => kindOf(event.type) !== 'vendor');
  expect(shown.filter((event) => event.type === 'response.created')).toHaveLength(1);
  expect(shown.filter((event) => ['terminal', 'error'].includes(kindOf(event.type)))).toHaveLength(1);
  expect(shown.map((event) => event['sequence_number'])).toEqual(shown.map((_, index) => index));
  const deltas = shown
    .filter((event) => event.type === 'response.output_text.delta')
    .map((event) => event['delta']);
  expect(deltas.join('')).toBe(textOf(answer));
  expect(answer.events).toEqual(shown);
}
