/**
 * The fault matrix under circumstances that last: a fault that strikes every turn of one account, a reader that is
 * slower than upstream, a conversation bound to a file, an upstream without WebSockets, a login service that is down.
 */
import { expect } from 'vitest';
import { type Answer, checkStream, DOORS, type Door, idOf, openDoor, textOf } from '../support/doors.ts';
import { type Kind as AccountKind, makeWorld } from '../support/world.ts';
import { KINDS, type Kind, type Moment } from './faults.ts';

export interface PhaseCell {
  readonly phase: Phase;
  readonly kind: Kind;
  readonly moment: Moment;
  readonly door: Door;
  readonly upstream: 'ws' | 'http';
  readonly account: AccountKind;
}

export interface Phase {
  readonly name: string;
  readonly fits: (cell: Omit<PhaseCell, 'phase'>) => boolean;
  readonly play: (cell: PhaseCell) => Promise<void>;
}

const MOMENTS: readonly Moment[] = ['before_created', 'after_created', 'mid_output'];
const ACCOUNTS: readonly AccountKind[] = ['api_key', 'chatgpt'];

/** Another account can answer after it, or the same one over a new connection. */
const isSurvivable = ({ outcome, class: of }: Kind): boolean =>
  outcome === 'moves' || of === 'upstream_unavailable';
const isShown = ({ moment, door }: Pick<PhaseCell, 'moment' | 'door'>): boolean =>
  moment === 'mid_output' && door !== 'json';
const SESSION = { 'session-id': 'main' };

function worldOf({ account, upstream }: PhaseCell, more: Partial<Parameters<typeof makeWorld>[0]> = {}) {
  return makeWorld({
    kind: account,
    names: ['a', 'b', 'c'],
    transport: upstream === 'http' ? 'http' : 'auto',
    ...more,
  });
}

function expectSaid(answer: Answer, texts: readonly string[]): void {
  checkStream(answer);
  expect(textOf(answer), JSON.stringify(answer.error)).toContain(`user: ${texts.join(' / ')} ·`);
}

/** Nothing is seen of a fault before output, one failure of one after it; then the conversation is elsewhere. */
async function everyTime(cell: PhaseCell): Promise<void> {
  await using world = await worldOf(cell);
  world.simulator.setDefault('a', { fault: cell.kind.fault(cell.moment), forPrewarm: 'also' });
  await using client = await openDoor(cell.door, world.url, SESSION);
  let first = await client.turn({ input: 'one' });
  if (isShown(cell)) {
    checkStream(first);
    expect(first.events.at(-1)?.type).toBe('response.failed');
    first = await client.turn({ input: 'one' });
  }
  expectSaid(first, ['one']);
  const before = world.simulator.seen.length;
  expectSaid(await client.turn({ input: 'two', previous_response_id: idOf(first) }), ['one', 'two']);
  expect(world.simulator.seen.slice(before).map((turn) => turn.account)).not.toContain('a');
  const tried = world.simulator.seen.filter((turn) => turn.account === 'a').length;
  expect(tried).toBeLessThanOrEqual(2);
  expect(world.simulator.refusals).toEqual([]);
}

/** A conversation that named a file stays where the file is: repaired there, or refused in plain words. */
async function afterAFile(cell: PhaseCell): Promise<void> {
  await using world = await worldOf(cell);
  world.simulator.addFile('a', 'file-1');
  await using client = await openDoor(cell.door, world.url, SESSION);
  const file = {
    role: 'user',
    content: [
      { type: 'input_file', file_id: 'file-1' },
      { type: 'input_text', text: 'one' },
    ],
  };
  const first = await client.turn({ input: [file] });
  expect(first.status, JSON.stringify(first.error)).toBe(200);
  world.simulator.script('a', { fault: cell.kind.fault(cell.moment) });
  const struck = await client.turn({ input: 'two', previous_response_id: idOf(first) });
  checkStream(struck);
  const refused = { status: 400, error: { code: 'account_bound_input' } };
  const isLoss = cell.kind.class === 'upstream_unavailable';
  if (isShown(cell)) expect(struck.events.at(-1)?.type).toBe('response.failed');
  else if (!isLoss) expect([200, 400, 429, 502, 503]).toContain(struck.status);
  if (!isLoss && !isShown(cell) && struck.status === 400) expect(struck).toMatchObject(refused);
  expect(world.simulator.seen.filter((turn) => turn.account !== 'a')).toEqual([]);
}

/** The same as with WebSockets, after one refused handshake and without another. */
async function withoutWebsockets(cell: PhaseCell): Promise<void> {
  await using world = await worldOf(cell, { simulated: () => ({ websocket: 'refused_403' }) });
  await using client = await openDoor(cell.door, world.url, SESSION);
  const first = await client.turn({ input: 'one' });
  expectSaid(first, ['one']);
  world.simulator.script('a', { fault: cell.kind.fault(cell.moment) });
  let second = await client.turn({ input: 'two', previous_response_id: idOf(first) });
  if (isShown(cell)) second = await client.turn({ input: 'two', previous_response_id: idOf(first) });
  expectSaid(second, ['one', 'two']);
  expect(world.simulator.upgrades('a')).toBe(1);
}

/** A token that cannot be refreshed now costs its account a while, and the turn nothing. */
async function loginServiceDown(cell: PhaseCell): Promise<void> {
  await using world = await worldOf(cell);
  await using client = await openDoor(cell.door, world.url, SESSION);
  const first = await client.turn({ input: 'one' });
  world.simulator.setLoginService({ status: 503, body: 'busy' });
  world.simulator.replaceToken('a', 'another');
  world.simulator.dropSockets('a', { reset: true });
  await world.simulator.waitFor((simulator) => simulator.openSockets('a') === 0);
  expectSaid(await client.turn({ input: 'two', previous_response_id: idOf(first) }), ['one', 'two']);
  expect((await world.account('a')).status).toBe('cooling');
}

const PIECES = 40;
const PIECE_BYTES = 64 * 1024;

/** A reader that begins late: upstream waits for it, then one end comes, whatever struck meanwhile. */
async function slowReader(cell: PhaseCell): Promise<void> {
  await using world = await worldOf(cell, { names: ['a', 'b'] });
  const fault = { ...cell.kind.fault(cell.moment), afterDeltas: PIECES - 1 };
  const { deltas, deltaBytes } = { deltas: PIECES, deltaBytes: PIECE_BYTES };
  world.simulator.script('a', { deltas, deltaBytes, fault }, { deltas, deltaBytes });
  const response = await fetch(`${world.url}/v1/responses`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...SESSION },
    body: JSON.stringify({ model: 'gpt-5.5', input: 'one', stream: true }),
  });
  await world.simulator.waitFor((simulator) => simulator.seen.length > 0);
  const text = await response.text();
  const ends = text.match(/^event: response\.(completed|failed|incomplete)$/gm) ?? [];
  expect(ends).toHaveLength(1);
  await using client = await openDoor('json', world.url, SESSION);
  expect((await client.turn({ input: 'two' })).status).toBe(200);
}

const PHASES: readonly Phase[] = [
  {
    name: 'every time on one account',
    fits: ({ kind }) => isSurvivable(kind),
    play: everyTime,
  },
  { name: 'after an earlier file', fits: ({ kind }) => isSurvivable(kind), play: afterAFile },
  {
    name: 'upgrade refused',
    // Its faults come over HTTP, where an event has no status.
    fits: ({ kind, upstream, moment }) =>
      isSurvivable(kind) &&
      kind.over.includes('http') &&
      upstream === 'ws' &&
      !(kind.mute && moment !== 'before_created'),
    play: withoutWebsockets,
  },
  {
    name: 'login service down',
    fits: ({ kind, account, moment }) =>
      kind.class === 'auth_expired' && account === 'chatgpt' && moment === 'before_created',
    play: loginServiceDown,
  },
  {
    name: 'slow reader',
    fits: ({ kind, moment, door }) => isSurvivable(kind) && moment === 'mid_output' && door === 'sse',
    play: slowReader,
  },
];

export function phaseCells(): readonly PhaseCell[] {
  return KINDS.flatMap((kind) =>
    MOMENTS.filter((moment) => kind.moments.includes(moment)).flatMap((moment) =>
      kind.over.flatMap((upstream) =>
        DOORS.flatMap((door) =>
          ACCOUNTS.flatMap((account) => {
            const cell = { kind, moment, door, upstream, account };
            const possible = !(kind.mute && upstream === 'http' && moment !== 'before_created');
            return possible
              ? PHASES.filter((phase) => phase.fits(cell)).map((phase) => ({ ...cell, phase }))
              : [];
          }),
        ),
      ),
    ),
  );
}

export function phaseName({ phase, kind, moment, door, upstream, account }: PhaseCell): string {
  return `${phase.name} · ${kind.name} · ${moment} · ${door} door · ${upstream} upstream · ${account}`;
}
