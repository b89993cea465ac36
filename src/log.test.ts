import { expect, test } from 'vitest';
import { createLog, readable } from './log.ts';

function capture() {
  const lines: string[] = [];
  return { lines, write: (line: string) => void lines.push(line) };
}

test('a line is one JSON object with level, time and message', () => {
  const to = capture();
  createLog('info', to).info({ turn: 't-1' }, 'done');
  expect(JSON.parse(to.lines[0] ?? '')).toEqual({
    level: 30,
    time: expect.any(Number),
    turn: 't-1',
    msg: 'done',
  });
});

test('lines under the level are not written', () => {
  const to = capture();
  createLog('warn', to).info('quiet');
  createLog('silent', to).fatal('quiet');
  expect(to.lines).toEqual([]);
});

test('secrets, people and prompts are hidden however deep they are', () => {
  const to = capture();
  const secret = 'hunter2';
  createLog('info', to).info({
    token: secret,
    email: secret,
    account: { email: secret, refreshToken: secret },
    request: { headers: { authorization: secret, 'set-cookie': secret }, body: secret, input: [secret] },
    attempts: [
      { sent: { with: { prompt: secret, plain: Object.assign(Object.create(null), { cookie: secret }) } } },
    ],
    err: Object.assign(new Error('broken'), { config: { headers: { authorization: secret } } }),
  });
  expect(to.lines[0]).not.toContain(secret);
  expect(to.lines[0]).toContain('[private]');
});

test('a terminal gets time, level, message and details in one readable line', () => {
  const to = capture();
  createLog('info', readable(to)).warn({ turn: 't-1', reason: 'two words', ms: 5 }, 'slow');
  expect(to.lines[0]).toMatch(/^\d\d:\d\d:\d\d WARN {2}slow turn=t-1 reason="two words" ms=5\n$/);
});

test('a terminal gets the stack of an error under its line', () => {
  const to = capture();
  createLog('info', readable(to)).error(new Error('broken'));
  expect(to.lines[0]).toMatch(/ERROR broken\nError: broken\n {4}at /);
});
