import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { deliver, type Outcome, pause, post } from './delivery.ts';

const { signal } = new AbortController();
const outgoing = { url: 'http://secret.invalid/hook', headers: {}, body: '{}' };
const down: Outcome = { ok: false, reason: 'the answer was 503', repeat: 'may_help' };

async function listening(listener: RequestListener): Promise<{ url: string } & AsyncDisposable> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/secret`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

function trying(outcomes: readonly Outcome[]) {
  const pauses: number[] = [];
  let tries = 0;
  return {
    pauses,
    tries: () => tries,
    by: {
      post: async () => outcomes[tries++] ?? down,
      pause: async (ms: number) => void pauses.push(ms),
      signal,
    },
  };
}

test('a channel that is down is tried three times, with growing pauses', async () => {
  const attempt = trying([]);
  expect(await deliver(outgoing, attempt.by)).toEqual(down);
  expect(attempt.tries()).toBe(3);
  expect(attempt.pauses).toEqual([1000, 5000]);
});

test('what arrived is not sent again', async () => {
  const attempt = trying([down, { ok: true }]);
  expect(await deliver(outgoing, attempt.by)).toEqual({ ok: true });
  expect(attempt.tries()).toBe(2);
});

test('what a repeat cannot mend is not repeated', async () => {
  const attempt = trying([{ ok: false, reason: 'the answer was 401', repeat: 'useless' }]);
  expect(await deliver(outgoing, attempt.by)).toMatchObject({ reason: 'the answer was 401' });
  expect(attempt.tries()).toBe(1);
});

test.each([
  [204, { ok: true }],
  [302, { ok: false, reason: 'the answer was 302', repeat: 'useless' }],
  [404, { ok: false, reason: 'the answer was 404', repeat: 'useless' }],
  [429, { ok: false, reason: 'the answer was 429', repeat: 'may_help' }],
  [500, { ok: false, reason: 'the answer was 500', repeat: 'may_help' }],
])('an answer %i is understood', async (status, outcome) => {
  await using target = await listening((_request, response) =>
    response.writeHead(status, { location: '/elsewhere' }).end(),
  );
  expect(await post({ ...outgoing, url: target.url }, signal)).toEqual(outcome);
});

test('an address where nobody listens is named by the kind of failure alone', async () => {
  await using target = await listening(() => {});
  const { url } = target;
  await target[Symbol.asyncDispose]();
  expect(await post({ ...outgoing, url }, signal)).toEqual({
    ok: false,
    reason: 'not reachable (ECONNREFUSED)',
    repeat: 'may_help',
  });
});

test('a server that stops gives up what is on its way, and waits for no pause', async () => {
  const stopping = new AbortController();
  await using target = await listening(() => stopping.abort());
  const outcome = await deliver({ ...outgoing, url: target.url }, { post, pause, signal: stopping.signal });
  expect(outcome).toEqual({ ok: false, reason: 'the server is stopping', repeat: 'useless' });
  await pause(60_000, stopping.signal);
});
