import { expect, test } from 'vitest';
import { type TemporaryStore, temporaryStore } from '../../../test/support/temporary-store.ts';
import { createLog } from '../../log.ts';
import type { Outgoing } from './channels.ts';
import { Notifier } from './notifier.ts';

const NOON = 1_700_000_000_000;
const HOUR = 3_600_000;
const log = createLog('silent');

/** Time that passes when the test says so. */
function handClock() {
  let now = NOON;
  let timers: { readonly at: number; readonly run: () => void }[] = [];
  return {
    now: () => now,
    after(ms: number, run: () => void) {
      const timer = { at: now + ms, run };
      timers.push(timer);
      return () => {
        timers = timers.filter((one) => one !== timer);
      };
    },
    pass(ms: number) {
      const end = now + ms;
      for (;;) {
        const [next] = timers.filter((one) => one.at <= end).toSorted((a, b) => a.at - b.at);
        if (next === undefined) break;
        timers = timers.filter((one) => one !== next);
        now = next.at;
        next.run();
      }
      now = end;
    },
    waiting: () => timers.length,
  };
}

async function start(kept: TemporaryStore, clock = handClock()) {
  const sent: Outgoing[] = [];
  const lines: string[] = [];
  const notifier = new Notifier({
    store: kept.store,
    log: createLog('info', { write: (line) => void lines.push(line) }),
    clock,
    post: async (outgoing) => {
      sent.push(outgoing);
      return { ok: true };
    },
    pause: async () => {},
  });
  return { notifier, clock, lines, sent, texts: () => sent.map(({ body }) => body) };
}

const ntfy = { id: 'one', kind: 'ntfy', url: 'https://ntfy.example/secret-topic' } as const;

async function accountIn({ store }: TemporaryStore) {
  const draft = {
    name: 'work',
    kind: 'api_key',
    credentials: { kind: 'api_key', apiKey: 'sk' },
    identity: 'work',
  } as const;
  return (await store.accounts.upsert(draft)).row.id;
}

const dry = { status: 'exhausted' as const, availableAt: NOON + HOUR };

test('a change of an account is looked at soon, and once for many changes', async () => {
  await using kept = await temporaryStore();
  const { notifier, clock, texts } = await start(kept);
  await notifier.channels.replace([ntfy]);
  const id = await accountIn(kept);
  clock.pass(1000);
  await Promise.all([1, 2, 3].map(() => kept.store.accounts.patch(id, dry)));
  expect(clock.waiting()).toBe(1);
  clock.pass(1000);
  await notifier.stop();
  expect(texts()).toEqual([
    'Account work is out of quota until 23:14 UTC; 0 of 1 accounts can serve.',
    'No account can serve; the first is back at 23:14 UTC.',
  ]);
});

test('a block that ends by the clock is noticed without anyone saying so', async () => {
  await using kept = await temporaryStore();
  const { notifier, clock, texts } = await start(kept);
  const id = await accountIn(kept);
  await kept.store.accounts.patch(id, dry);
  clock.pass(1000);
  await notifier.channels.replace([{ ...ntfy, events: ['account_back'] }]);
  clock.pass(HOUR + 15_000);
  await notifier.stop();
  expect(texts()).toEqual(['Account work is back; 1 of 1 accounts can serve.']);
});

test('an incident that outlasts a restart is announced once, its end included', async () => {
  await using kept = await temporaryStore();
  const first = await start(kept);
  await first.notifier.channels.replace([{ ...ntfy, events: ['account_exhausted', 'account_back'] }]);
  const id = await accountIn(kept);
  await kept.store.accounts.patch(id, dry);
  first.clock.pass(1000);
  await first.notifier.stop();
  expect(first.sent).toHaveLength(1);

  await kept.reopen();
  const second = await start(kept, first.clock);
  second.clock.pass(60_000);
  expect(second.sent).toEqual([]);
  await kept.store.accounts.patch(id, { status: 'ready', availableAt: undefined });
  second.clock.pass(1000);
  await second.notifier.stop();
  expect(second.texts()).toEqual(['Account work is back; 1 of 1 accounts can serve.']);
});

test('a stopped notifier waits for nothing and hears nothing', async () => {
  await using kept = await temporaryStore();
  const { notifier, clock } = await start(kept);
  await notifier.stop();
  await accountIn(kept);
  expect(clock.waiting()).toBe(0);
});

test('addresses and tokens are sealed at rest and absent from the log', async () => {
  await using kept = await temporaryStore();
  const { notifier, clock, lines, sent } = await start(kept);
  await notifier.channels.replace([{ ...ntfy, token: 'tk-secret' }]);
  expect(JSON.stringify(kept.store.settings.all())).not.toMatch(/secret|ntfy/);
  await kept.store.accounts.patch(await accountIn(kept), dry);
  clock.pass(1000);
  await notifier.stop();
  expect(sent[0]?.headers['authorization']).toBe('Bearer tk-secret');
  expect(lines.join('')).toContain('notification sent');
  expect(lines.join('')).not.toContain('secret');

  await kept.reopen();
  const again = new Notifier({ store: kept.store, log });
  expect(again.channels.all()).toEqual([{ ...ntfy, token: 'tk-secret' }]);
  await again.stop();
});

test('a channel that does not answer is sent no more than it can bear', async () => {
  await using kept = await temporaryStore();
  const clock = handClock();
  const lines: string[] = [];
  const answer = Promise.withResolvers<{ readonly ok: true }>();
  const notifier = new Notifier({
    store: kept.store,
    log: createLog('warn', { write: (line) => void lines.push(line) }),
    clock,
    post: () => answer.promise,
    pause: async () => {},
  });
  await notifier.channels.replace([{ ...ntfy, events: ['account_exhausted'] }]);
  for (let i = 0; i < 52; i++) {
    const draft = {
      name: `${i}`,
      kind: 'api_key',
      credentials: { kind: 'api_key', apiKey: 'sk' },
      identity: `${i}`,
    } as const;
    void kept.store.accounts.upsert({ ...draft }).then(({ row }) => kept.store.accounts.patch(row.id, dry));
  }
  await expect
    .poll(() => kept.store.accounts.all().filter((row) => row.status === 'exhausted').length)
    .toBe(52);
  clock.pass(1000);
  answer.resolve({ ok: true });
  await notifier.stop();
  expect(lines.filter((line) => line.includes('too many wait'))).toHaveLength(2);
});
