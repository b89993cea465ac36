/** Secrets put in at every door, through all kinds of failures: none may be read anywhere they have no business. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DOORS, openDoor, post } from '../support/doors.ts';
import { httpProxy } from '../support/proxies.ts';
import { fakeLogin, makeWorld, type World } from '../support/world.ts';

const FAULTS = [
  { at: 'before_created', kind: 'status', status: 403, body: '<html>CANARY-edge Cloudflare</html>' },
  {
    at: 'before_created',
    kind: 'status',
    status: 500,
    body: { error: { message: 'I cannot bear "CANARY-body" now' } },
  },
  { at: 'mid_output', kind: 'reset' },
  { at: 'after_created', kind: 'garbage', frames: ['{"CANARY-garbage":', '{', '{', '{'] },
  { at: 'before_created', kind: 'status', status: 429, body: { error: { type: 'usage_limit_reached' } } },
] as const;

/** Everything an outsider or an operator can read of the server. */
async function everythingShown(world: World): Promise<string> {
  const paths = [
    'accounts',
    'keys',
    'sessions',
    'requests',
    'status',
    'settings',
    'turns',
    'usage?range=24h',
  ];
  const shown = await Promise.all(paths.map((path) => world.admin('GET', `/api/${path}`)));
  const metrics = await fetch(`${world.url}/metrics`);
  return JSON.stringify(shown) + (await metrics.text());
}

/** Key files hold keys, and nobody else may open them; everything else must be unreadable. */
function filesOf(
  dataDir: string,
): { readonly name: string; readonly mode: number; readonly bytes: Buffer }[] {
  return readdirSync(dataDir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return { name: entry.name, mode: statSync(path).mode & 0o777, bytes: readFileSync(path) };
    });
}

async function strain(world: World, key: string): Promise<string> {
  const answers: unknown[] = [];
  for (const fault of FAULTS) {
    for (const name of DOORS) {
      world.simulator.script('b', { fault });
      await using door = await openDoor(name, world.url, { authorization: `Bearer ${key}` });
      answers.push(
        await door.turn({ input: 'CANARY-prompt', user: 'CANARY-user', metadata: { x: 'CANARY-metadata' } }),
      );
    }
  }
  answers.push(await post(world.url, '{"model": "CANARY-model', { authorization: `Bearer ${key}` }));
  answers.push(
    await post(world.url, { model: 'gpt-5.5', input: 'x' }, { authorization: 'Bearer rsp_CANARY-wrong-key' }),
  );
  return JSON.stringify(answers);
}

test('no secret is readable in logs, answers, lists, metrics or files', async () => {
  const lines: string[] = [];
  await using proxy = await httpProxy();
  await using world = await makeWorld({
    kind: 'chatgpt',
    names: ['a', 'b'],
    loginEndsInSeconds: 60,
    onLog: (line) => lines.push(line),
    env: { RESPOOL_LOG_LEVEL: 'trace', RESPOOL_ADMIN_TOKEN: 'CANARY-admin' },
  });
  await world.admin('PATCH', `/api/accounts/${world.ids.get('b')}`, { proxy: proxy.url });
  await world.admin('POST', '/api/accounts', {
    kind: 'api_key',
    name: 'k',
    api_key: 'sk-CANARY-key',
    priority: -9,
  });
  await world.admin('POST', '/api/accounts', { kind: 'chatgpt', auth_json: { CANARY: 1 } }).catch(() => {});
  const { key } = (await world.admin('POST', '/api/keys', { name: 'laptop' })) as { key: string };
  const { token } = world.simulator.tokens('a');
  world.simulator.scriptRefresh({
    status: 400,
    body: { error: { code: 'invalid_grant', message: 'CANARY-issuer' } },
  });
  const answers = await strain(world, key);
  const shown = await everythingShown(world);
  const secrets = [
    'CANARY',
    key,
    token,
    fakeLogin('b').token.split('.')[1] ?? '',
    'rt-a',
    'rt-b',
    'hidden-word',
  ];
  for (const secret of secrets) {
    expect(lines.filter((line) => line.includes(secret))).toEqual([]);
    expect(shown.includes(secret), `shown: ${secret}`).toBe(false);
  }
  expect(lines.filter((line) => line.includes('@example.com'))).toEqual([]);
  expect(lines.length).toBeGreaterThan(10);
  for (const secret of [token, key, 'rt-a', 'hidden-word', 'sk-CANARY', '@example.com']) {
    expect(answers.includes(secret), `answered: ${secret}`).toBe(false);
  }
  await world.restart();
  for (const { name, mode, bytes } of filesOf(world.dataDir)) {
    expect(mode & 0o077, name).toBe(0);
    for (const secret of [...secrets, '@example.com'])
      expect(bytes.includes(secret), `${name}: ${secret}`).toBe(false);
  }
});
