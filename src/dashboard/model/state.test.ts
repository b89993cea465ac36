import { expect, test } from 'vitest';
import { type AppState, apply, EMPTY, type Happening } from './state.ts';

const told = (name: string, data: object) => ({ name, data }) as Happening;
const after = (world: AppState, ...happenings: readonly Happening[]) => apply(world, happenings, 1000);

test('an account that changes takes the place of what was known of it', () => {
  const world = after(
    EMPTY,
    told('account', { id: 'a', status: 'ready' }),
    told('account', { id: 'b' }),
    told('account', { id: 'a', status: 'exhausted' }),
  );
  expect(world.accounts).toMatchObject([{ id: 'a', status: 'exhausted' }, { id: 'b' }]);
});

test('what was removed is gone, also when it was never known', () => {
  const world = after(EMPTY, told('account', { id: 'a' }), told('session', { id: 's', last_turn_at: 1 }));
  const less = after(
    world,
    told('account', { id: 'a', removed: true }),
    told('session', { id: 's', removed: true }),
    told('session', { id: 'other', removed: true }),
  );
  expect([less.accounts, less.sessions]).toEqual([[], []]);
});

test('the session with the last turn comes first', () => {
  const world = after(
    EMPTY,
    told('session', { id: 'old', last_turn_at: 1 }),
    told('session', { id: 'new', last_turn_at: 2 }),
    told('session', { id: 'old', last_turn_at: 3 }),
  );
  expect(world.sessions.map((session) => session.id)).toEqual(['old', 'new']);
});

test('a row that is told of twice is there once, and the oldest give way', () => {
  const rows = Array.from({ length: 1001 }, (_, index) => told('request', { id: `r${index}` }));
  const world = after(EMPTY, ...rows, told('request', { id: 'r1000' }));
  expect(world.requests.length).toBe(1000);
  expect(world.requests[0]?.id).toBe('r1000');
  expect(world.requests.at(-1)?.id).toBe('r1');
});

test('a turn is shown while it runs, and its pace is what came since it was last heard of', () => {
  const running = after(
    EMPTY,
    told('turn', { id: 't', phase: 'output' }),
    told('pace', { pieces: [['t', 10]] }),
  );
  const later = apply(running, [told('pace', { pieces: [['t', 60]] })], 3000);
  expect(later.paces.get('t')?.perSecond).toBe(25);
  const done = after(later, told('turn', { id: 't', phase: 'done' }));
  expect([done.turns.length, done.paces.size]).toEqual([0, 0]);
});

test('an event of an unknown kind changes nothing', () => {
  expect(after(EMPTY, told('news', {}))).toBe(EMPTY);
});
