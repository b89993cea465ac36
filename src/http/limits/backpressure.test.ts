import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { Backpressure } from './backpressure.ts';

const MIB = 1024 * 1024;

/** Both ends of one connection; nobody reads at the client's yet. */
async function connection(): Promise<{ client: Socket; server: Socket }> {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const accepted = once(listener, 'connection') as Promise<[Socket]>;
  const client = connect((listener.address() as { port: number }).port, '127.0.0.1');
  const [server] = await accepted;
  onTestFinished(() => {
    client.destroy();
    server.destroy();
    listener.close();
  });
  return { client, server };
}

function reader(socket: Socket, stuckAfterMs: number) {
  const words: string[] = [];
  const heard = new Map<string, () => void>();
  const say = (word: string): void => {
    words.push(word);
    heard.get(word)?.();
  };
  const slow = new Backpressure(
    socket,
    {
      buffered: () => socket.writableLength,
      pause: () => say('pause'),
      resume: () => say('resume'),
      giveUp: () => say('give up'),
    },
    stuckAfterMs,
  );
  const write = (bytes: number): Promise<void> =>
    new Promise((resolve) => {
      socket.write(Buffer.alloc(bytes), () => {
        slow.flushed();
        resolve();
      });
      slow.wrote();
    });
  const until = (word: string): Promise<void> =>
    words.includes(word) ? Promise.resolve() : new Promise((resolve) => heard.set(word, resolve));
  return { words, write, until, slow };
}

test('a reader that reads is never held', async () => {
  const { client, server } = await connection();
  client.resume();
  const { words, write } = reader(server, 60_000);
  for (let index = 0; index < 64; index += 1) {
    await write(64 * 1024);
  }
  expect(words).toEqual([]);
});

test('a reader that stops holds upstream, and lets it go on when it reads again', async () => {
  const { client, server } = await connection();
  const { words, write, until, slow } = reader(server, 60_000);
  for (let index = 0; index < 12; index += 1) write(MIB);
  expect(words).toEqual(['pause']);
  expect(slow.isHeld).toBe(true);
  client.resume();
  await until('resume');
  expect(words).toEqual(['pause', 'resume']);
  expect(server.timeout).toBe(0);
});

test('a reader that takes nothing at all is given up', async () => {
  const { server } = await connection();
  const { words, write, until } = reader(server, 80);
  for (let index = 0; index < 12; index += 1) write(MIB);
  await until('give up');
  expect(words).toEqual(['pause', 'give up']);
});

test('the last bytes of an answer have to be taken as well', async () => {
  const { server } = await connection();
  const { words, until, slow } = reader(server, 80);
  server.write(Buffer.alloc(12 * MIB));
  slow.watch();
  await until('give up');
  expect(words).toEqual(['give up']);
});
