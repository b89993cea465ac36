import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';

const PROGRAM = `
  const { LogLines } = await import(${JSON.stringify(new URL('./log-lines.ts', import.meta.url).href)});
  const lines = new LogLines(1);
  await new Promise((resolve) => process.stdin.once('data', resolve));
  for (let n = 0; n < Number(process.argv[1]); n += 1) lines.write('line ' + n + '\\n');
  process.exit(7);
`;
const run = (count: number) =>
  spawn(process.execPath, ['--input-type=module', '-e', PROGRAM, String(count)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });

test('every line has been written when the process has ended', async () => {
  const child = run(2000);
  child.stdin.end('go');
  const said = await text(child.stdout);
  expect(new Set(said.trim().split('\n')).size).toBe(2000);
});

test('a process whose log nobody reads any more ends', async () => {
  const child = run(1);
  child.stdout.destroy();
  await once(child.stdout, 'close');
  child.stdin.end('go');
  const [code] = (await once(child, 'exit')) as [number];
  expect(code).toBe(7);
});
