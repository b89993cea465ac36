/**
 * Tenants that send each other's names for everything: threads, cache keys, turn states, responses, items, also those
 * of turns that still run. Whatever they do at the same time, a tenant's words reach that tenant only, and upstream
 * never takes two tenants for one.
 */
import { deepEqual, equal, ok } from 'node:assert/strict';
import fc from 'fast-check';
import type { SeenTurn } from '../../src/simulator/journal.ts';
import { type Answer, type Client, type Door, openDoor, post, textOf } from './doors.ts';
import { type Kind, makeWorld, type World } from './world.ts';

const TENANTS = ['tenant-red', 'tenant-blue', 'tenant-local'] as const;
type Name = (typeof TENANTS)[number];

const AT_ONCE = 4;
/** A stream is open for some milliseconds, in which the others act. */
const PACE = { deltas: 3, paceMs: 2 } as const;
const TURN_STATE = 'x-codex-turn-state';
const NAMES = [undefined, 'one', 'two'] as const;
const picksOnceIn = (times: number) =>
  fc.oneof({ weight: times - 1, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.nat() });
const arbitraryStep = fc.record({
  tenant: fc.constantFrom(...TENANTS),
  act: fc.constantFrom('turn', 'turn', 'turn', 'turn', 'read', 'delete'),
  door: fc.constantFrom<Door>('json', 'sse', 'ws'),
  thread: fc.constantFrom(...NAMES),
  session: fc.constantFrom(...NAMES),
  cacheKey: fc.constantFrom(...NAMES),
  /** Picks among all that anybody was ever given; undefined: none. */
  state: picksOnceIn(2),
  anchor: picksOnceIn(2),
  item: picksOnceIn(5),
  /** Which responses an anchor is picked from: the finished ones, or those of others that run at this moment. */
  anchored: fc.constantFrom('finished', 'finished', 'running'),
});
type Step = typeof arbitraryStep extends fc.Arbitrary<infer T> ? T : never;
/** Steps that are taken at the same time: as soon as the first one runs upstream, all others begin. */
const arbitraryRush = fc.array(arbitraryStep, { minLength: 1, maxLength: AT_ONCE });

/** What somebody was given, or is being given. */
interface Given {
  readonly owner: Name;
  readonly id: string;
  readonly items: readonly string[];
  /** Everything its tenant has said up to here. */
  readonly said: readonly string[];
  kept: 'kept' | 'going' | 'deleted';
}

interface Stage {
  readonly world: World;
  readonly headers: ReadonlyMap<Name, Record<string, string>>;
  /** As many for each tenant as there may be steps at once; every second one is that of a Codex client. */
  readonly sockets: ReadonlyMap<Name, readonly Client[]>;
  readonly given: Given[];
  readonly states: string[];
  /** Every name that upstream was shown, and whose it was; its sockets among them. */
  readonly shown: Map<string, Name>;
  /** How many turns and refusals of upstream were looked at. */
  looked: number;
  refused: number;
  words: number;
}

export interface Played {
  /** Steps that were taken while a turn of another tenant ran upstream. */
  readonly overlapping: number;
}

/** Rejects at the first step that does not hold, and names the seed that plays it again. */
export async function playTenants(kind: Kind, seed: number, steps: number): Promise<Played> {
  await using world = await makeWorld({ kind, names: ['a', 'b'] });
  await using sockets = new AsyncDisposableStack();
  for (const name of ['a', 'b']) world.simulator.setDefault(name, PACE);
  const stage = await openStage(world, sockets);
  const rushes = fc.sample(arbitraryRush, { numRuns: steps, seed });
  let overlapping = 0;
  for (let index = 0, left = steps; left > 0; index += 1) {
    const rush = (rushes[index] ?? []).slice(0, left);
    left -= rush.length;
    try {
      overlapping += await playRush(stage, rush);
    } catch (cause) {
      throw new Error(`${kind}, seed ${seed}, rush ${index}: ${JSON.stringify(rush)}`, { cause });
    }
  }
  return { overlapping };
}

async function openStage(world: World, opened: AsyncDisposableStack): Promise<Stage> {
  const headers = new Map<Name, Record<string, string>>();
  const sockets = new Map<Name, readonly Client[]>();
  for (const name of TENANTS) {
    const own = name === 'tenant-local' ? {} : await keyOf(world, name);
    headers.set(name, own);
    const clients = Array.from({ length: AT_ONCE }, (_, lane) =>
      openDoor('ws', world.url, { ...own, ...clientOf(lane) }),
    );
    sockets.set(
      name,
      (await Promise.all(clients)).map((client) => opened.use(client)),
    );
  }
  return {
    world,
    headers,
    sockets,
    given: [],
    states: [],
    shown: new Map(),
    looked: 0,
    refused: 0,
    words: 0,
  };
}

async function keyOf(world: World, name: string): Promise<Record<string, string>> {
  const made = (await world.admin('POST', '/api/keys', { name })) as { key: string };
  return { authorization: `Bearer ${made.key}` };
}

/** Only Codex clients are shown turn states. */
function clientOf(lane: number): Record<string, string> {
  return lane % 2 === 0 ? { originator: 'codex_exec' } : {};
}

/** A tenant that names an item of the very history it continues is told so, by upstream itself. */
const OWN_FAULTS = ['duplicate_item'];
/** What one tenant deletes and continues at the same time may be gone upstream before the turn arrives there. */
const MAY_BE_GONE = [...OWN_FAULTS, 'unknown_previous_response'];

/** Answers how many steps began while a turn of another tenant ran. */
async function playRush(stage: Stage, [first, ...others]: readonly Step[]): Promise<number> {
  if (first === undefined) return 0;
  const { simulator } = stage.world;
  let over: 'yes' | 'no' = 'no';
  const playing = play(stage, first, 0).finally(() => {
    over = 'yes';
  });
  const runs = (): boolean => simulator.seen.at(-1)?.status === 'running';
  await Promise.race([playing, simulator.waitFor(() => over === 'yes' || runs())]);
  const overlapping = runs() ? others.filter(({ tenant }) => tenant !== first.tenant).length : 0;
  const ends = await Promise.allSettled([playing, ...others.map((step, at) => play(stage, step, at + 1))]);
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
  for (const turn of simulator.seen.slice(stage.looked)) expectOneTenant(stage, turn);
  stage.looked = simulator.seen.length;
  const excused = others.concat(first).some(({ act }) => act === 'delete') ? MAY_BE_GONE : OWN_FAULTS;
  deepEqual(
    simulator.refusals.slice(stage.refused).filter(({ rule }) => !excused.includes(rule)),
    [],
  );
  stage.refused = simulator.refusals.length;
  return overlapping;
}

function play(stage: Stage, step: Step, lane: number): Promise<void> {
  return step.act === 'turn'
    ? playTurn(stage, step, lane)
    : playRetrieval(stage, step, step.act === 'read' ? 'GET' : 'DELETE');
}

interface Named {
  readonly anchor: Given | undefined;
  readonly item: string | undefined;
  readonly words: string;
}

async function playTurn(stage: Stage, step: Step, lane: number): Promise<void> {
  const anchor = step.anchored === 'running' ? runningFor(stage, step) : picked(stage.given, step.anchor);
  const before = anchor?.kept;
  const from = picked(stage.given, step.item);
  const item = from?.items[0];
  stage.words += 1;
  const words = `words of ${step.tenant} ${stage.words}`;
  const answer = await send(stage, step, lane, { anchor, item, words });
  expectNoForeignWord(JSON.stringify([answer.response, answer.events, answer.error]), step.tenant);
  remember(stage, step, answer);
  const told = [answer.status, answer.error?.['code']];
  if (anchor !== undefined && (anchor.owner !== step.tenant || before === 'deleted'))
    return deepEqual(told, [400, 'previous_response_not_found']);
  if (item !== undefined && from?.owner !== step.tenant) {
    const deletedMeanwhile = anchor !== undefined && anchor.kept !== 'kept' && told[1] !== 'item_not_found';
    return deepEqual(told, [400, deletedMeanwhile ? 'previous_response_not_found' : 'item_not_found']);
  }
  // What is deleted at this moment, or an item of something deleted, may be there still or not any more.
  const certain = (anchor === undefined || anchor.kept === 'kept') && item === undefined;
  if (certain) equal(answer.status, 200, JSON.stringify(answer.error));
  if (answer.status !== 200) return;
  const said = [...(anchor?.said ?? []), words];
  const expected = `turn ${said.length} · user: ${said.join(' / ')} ·`;
  ok(textOf(answer).startsWith(expected), `${expected} was answered with ${textOf(answer)}`);
  const output = answer.response?.['output'] as { id?: string }[];
  const items = output.flatMap((one) => one.id ?? []);
  stage.given.push({ owner: step.tenant, id: String(answer.response?.['id']), items, said, kept: 'kept' });
}

/** A response of somebody else that is being given at this moment. */
function runningFor({ world }: Stage, { tenant }: Step): Given | undefined {
  for (const turn of world.simulator.seen.slice(-AT_ONCE)) {
    const owner = TENANTS.find((name) => turn.historyTexts.join(' ').includes(name));
    if (turn.status !== 'running' || turn.responseId === undefined) continue;
    if (owner !== undefined && owner !== tenant)
      return { owner, id: turn.responseId, items: [], said: [], kept: 'kept' };
  }
  return undefined;
}

function send(stage: Stage, step: Step, lane: number, { anchor, item, words }: Named): Promise<Answer> {
  const said = { type: 'message', role: 'user', content: words };
  const state = picked(stage.states, step.state);
  const identity = defined({ thread_id: step.thread, session_id: step.session, [TURN_STATE]: state });
  const body = {
    model: 'gpt-5.5',
    input: [...(item === undefined ? [] : [{ type: 'item_reference', id: item }]), said],
    ...defined({ previous_response_id: anchor?.id, prompt_cache_key: step.cacheKey }),
    client_metadata: identity,
  };
  const socket = stage.sockets.get(step.tenant)?.[lane];
  if (step.door === 'ws' && socket !== undefined) return socket.turn(body);
  const headers = {
    ...stage.headers.get(step.tenant),
    ...clientOf(lane),
    ...defined({ 'thread-id': step.thread, 'session-id': step.session, [TURN_STATE]: state }),
  };
  return post(stage.world.url, { ...body, stream: step.door === 'sse' }, headers);
}

/** The turn state that came with the answer, in its headers or in a frame that stands for them. */
function remember({ states, shown }: Stage, { tenant }: Step, { headers, events }: Answer): void {
  const frames = events.map((event) => event['headers'] as Record<string, string> | undefined);
  const given = [headers.get(TURN_STATE), ...frames.map((frame) => frame?.[TURN_STATE])];
  for (const state of given) {
    if (typeof state !== 'string') continue;
    equal(shown.get(state) ?? tenant, tenant, 'a turn state of another tenant came down');
    shown.set(state, tenant);
    states.push(state);
  }
}

async function playRetrieval(stage: Stage, step: Step, method: 'GET' | 'DELETE'): Promise<void> {
  const wanted = picked(stage.given, step.anchor);
  if (wanted === undefined) return;
  const own = wanted.owner === step.tenant;
  const before = wanted.kept;
  if (own && method === 'DELETE' && before === 'kept') wanted.kept = 'going';
  const answer = await fetch(`${stage.world.url}/v1/responses/${wanted.id}`, {
    method,
    headers: stage.headers.get(step.tenant) ?? {},
  });
  expectNoForeignWord(await answer.text(), step.tenant);
  if (!own || before === 'deleted') return equal(answer.status, 404);
  if (method === 'DELETE' && before === 'kept') {
    equal(answer.status, 200);
    wanted.kept = 'deleted';
  } else if (before === 'kept' && (wanted.kept as Given['kept']) === 'kept') equal(answer.status, 200);
}

function expectNoForeignWord(text: string, tenant: Name): void {
  const foreign = TENANTS.filter((name) => name !== tenant && text.includes(name));
  deepEqual(foreign, []);
}

const NAMING = ['session-id', 'session_id', 'thread-id', 'conversation_id', TURN_STATE];

function expectOneTenant({ shown }: Stage, turn: SeenTurn): void {
  const words = turn.historyTexts.join(' ');
  const [owner, ...others] = TENANTS.filter((name) => words.includes(name));
  deepEqual(others, []);
  if (owner === undefined) return;
  const { prompt_cache_key, previous_response_id, client_metadata } = turn.body as Record<string, unknown>;
  const metadata = (client_metadata ?? {}) as Record<string, unknown>;
  const names = [
    ...NAMING.map((name) => turn.headers[name]),
    ...['thread_id', 'session_id', TURN_STATE].map((name) => metadata[name]),
    prompt_cache_key,
    previous_response_id,
    turn.responseId,
    turn.socket === undefined ? undefined : `socket ${turn.socket}`,
  ];
  for (const name of names) {
    if (typeof name !== 'string') continue;
    equal(shown.get(name) ?? owner, owner, 'upstream was shown a name of another tenant');
    shown.set(name, owner);
  }
}

function picked<T>(from: readonly T[], index: number | undefined): T | undefined {
  return index === undefined ? undefined : from[index % Math.max(1, from.length)];
}

function defined(members: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(members).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
