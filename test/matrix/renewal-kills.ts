/**
 * The server is killed while logins are being renewed: afterwards each account works, or says honestly that its
 * login is gone. A refresh token goes up a second time, and no third, only where nothing else was left to try.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Simulator, startSimulator } from '../../src/simulator/simulator.ts';
import { freePort, startChild } from '../support/child.ts';
import { post } from '../support/doors.ts';
import { fakeLogin } from '../support/world.ts';

const ACCOUNTS = 12;
/** Longer than a renewal that was cut off is waited for. */
const SETTLED_WITHIN_MS = 45_000;

interface Shown {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly status_reason: string | null;
}

export async function renewalKills(): Promise<string> {
  const names = Array.from({ length: ACCOUNTS }, (_, n) => `n${n}`);
  const logins = new Map(names.map((name) => [name, fakeLogin(name, 'first', 60)]));
  await using simulator = await startSimulator({
    accounts: names.map((name) => ({
      name,
      dialect: 'chatgpt',
      token: logins.get(name)?.token ?? '',
      accountId: `workspace-${name}`,
      refreshToken: `rt-${name}`,
    })),
  });
  const dataDir = await mkdtemp(join(tmpdir(), 'respool-renewals-'));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const env = {
    PATH: process.env['PATH'],
    RESPOOL_DATA_DIR: dataDir,
    RESPOOL_PORT: String(port),
    RESPOOL_CHATGPT_BASE_URL: simulator.chatgptBaseUrl,
    RESPOOL_AUTH_BASE_URL: simulator.authBaseUrl,
    RESPOOL_ADMIN_TOKEN: 'admin',
    RESPOOL_LOG_LEVEL: 'silent',
  };
  const first = await startChild(env);
  for (const name of names) {
    await admin(url, 'POST', '/api/accounts', {
      kind: 'chatgpt',
      name,
      auth_json: logins.get(name)?.authJson,
    });
  }
  const turns = names.map((name) => post(url, { model: 'gpt-5.5', input: name }).catch(() => undefined));
  await simulator.waitFor((one) => one.refreshes.length >= 3);
  const died = once(first, 'exit');
  first.kill('SIGKILL');
  await Promise.all([died, ...turns]);
  const second = await startChild(env);
  const ended = once(second, 'exit');
  try {
    return await settle(url, simulator);
  } finally {
    // Also after a check that failed: a child that runs keeps this process.
    second.kill('SIGTERM');
    await ended;
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function settle(url: string, simulator: Simulator): Promise<string> {
  const until = Date.now() + SETTLED_WITHIN_MS;
  let working = new Set<string>();
  let gone: readonly Shown[] = [];
  while (working.size + gone.length < ACCOUNTS) {
    assert.ok(Date.now() < until, `${working.size} work, ${gone.length} say that they do not`);
    await Promise.all(
      Array.from({ length: ACCOUNTS }, () => post(url, { model: 'gpt-5.5', input: 'again' })),
    );
    const served = simulator.seen.filter((turn) => turn.status === 'answered').map((turn) => turn.account);
    working = new Set(served);
    const { data } = (await admin(url, 'GET', '/api/accounts')) as { data: Shown[] };
    gone = data.filter((one) => one.status === 'needs_login' && !working.has(one.name));
    await pause(500);
  }
  for (const account of gone) assert.equal(account.status_reason, 'refresh_token_reused');
  const ended = gone.map(({ name }) => `rt-${name}`);
  for (const token of new Set(simulator.refreshes)) {
    const times = simulator.refreshes.filter((sent) => sent === token).length;
    assert.ok(times <= (ended.includes(token) ? 2 : 1), `${token} went up ${times} times`);
  }
  return `killed over ${ACCOUNTS} renewals: ${working.size} accounts work, ${gone.length} ask for a login, no token sent without need`;
}

async function admin(url: string, method: string, path: string, body?: object): Promise<unknown> {
  const answer = await fetch(`${url}${path}`, {
    method,
    headers: { authorization: 'Bearer admin', 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  assert.ok(answer.ok, `${method} ${path}: ${answer.status}`);
  return answer.json();
}
