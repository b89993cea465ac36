/**
 * One cell of the fault matrix: a conversation in which one fault strikes the second turn, and a checker that is the
 * same for all: one end for the client, the exact history for the model, exact rows, exact account states, and
 * another conversation that notices nothing.
 */
import { expect } from 'vitest';
import { type Answer, checkStream, DOORS, type Door, idOf, openDoor, textOf } from '../support/doors.ts';
import { type Kind as AccountKind, makeWorld, type World } from '../support/world.ts';
import { KINDS, type Kind, type Moment } from './faults.ts';

export interface Cell {
  readonly kind: Kind;
  readonly moment: Moment;
  readonly door: Door;
  readonly upstream: 'ws' | 'http';
  readonly account: AccountKind;
}

export function nameOf({ kind, moment, door, upstream, account }: Cell): string {
  return `${kind.name} · ${moment} · ${door} door · ${upstream} upstream · ${account}`;
}

export function allCells(): readonly Cell[] {
  const accounts: readonly AccountKind[] = ['api_key', 'chatgpt'];
  return KINDS.flatMap((kind) =>
    kind.moments.flatMap((moment) =>
      kind.over.flatMap((upstream) =>
        DOORS.flatMap((door) =>
          accounts.map((account) => ({
            kind: kindFor(kind, account, upstream === 'ws' ? moment : 'before_created'),
            moment,
            door,
            upstream,
            account,
          })),
        ),
      ),
    ),
  ).filter(isPossible);
}

const OVER_HTTP_INSTEAD = { class: 'upstream_unavailable', outcome: 'stays', status: 'ready' } as const;

function kindFor(kind: Kind, account: AccountKind, moment: Moment): Kind {
  if (moment === 'upgrade' && kind.handshake === 'says_nothing') return { ...kind, ...OVER_HTTP_INSTEAD };
  return account === 'chatgpt' ? { ...kind, ...kind.chatgpt } : kind;
}

/** Over HTTP there is no upgrade; a status there is the same as one before anything was created. */
function isPossible({ kind, moment, upstream }: Cell): boolean {
  if (upstream === 'ws') return true;
  return moment !== 'upgrade' && !(kind.mute && moment !== 'before_created');
}

/** Throws with what was expected and what was seen. */
export async function playCell(cell: Cell): Promise<void> {
  const transport = cell.upstream === 'http' ? 'http' : 'auto';
  await using world = await makeWorld({ kind: cell.account, names: ['a', 'b'], transport });
  await using main = await openDoor(cell.door, world.url, { 'session-id': 'main' });
  await using control = await openDoor('json', world.url, { 'session-id': 'control' });
  const first = await main.turn({ input: 'one' });
  const before = await control.turn({ input: 'control one' });
  // The next turn must open a socket again for its upgrade to be refused.
  if (cell.moment === 'upgrade') world.simulator.dropSockets('a', { reset: true });
  world.simulator.script('a', { fault: cell.kind.fault(cell.moment) });
  const struck = await main.turn({ input: 'two', previous_response_id: idOf(first) });
  const after = await control.turn({ input: 'control two', previous_response_id: idOf(before) });
  const said = await checkStruck(cell, struck);
  const last = await main.turn({
    input: 'three',
    previous_response_id: idOf(said === 'answered' ? struck : first),
  });
  checkHistory(last, said === 'answered' ? ['one', 'two', 'three'] : ['one', 'three']);
  checkHistory(after, ['control one', 'control two']);
  await checkBooks(cell, world, said);
  await checkSockets(world);
}

/** Visible output is never taken back: what strikes after it ends the stream. Behind a JSON answer nothing is visible. */
function isRepaired({ kind, moment, door }: Cell): boolean {
  return kind.outcome !== 'told' && (moment !== 'mid_output' || door === 'json');
}

async function checkStruck(cell: Cell, answer: Answer): Promise<'answered' | 'failed'> {
  checkStream(answer);
  if (isRepaired(cell)) {
    expect(answer.status, JSON.stringify(answer.error)).toBe(200);
    checkHistory(answer, ['one', 'two']);
    return 'answered';
  }
  const error = answer.error ?? {};
  if (cell.kind.outcome === 'told') expect([400, 200], JSON.stringify(error)).toContain(answer.status);
  else expect(answer.events.at(-1)?.type).toBe('response.failed');
  expect(error['code'] ?? error['type']).toEqual(expect.any(String));
  return 'failed';
}

function checkHistory(answer: Answer, texts: readonly string[]): void {
  expect(textOf(answer), JSON.stringify(answer.error)).toContain(
    `turn ${texts.length} · user: ${texts.join(' / ')} ·`,
  );
}

async function checkBooks({ kind, moment }: Cell, world: World, said: 'answered' | 'failed'): Promise<void> {
  expect(world.simulator.refusals).toEqual([]);
  expect(world.simulator.unplayed('a')).toBe(0);
  const rows = (await world.rows()).toReversed();
  expect(rows).toHaveLength(5);
  const main = rows.filter((row) => row.session === rows[0]?.session);
  expect(main.map((row) => row.status)).toEqual([
    'completed',
    said === 'answered' ? 'completed' : 'failed',
    'completed',
  ]);
  const [, struck, last] = main;
  const classes = struck?.attempts.map((attempt) => attempt.error_class ?? attempt.outcome) ?? [];
  const seen =
    moment !== 'upgrade' && ['a reset', 'an early end'].includes(kind.name)
      ? [kind.class, 'stream_incomplete']
      : [kind.class];
  expect(seen).toContain(classes[0]);
  if (said === 'answered') expect(classes.at(-1)).toBe('completed');
  const status = (await world.account('a'))['status'];
  expect(status).toBe(kind.status);
  expect((await world.account('b'))['status']).toBe('ready');
  if (said === 'answered') {
    const by = kind.outcome === 'moves' ? 'b' : 'a';
    expect(struck?.account_id).toBe(world.ids.get(by));
    expect(last?.account_id).toBe(world.ids.get(by));
  }
}

/** A warm socket per conversation at most, and none once the server is asked to let go. */
async function checkSockets(world: World): Promise<void> {
  expect(world.simulator.openSockets()).toBeLessThanOrEqual(2);
  const { data } = (await world.admin('GET', '/api/sessions')) as { data: { id: string }[] };
  for (const { id } of data) await world.admin('DELETE', `/api/sessions/${id}`);
  await world.simulator.waitFor((simulator) => simulator.openSockets() === 0);
}
