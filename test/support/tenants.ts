/**
 * Tenants that send each other's names for everything: threads, cache keys, turn states, responses, items. Whatever
 * they do, a tenant's words reach that tenant only, and upstream never takes two tenants for one.
 */
import { deepEqual, equal } from 'node:assert/strict';
import fc from 'fast-check';
import type { SeenTurn } from '../../src/simulator/journal.ts';
import { type Answer, type Client, type Door, openDoor, post } from './doors.ts';
import { type Kind, makeWorld, type World } from './world.ts';

const TENANTS = ['tenant-red', 'tenant-blue', 'tenant-local'] as const;
type Name = (typeof TENANTS)[number];

const NAMES = [undefined, 'one', 'two'] as const;
const arbitraryStep = fc.record({
  tenant: fc.constantFrom(...TENANTS),
  act: fc.constantFrom('turn', 'turn', 'turn', 'turn', 'read', 'delete'),
  door: fc.constantFrom<Door>('json', 'sse', 'ws'),
  thread: fc.constantFrom(...NAMES),
  session: fc.constantFrom(...NAMES),
  cacheKey: fc.constantFrom(...NAMES),
  /** Picks among all that anybody was ever given; undefined: none. */
  state: fc.option(fc.nat(), { nil: undefined, freq: 1 }),
  anchor: fc.option(fc.nat(), { nil: undefined, freq: 2 }),
  item: fc.option(fc.nat(), { nil: undefined, freq: 1 }),
});
type Step = typeof arbitraryStep extends fc.Arbitrary<infer T> ? T : never;

interface Given {
  readonly owner: Name;
  readonly id: string;
  readonly items: readonly string[];
  kept: 'kept' | 'deleted';
}

interface Stage {
  readonly world: World;
  readonly headers: ReadonlyMap<Name, Record<string, string>>;
  readonly sockets: ReadonlyMap<Name, Client>;
  readonly given: Given[];
  readonly states: string[];
  /** Every name that upstream was shown, and whose it was. */
  readonly shown: Map<string, Name>;
  looked: number;
}

/** Rejects at the first step that does not hold, and names the seed that plays it again. */
export async function playTenants(kind: Kind, seed: number, steps: number): Promise<void> {
  await using world = await makeWorld({ kind, names: ['a', 'b'] });
  await using sockets = new AsyncDisposableStack();
  const headers = new Map<Name, Record<string, string>>();
  const clients = new Map<Name, Client>();
  for (const name of TENANTS) {
    headers.set(name, name === 'tenant-local' ? {} : await keyOf(world, name));
    clients.set(name, sockets.use(await openDoor('ws', world.url, headers.get(name))));
  }
  const stage = { world, headers, sockets: clients, given: [], states: [], shown: new Map(), looked: 0 };
  for (const [index, step] of fc.sample(arbitraryStep, { numRuns: steps, seed }).entries()) {
    try {
      await play(stage, step);
    } catch (cause) {
      throw new Error(`${kind}, seed ${seed}, step ${index}: ${JSON.stringify(step)}`, { cause });
    }
  }
}

async function keyOf(world: World, name: string): Promise<Record<string, string>> {
  const made = (await world.admin('POST', '/api/keys', { name })) as { key: string };
  return { authorization: `Bearer ${made.key}` };
}

async function play(stage: Stage, step: Step): Promise<void> {
  if (step.act === 'turn') await playTurn(stage, step);
  else await playRetrieval(stage, step, step.act === 'read' ? 'GET' : 'DELETE');
  for (const turn of stage.world.simulator.seen.slice(stage.looked)) expectOneTenant(stage, turn);
  stage.looked = stage.world.simulator.seen.length;
  deepEqual(stage.world.simulator.refusals, []);
}

async function playTurn(stage: Stage, step: Step): Promise<void> {
  const anchor = picked(stage.given, step.anchor);
  const itemOwner = picked(stage.given, step.item);
  const answer = await send(stage, step, { anchor, item: itemOwner?.items[0] });
  expectNoForeignWord(JSON.stringify([answer.response, answer.events, answer.error]), step.tenant);
  const foreignAnchor = anchor !== undefined && (anchor.owner !== step.tenant || anchor.kept === 'deleted');
  if (foreignAnchor) {
    deepEqual([answer.status, answer.error?.['code']], [400, 'previous_response_not_found']);
  } else if (itemOwner === undefined) equal(answer.status, 200);
  const state = answer.headers.get('x-codex-turn-state');
  if (state !== null) stage.states.push(state);
  if (answer.status !== 200) return;
  const output = answer.response?.['output'] as { id?: string }[];
  const items = output.flatMap((item) => item.id ?? []);
  stage.given.push({ owner: step.tenant, id: String(answer.response?.['id']), items, kept: 'kept' });
}

function send(
  stage: Stage,
  step: Step,
  named: { anchor: Given | undefined; item: string | undefined },
): Promise<Answer> {
  const said = { type: 'message', role: 'user', content: `words of ${step.tenant}` };
  const item = named.item === undefined ? [] : [{ type: 'item_reference', id: named.item }];
  const state = picked(stage.states, step.state);
  const identity = defined({
    thread_id: step.thread,
    session_id: step.session,
    'x-codex-turn-state': state,
  });
  const body = {
    model: 'gpt-5.5',
    input: [...item, said],
    ...defined({ previous_response_id: named.anchor?.id, prompt_cache_key: step.cacheKey }),
    client_metadata: identity,
  };
  const socket = stage.sockets.get(step.tenant);
  if (step.door === 'ws' && socket !== undefined) return socket.turn(body);
  const headers = {
    ...stage.headers.get(step.tenant),
    ...defined({ 'thread-id': step.thread, 'session-id': step.session, 'x-codex-turn-state': state }),
  };
  return post(stage.world.url, { ...body, stream: step.door === 'sse' }, headers);
}

async function playRetrieval(stage: Stage, step: Step, method: 'GET' | 'DELETE'): Promise<void> {
  const wanted = picked(stage.given, step.anchor);
  if (wanted === undefined) return;
  const answer = await fetch(`${stage.world.url}/v1/responses/${wanted.id}`, {
    method,
    headers: stage.headers.get(step.tenant) ?? {},
  });
  const text = await answer.text();
  expectNoForeignWord(text, step.tenant);
  const known = wanted.owner === step.tenant && wanted.kept === 'kept';
  equal(answer.status, known ? 200 : 404);
  if (known && method === 'DELETE') wanted.kept = 'deleted';
}

function expectNoForeignWord(text: string, tenant: Name): void {
  const foreign = TENANTS.filter((name) => name !== tenant && text.includes(name));
  deepEqual(foreign, []);
}

const NAMING = ['session-id', 'session_id', 'thread-id', 'conversation_id', 'x-codex-turn-state'];

function expectOneTenant({ shown }: Stage, turn: SeenTurn): void {
  const words = turn.historyTexts.join(' ');
  const [owner, ...others] = TENANTS.filter((name) => words.includes(name));
  deepEqual(others, []);
  if (owner === undefined) return;
  const { prompt_cache_key, previous_response_id, client_metadata } = turn.body as Record<string, unknown>;
  const metadata = (client_metadata ?? {}) as Record<string, unknown>;
  const names = [
    ...NAMING.map((name) => turn.headers[name]),
    ...['thread_id', 'session_id', 'x-codex-turn-state'].map((name) => metadata[name]),
    prompt_cache_key,
    previous_response_id,
  ];
  for (const name of names) {
    if (typeof name !== 'string') continue;
    equal(shown.get(name) ?? owner, owner, 'upstream was shown a name of another tenant');
    shown.set(name, owner);
  }
  if (turn.responseId !== undefined) shown.set(turn.responseId, owner);
}

function picked<T>(from: readonly T[], index: number | undefined): T | undefined {
  return index === undefined ? undefined : from[index % Math.max(1, from.length)];
}

function defined(members: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(members).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
