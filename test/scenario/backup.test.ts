/** `respool db` against a running server and without one. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runCli } from '../../src/cli/cli.ts';
import { idOf, openDoor, textOf } from '../support/doors.ts';
import { testContext } from '../support/fake-admin.ts';
import { makeWorld } from '../support/world.ts';

test('a conversation goes on from a copy that was made while the server ran', async () => {
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a'] });
  const env = {
    RESPOOL_DATA_DIR: world.dataDir,
    RESPOOL_PORT: new URL(world.url).port,
    RESPOOL_ADMIN_TOKEN: world.adminToken,
  };
  const copy = join(world.dataDir, 'copy.db');
  let previous = '';
  {
    await using door = await openDoor('json', world.url);
    previous = idOf(await door.turn({ input: 'hello' }));
  }
  const context = testContext(env);
  expect(await runCli(['db', 'backup', copy], context)).toBe(0);
  expect(await runCli(['db', 'backup', copy], context)).toBe(1);
  expect(context.notes.at(-1)).toContain('could not be written');
  expect(await runCli(['db', 'check', copy], context)).toBe(0);
  expect(context.printed.at(-1)).toMatch(
    /^ok .*1 account rows, 0 api key rows, 1 request rows, 1 transcript rows/,
  );
  expect(await runCli(['db', 'restore', copy], context)).toBe(1);
  expect(context.notes.at(-1)).toContain('stop it');
  await world.admin('DELETE', `/api/accounts/${world.ids.get('a')}`);
  await world.restart({}, async () => {
    expect(await runCli(['db', 'restore', copy], context)).toBe(0);
  });
  expect(existsSync(join(world.dataDir, 'respool.db'))).toBe(true);
  await using door = await openDoor('json', world.url);
  const next = await door.turn({ input: 'again', previous_response_id: previous });
  expect(textOf(next)).toContain('hello / again');
});
