/** What the admin API really sends, held against what it declares: no member less, none more. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { AccountWire } from '../../src/admin-api/account.ts';
import type { ErrorWire, ListWire } from '../../src/admin-api/answer.ts';
import type { HelloWire, RemovedWire } from '../../src/admin-api/events.ts';
import type { KeyWire, NewKeyWire } from '../../src/admin-api/key.ts';
import type { LoginWire } from '../../src/admin-api/login.ts';
import type { RequestDetailWire, RequestWire } from '../../src/admin-api/request.ts';
import type { SessionWire } from '../../src/admin-api/session.ts';
import type { ChannelTestWire, SettingsWire } from '../../src/admin-api/settings.ts';
import type { BackupWire, StatusWire } from '../../src/admin-api/status.ts';
import type { TurnWire } from '../../src/admin-api/turn.ts';
import type { UsageWire } from '../../src/admin-api/usage.ts';
import type { QuotaHistoryWire } from '../../src/admin-api/window.ts';
import * as members from '../support/admin-members.ts';
import { idOf, post } from '../support/doors.ts';
import { bearer, type LiveStream, listen } from '../support/live-stream.ts';
import { makeWorld, type World } from '../support/world.ts';

/** `values` together have every member of the shape, each of them all that are always there. */
function expectShape<Wire>(values: readonly Wire[], declared: members.Members<Wire>): void {
  const names = Object.keys(declared).toSorted();
  const always = names.filter((name) => declared[name as keyof Wire] === 'always');
  const seen = new Set(values.flatMap((value) => Object.keys(value as object)));
  expect([...seen].toSorted()).toEqual(names);
  for (const value of values) expect(Object.keys(value as object)).toEqual(expect.arrayContaining(always));
}

let world: World;
let stream: LiveStream;
let session: string;

const get = async <Wire>(path: string): Promise<Wire> => (await world.admin('GET', path)) as Wire;
const list = async <Wire>(path: string): Promise<readonly Wire[]> => (await get<ListWire<Wire>>(path)).data;
const told = <Wire>(name: string): readonly Wire[] =>
  stream.heard.filter((event) => event.name === name).map(({ data }) => data as Wire);

const turn = (more: object = {}) =>
  post(world.url, { model: 'gpt-5.5', input: 'hello', ...more }, { 'session-id': 'story' });

/** One turn that drops a field, one that moves, and one that nobody can serve. */
beforeAll(async () => {
  world = await makeWorld({
    kind: 'chatgpt',
    names: ['a', 'b'],
    simulated: () => ({
      turnsBeforeQuota: 1,
      windows: { primary: { usedPercent: 10, windowMinutes: 300, resetsInSeconds: 600 } },
    }),
  });
  stream = await listen(world, bearer(world));
  const first = await turn({ temperature: 0.5 });
  await turn({ previous_response_id: idOf(first) });
  expect((await turn()).status).toBe(429);
  session = (await list<SessionWire>('/api/sessions'))[0]?.id ?? '';
});

afterAll(async () => {
  await stream[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
});

test('accounts with their windows and the history of these are sent as declared', async () => {
  const accounts = await list<AccountWire>('/api/accounts');
  expectShape(accounts, members.ACCOUNT);
  expectShape(
    accounts.flatMap(({ windows }) => windows),
    members.WINDOW,
  );
  const history = await get<QuotaHistoryWire>(`/api/accounts/${world.ids.get('a')}/history`);
  expectShape([history], members.HISTORY);
  expectShape(history.data, members.SAMPLE);
});

test('sessions with their switches are sent as declared', async () => {
  const sessions = await list<SessionWire>('/api/sessions');
  expectShape(sessions, members.SESSION);
  expectShape(
    sessions.flatMap(({ switches }) => switches),
    members.SWITCH,
  );
});

test('the request log with its attempts is sent as declared', async () => {
  const rows = await list<RequestWire>('/api/requests');
  expectShape(rows, members.REQUEST);
  expectShape(
    rows.flatMap(({ attempts }) => attempts),
    members.ATTEMPT,
  );
  expectShape(
    rows.flatMap(({ error }) => error ?? []),
    members.REQUEST_ERROR,
  );
  const details = await Promise.all(rows.map(({ id }) => get<RequestDetailWire>(`/api/requests/${id}`)));
  expectShape(details, members.REQUEST_DETAIL);
  expectShape(
    details.flatMap(({ history }) => history ?? []),
    members.HISTORY_SIZE,
  );
});

test('keys are sent as declared, a new one with its text', async () => {
  const made = (await world.admin('POST', '/api/keys', { name: 'laptop' })) as NewKeyWire;
  expectShape([made], members.NEW_KEY);
  const keys = await list<KeyWire>('/api/keys');
  expectShape(keys, members.KEY);
  expectShape(
    keys.map(({ limits }) => limits),
    members.KEY_LIMITS,
  );
  expectShape(
    keys.map(({ used }) => used),
    members.KEY_USE,
  );
});

test('status, backup and usage are sent as declared', async () => {
  const status = await get<StatusWire>('/api/status');
  expectShape([status], members.STATUS);
  expectShape([status.pool], members.POOL_STATUS);
  expectShape([status.writer], members.WRITER_STATUS);
  expectShape([(await world.admin('POST', '/api/backup')) as BackupWire], members.BACKUP);
  const usage = await get<UsageWire>('/api/usage');
  expectShape([usage], members.USAGE);
  expectShape([usage.totals], members.USAGE_SUM);
  expectShape(usage.series, members.USAGE_STEP);
  expectShape([...usage.models, ...usage.accounts, ...usage.keys], members.USAGE_GROUP);
});

test('settings and the outcome of a test notification are sent as declared', async () => {
  // This server takes none there: a test that is refused says why.
  const url = `${world.url}/nothing`;
  const notifications = [
    { kind: 'webhook', url, token: 'secret', events: ['pool_back'] },
    { kind: 'telegram', url, token: '1:bot', chat_id: '7' },
  ];
  const settings = (await world.admin('PUT', '/api/settings', { notifications })) as SettingsWire;
  expectShape([settings, await get<SettingsWire>('/api/settings')], members.SETTINGS);
  expectShape(settings.notifications, members.CHANNEL);
  const tested = await world.admin('POST', '/api/notifications/test', {});
  expectShape((tested as ListWire<ChannelTestWire>).data, members.CHANNEL_TEST);
  await world.admin('PUT', '/api/settings', { notifications: [] });
});

test('logins are sent as declared, whatever becomes of them', async () => {
  const device = (await world.admin('POST', '/api/logins', { method: 'device' })) as LoginWire;
  const browser = (await world.admin('POST', '/api/logins', { method: 'browser' })) as LoginWire;
  const state = new URL(browser.url).searchParams.get('state');
  const url = `http://localhost:1455/auth/callback?error=access_denied&state=${state}`;
  const denied = (await world.admin('POST', `/api/logins/${browser.id}/callback`, { url })) as LoginWire;
  const look = () => get<LoginWire>(`/api/logins/${device.id}`);
  await expect.poll(async () => (await look()).status, { timeout: 10_000 }).toBe('complete');
  expectShape([device, browser, denied, await look()], members.LOGIN);
});

test('a refusal is sent as declared', async () => {
  const answer = await fetch(`${world.url}/api/requests/nothing`, { headers: bearer(world) });
  const refused = (await answer.json()) as ErrorWire;
  expectShape([refused], members.ERROR);
  expectShape([refused.error], members.ERROR_BODY);
});

test('live events carry what the lists carry', async () => {
  await world.admin('DELETE', `/api/sessions/${session}`);
  const gone = await stream.next((event) => event.name === 'session' && 'removed' in event.data);
  expectShape([gone.data as unknown as RemovedWire], members.REMOVED);
  expectShape(told<HelloWire>('hello'), members.HELLO);
  expectShape(told<TurnWire>('turn'), members.TURN);
  expectShape(told<RequestWire>('request'), members.REQUEST);
  expectShape(told<AccountWire>('account'), members.ACCOUNT);
  expectShape(
    told<SessionWire | RemovedWire>('session').filter((one): one is SessionWire => !('removed' in one)),
    members.SESSION,
  );
});
