import { expect, test } from 'vitest';
import { AdminSessions, LOGIN_LIFETIME_MS } from './admin-sessions.ts';

test('a login is found by its name until it is closed, and then says so', () => {
  const logins = new AdminSessions();
  const [mine, other] = [logins.open(), logins.open()];
  const login = logins.find(mine);
  expect(login?.ended.aborted).toBe(false);
  logins.close(mine);
  expect(login?.ended.aborted).toBe(true);
  expect(logins.find(mine)).toBeUndefined();
  expect(logins.find(other)).toBeDefined();
});

test('a login ends after seven days', () => {
  let now = 0;
  const logins = new AdminSessions(() => now);
  const name = logins.open();
  now = LOGIN_LIFETIME_MS - 1;
  expect(logins.find(name)).toBeDefined();
  now = LOGIN_LIFETIME_MS;
  expect(logins.find(name)).toBeUndefined();
});

test('who signs in without end loses the oldest sign-ins', () => {
  const logins = new AdminSessions();
  const first = logins.open();
  const names = Array.from({ length: 200 }, () => logins.open());
  expect(logins.find(first)).toBeUndefined();
  expect(logins.find(names[0])).toBeDefined();
});

test.each([undefined, '', 'made up'])('the name %s opens nothing', (name) => {
  expect(new AdminSessions().find(name)).toBeUndefined();
});
