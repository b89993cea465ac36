/** A mistake of this server's own, at any place of a turn: it ends that turn, and neither the process nor another. */
import { ServerResponse } from 'node:http';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { AccountPool } from '../../src/accounts/pool.ts';
import { AccountChoice } from '../../src/bridge/account-choice.ts';
import { AccountAttempt } from '../../src/bridge/attempt/account-attempt.ts';
import { Attempt } from '../../src/bridge/attempt/attempt.ts';
import { ResponseCollector } from '../../src/bridge/attempt/response-collector.ts';
import { KeyRateLimiter } from '../../src/bridge/key-rate-limiter.ts';
import { Sessions } from '../../src/bridge/session/sessions.ts';
import { ClientStream } from '../../src/bridge/turn/client-stream.ts';
import { TurnRecord } from '../../src/bridge/turn/record.ts';
import { Backpressure } from '../../src/http/limits/backpressure.ts';
import { Live } from '../../src/observability/live/change-events.ts';
import { RequestLog } from '../../src/store/requests.ts';
import { Store } from '../../src/store/store.ts';
import { Transcripts } from '../../src/store/transcripts/transcripts.ts';
import { type Answer, DOORS, type Door, openDoor, textOf } from '../support/doors.ts';
import { type Kind, makeWorld, type World } from '../support/world.ts';

afterEach(() => void vi.restoreAllMocks());

const broken = (): never => {
  throw new Error('a mistake of our own');
};

/** Each makes one method throw the next time that it is called. */
const PLACES: Readonly<Record<string, () => unknown>> = {
  'the session is looked up': () => vi.spyOn(Sessions.prototype, 'sessionFor').mockImplementationOnce(broken),
  'the history is looked up': () =>
    vi.spyOn(Transcripts.prototype, 'findByChain').mockImplementationOnce(broken),
  'an account is chosen': () => vi.spyOn(AccountChoice.prototype, 'choose').mockImplementationOnce(broken),
  'the account is leased': () => vi.spyOn(AccountPool.prototype, 'lease').mockImplementationOnce(broken),
  'the session is pinned': () => vi.spyOn(Sessions.prototype, 'pin').mockImplementationOnce(broken),
  'the attempt begins': () =>
    vi.spyOn(Attempt.prototype, 'begin').mockRejectedValueOnce(new Error('a mistake')),
  'headers of the answer are read': () =>
    vi.spyOn(AccountAttempt.prototype, 'headers').mockImplementationOnce(broken),
  'the client is shown a frame': () =>
    vi.spyOn(ClientStream.prototype, 'pass').mockImplementationOnce(broken),
  'an item is collected': () =>
    vi.spyOn(ResponseCollector.prototype, 'itemDone').mockImplementationOnce(broken),
  'the end is read': () => vi.spyOn(ResponseCollector.prototype, 'end').mockImplementationOnce(broken),
  'the account is told of the answer': () =>
    vi.spyOn(AccountPool.prototype, 'served').mockImplementationOnce(broken),
  'the row is made': () => vi.spyOn(TurnRecord.prototype, 'finish').mockImplementationOnce(broken),
  'the row is written': () => vi.spyOn(RequestLog.prototype, 'insert').mockImplementationOnce(broken),
  'the turn is committed': () => vi.spyOn(Store.prototype, 'commitTurn').mockImplementationOnce(broken),
  'the client is told of the end': () =>
    vi.spyOn(ClientStream.prototype, 'answered').mockImplementationOnce(broken),
};

const SCENES = (['api_key', 'chatgpt'] as const).flatMap((kind: Kind) =>
  (['auto', 'http'] as const).flatMap((transport) => DOORS.map((door) => ({ kind, transport, door }))),
);

const HISTORY = [
  { role: 'user', content: 'one' },
  { role: 'assistant', content: 'and' },
  { role: 'user', content: 'two' },
];

function expectInternal(answer: Answer, place: string): void {
  const said = answer.error ?? {};
  expect(said['code'], `${place}: status ${answer.status}`).toBe('internal_error');
  if (answer.events.length === 0) expect(answer.status).toBe(500);
}

async function expectAlive(world: World, door: Door): Promise<void> {
  await using client = await openDoor(door, world.url, { 'session-id': 's' });
  const answer = await client.turn({ input: 'still there' });
  expect(textOf(answer), JSON.stringify(answer.error)).toContain('user: still there ·');
}

describe.each(SCENES)('$kind, upstream $transport, $door', ({ kind, transport, door }) => {
  test('a throw at any place of a turn ends that turn with internal_error and a row', async () => {
    await using world = await makeWorld({ kind, transport, names: ['a', 'b'] });
    for (const [place, inject] of Object.entries(PLACES)) {
      const before = (await world.rows()).length;
      await using client = await openDoor(door, world.url, { 'session-id': 's' });
      inject();
      const answer = await client.turn({ input: HISTORY });
      vi.restoreAllMocks();
      if (door !== 'json' || place !== 'the client is shown a frame') {
        expectInternal(answer, place);
        const rows = await world.rows();
        if (place !== 'the session is looked up') expect(rows.length, place).toBe(before + 1);
        if (place !== 'the client is told of the end' && place !== 'the session is looked up')
          expect(rows[0], place).toMatchObject({ status: 'failed', error: { code: 'internal_error' } });
      }
      await expectAlive(world, door);
    }
    const active = (await world.rows()).length;
    expect(active).toBeGreaterThan(20);
    expect((await world.account('a'))['active_turns']).toBe(0);
  });
});

test('a watcher of turns that fails is nobody’s trouble', async () => {
  await using world = await makeWorld({ kind: 'api_key', names: ['a'] });
  vi.spyOn(Live.prototype, 'turnCommitted').mockImplementation(broken);
  vi.spyOn(Live.prototype, 'turnMoved').mockImplementation(broken);
  await expectAlive(world, 'json');
});

test('a door that cannot write its headers closes the connection, and the turn has its row', async () => {
  await using world = await makeWorld({ kind: 'api_key', names: ['a'] });
  await using client = await openDoor('sse', world.url);
  vi.spyOn(ServerResponse.prototype, 'writeHead').mockImplementationOnce(broken);
  await client.turn({ input: 'one' }).catch(() => undefined);
  vi.restoreAllMocks();
  await expectAlive(world, 'sse');
  const [, struck] = await world.rows();
  expect(struck).toMatchObject({ status: 'failed', error: { code: 'internal_error' } });
});

test('a control byte in a header of upstream’s is left out, not stumbled over', async () => {
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a'] });
  world.simulator.script('a', {
    vendorFrames: [{ type: 'response.metadata', headers: { 'x-codex-turn-state': 'a\u0001b' } }],
  });
  await using client = await openDoor('sse', world.url, { originator: 'codex_exec' });
  const answer = await client.turn({ input: 'one' });
  expect(textOf(answer)).toContain('user: one ·');
});

test('limits of a key that cannot be looked up refuse that turn, and no other on the same socket', async () => {
  await using world = await makeWorld({ kind: 'api_key', names: ['a'] });
  await using client = await openDoor('ws', world.url);
  vi.spyOn(KeyRateLimiter.prototype, 'enter').mockImplementationOnce(broken);
  expect((await client.turn({ input: 'one' })).error?.['code']).toBe('internal_error');
  expect(textOf(await client.turn({ input: 'two' }))).toContain('user: two ·');
});

test.each(['sse', 'ws'] as const)(
  'a throw in a callback of the connection ends that connection (%s)',
  async (door) => {
    await using world = await makeWorld({ kind: 'api_key', names: ['a'] });
    world.simulator.script('a', { paceMs: 20, deltas: 20 });
    await using client = await openDoor(door, world.url);
    const written = vi.spyOn(Backpressure.prototype, 'wrote').mockImplementation(broken);
    await client.turn({ input: 'one' }).catch(() => undefined);
    expect(written).toHaveBeenCalled();
    vi.restoreAllMocks();
    await expect.poll(async () => (await world.rows())[0]?.status).toBe('cancelled');
    await expectAlive(world, door);
  },
);
