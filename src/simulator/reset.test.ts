import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';

const PROGRAM = `
  import { connect, createServer } from 'node:net';
  const { reset } = await import(${JSON.stringify(new URL('./reset.ts', import.meta.url).href)});
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.end('all');
    process.nextTick(() => process.nextTick(() => {
      reset(socket, 'unsent');
      server.close();
      client.destroy();
    }));
  });
  let client;
  server.listen(0, () => { client = connect(server.address().port).on('error', () => {}); });
`;

test('a process that has reset a connection which was about to end comes to its own end', () => {
  const { status } = spawnSync(process.execPath, ['--input-type=module', '-e', PROGRAM], { timeout: 5000 });
  expect(status).toBe(0);
});
