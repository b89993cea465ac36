/**
 * The dashboard in a real browser, against the server and the simulator. Run with `npm run suite -- dashboard`.
 */
import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import type { Browser, Page } from 'playwright-core';
import { launch, visit } from '../support/browser.ts';
import { assertAccessible, busyWorld, converse, madeUp, signedIn } from '../support/dashboard.ts';
import { post } from '../support/doors.ts';
import { closeSuite } from '../support/tally.ts';
import { fakeLogin, makeWorld } from '../support/world.ts';
import { browserLogin, channelAndBackup, deviceLogin } from './dashboard-logins.ts';

const SCRIPT_LIMIT_BYTES = 60 * 1024;
const PAGES = ['#/now', '#/sessions', '#/requests', '#/accounts', '#/usage', '#/settings'];

type Check = (browser: Browser) => Promise<void>;

const seen = (page: Page, text: string | RegExp) => page.getByText(text).first().waitFor();

async function firstRun(browser: Browser): Promise<void> {
  await using world = await makeWorld({ kind: 'api_key', names: [] });
  world.simulator.addAccount({ name: 'first', dialect: 'openai', token: 'sk-first' });
  await using visitor = await signedIn(browser, world);
  const { page } = visitor;
  await page.getByRole('heading', { name: 'Four steps to the first turn' }).waitFor();
  await page.getByRole('link', { name: 'API key' }).click();
  await page.getByLabel('Name').fill('first');
  await page.getByLabel('API key', { exact: true }).fill('sk-first');
  await page.getByRole('dialog').getByRole('button', { name: 'Add account' }).click();
  await page.getByRole('link', { name: 'Now', exact: true }).click();
  await page.locator('.steps > li.done', { hasText: 'Add an account' }).waitFor();
  await page.getByRole('button', { name: 'New key' }).click();
  await page.getByLabel('Name').fill('laptop');
  await page.getByRole('button', { name: 'Make key' }).click();
  const key = await page.getByRole('dialog').locator('pre').textContent();
  assert.match(key ?? '', /^rsp_/);
  await page.getByRole('button', { name: 'Close' }).click();
  await page.locator('.steps > li.done', { hasText: 'Make a key' }).waitFor();
  assert.ok((await page.locator('.steps pre').textContent())?.includes(`base_url = "${world.url}/v1"`));
  await post(world.url, { model: 'gpt-5.5', input: 'hello' }, { authorization: `Bearer ${key}` });
  await page.getByRole('heading', { name: 'The account is ready' }).waitFor();
  await page.getByRole('link', { name: /laptop/ }).waitFor();
  assert.deepEqual(visitor.complaints, []);
}

async function switchSeenLive(browser: Browser): Promise<void> {
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a', 'b'] });
  await converse(world, 2);
  await using visitor = await signedIn(browser, world);
  const { page } = visitor;
  await visitor.open('#/sessions');
  await page.getByRole('link', { name: /2 turns/ }).waitFor();
  assert.equal(await page.locator('[data-move]').count(), 0);
  await page.evaluate(() => Object.assign(globalThis, { sameVisit: true }));
  world.simulator.setQuota('a', 'exhausted');
  await converse(world, 2);
  await seen(page, /a → b · usage limit reached/);
  await page.getByRole('link', { name: /4 turns/ }).click();
  await seen(page, /a → b · usage limit reached/);
  await page.getByRole('link', { name: /switch/ }).click();
  const why = page.getByRole('dialog', { name: 'Why' });
  await why.getByText(/out of quota \(usage_limit_reached\) · before any output/).waitFor();
  await page.getByRole('link', { name: 'Its conversation' }).click();
  await page.getByRole('link', { name: 'Now', exact: true }).click();
  await page.getByRole('heading', { name: '1 of 2 accounts ready' }).waitFor();
  await page.locator('[data-account="a"]', { hasText: 'Out of quota' }).waitFor();
  assert.equal(await page.evaluate(() => 'sameVisit' in globalThis), true, 'the page was loaded again');
  assert.deepEqual(visitor.complaints, []);
}

async function runningTurn(browser: Browser): Promise<void> {
  await using world = await busyWorld();
  await using visitor = await signedIn(browser, world);
  const { page } = visitor;
  world.simulator.script('b', { deltas: 150, deltaBytes: 4, paceMs: 20 });
  world.simulator.script('c', { deltas: 150, deltaBytes: 4, paceMs: 20 });
  const running = post(world.url, { model: 'gpt-5.5', input: 'hello', stream: true });
  const row = page.locator('.line.turn');
  await row.filter({ hasText: 'Answering' }).waitFor();
  await row.filter({ hasText: /\d+ tok\/s/ }).waitFor();
  await running;
  await seen(page, 'Nothing runs at this moment.');
  assert.deepEqual(visitor.complaints, []);
}

async function wrongToken(browser: Browser): Promise<void> {
  await using world = await makeWorld({ kind: 'api_key', names: ['a'] });
  await using visitor = await visit(browser, world);
  await visitor.signIn('not the token');
  await visitor.page.getByRole('alert').filter({ hasText: 'That is not the admin token.' }).waitFor();
  await visitor.signIn();
  await visitor.page.getByRole('navigation').waitFor();
  assert.deepEqual(await visitor.page.evaluate('[document.cookie, sessionStorage.length]'), ['', 0]);
}

async function signOut(browser: Browser): Promise<void> {
  await using world = await busyWorld();
  await using visitor = await signedIn(browser, world);
  const second = await visitor.context.newPage();
  await second.goto(world.url);
  await second.getByRole('navigation').waitFor();
  const [cookie] = await visitor.context.cookies();
  await visitor.page.getByRole('button', { name: 'Sign out' }).click();
  await visitor.page.getByLabel('Admin token').waitFor();
  await second.getByLabel('Admin token').waitFor();
  const headers = { cookie: `${cookie?.name}=${cookie?.value}` };
  assert.equal((await fetch(`${world.url}/api/accounts`, { headers })).status, 401);
}

async function missedEvents(browser: Browser): Promise<void> {
  await using world = await busyWorld();
  await using visitor = await signedIn(browser, world);
  await visitor.open('#/accounts');
  await visitor.context.setOffline(true);
  await world.admin('PATCH', `/api/accounts/${world.ids.get('c')}`, { paused: true });
  await visitor.context.setOffline(false);
  await visitor.page.locator('[data-account="c"]', { hasText: 'Paused' }).waitFor();
}

async function phone(browser: Browser): Promise<void> {
  await using world = await busyWorld();
  await using visitor = await signedIn(browser, world, { width: 360 });
  const [row] = await world.rows();
  const more = [
    `#/sessions/${row?.session}`,
    `#/now?why=${row?.id}`,
    '#/accounts?add=file',
    '#/now?skip=yes',
  ];
  for (const hash of [...PAGES, ...more, `#/accounts/${world.ids.get('a')}`]) {
    await visitor.open(hash);
    const over = await visitor.page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
    assert.ok(over <= 0, `${hash} is ${over} px too wide`);
  }
}

async function accessible(browser: Browser, scheme: 'light' | 'dark'): Promise<void> {
  await using world = await busyWorld();
  await world.admin('POST', '/api/keys', { name: 'laptop' });
  await using visitor = await visit(browser, world, { scheme });
  const { page } = visitor;
  await assertAccessible(page, 'sign-in');
  await visitor.signIn();
  await page.getByRole('navigation').waitFor();
  const [row] = await world.rows();
  const more = [`#/sessions/${row?.session}`, `#/requests?why=${row?.id}`, '#/accounts?add=api_key'];
  for (const hash of [...PAGES, ...more, `#/accounts/${world.ids.get('a')}`]) {
    await visitor.open(hash);
    await page.waitForLoadState('networkidle');
    await assertAccessible(page, hash);
  }
  assert.deepEqual(visitor.complaints, []);
}

async function accountsByHand(browser: Browser): Promise<void> {
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a'] });
  await using visitor = await signedIn(browser, world);
  const { page } = visitor;
  const card = page.locator('[data-account="b@example.com"], [data-account="spare"]');
  await visitor.open('#/accounts?add=file');
  await page.getByLabel('Or paste the content of one').fill('{"not": "a login"}');
  await page.getByRole('dialog').getByRole('button', { name: 'Add account' }).click();
  await page.getByRole('alert').filter({ hasText: /\w/ }).waitFor();
  const file = { name: 'auth.json', mimeType: 'application/json' };
  const buffer = Buffer.from(JSON.stringify(fakeLogin('b').authJson));
  await page.getByLabel('auth.json').setInputFiles({ ...file, buffer });
  await card.getByRole('link', { name: 'Details' }).click();
  await page.getByLabel('Name').fill('spare');
  await page.getByLabel('Ceiling in percent').fill('80');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('dialog', { name: 'spare' }).getByRole('button', { name: 'Close' }).click();
  await card.getByRole('button', { name: 'Pause' }).click();
  await card.getByText('Paused').waitFor();
  assert.partialDeepStrictEqual(await world.account('spare'), { max_used_percent: 80, status: 'paused' });
  await card.getByRole('link', { name: 'Details' }).click();
  await page.getByRole('button', { name: 'Remove account' }).click();
  const sure = page.getByRole('dialog', { name: 'Remove account' });
  await sure.getByRole('button', { name: 'Remove account' }).click();
  await card.waitFor({ state: 'detached' });
}

async function keyboard(browser: Browser): Promise<void> {
  await using world = await busyWorld();
  await using visitor = await signedIn(browser, world);
  const { page } = visitor;
  await visitor.open('#/requests');
  const entry = page.locator('.entry').first();
  await entry.focus();
  await page.keyboard.press('Enter');
  const why = page.getByRole('dialog', { name: 'Why' });
  await why.waitFor();
  await page.keyboard.press('Escape');
  await why.waitFor({ state: 'detached' });
  assert.equal(await page.locator('.entry:focus').count(), 1);
}

const ROWS = 100_000;

/** The log is made up here, a page at a time, as the server would list it. */
async function longList(browser: Browser): Promise<void> {
  await using world = await busyWorld();
  await using visitor = await signedIn(browser, world);
  const { page } = visitor;
  await page.route('**/api/requests?*', (route) => {
    const before = new URL(route.request().url()).searchParams.get('before');
    const from = before === null ? 0 : Number(before.slice(4)) + 1;
    const data = Array.from({ length: Math.min(1000, ROWS - from) }, (_, index) => madeUp(from + index));
    return route.fulfill({ json: { data } });
  });
  await visitor.open('#/requests?status=failed');
  const list = page.locator('.rows .scroll');
  await page.locator('.entry').first().waitFor();
  for (let rows = 0; rows < ROWS; ) {
    rows = await list.evaluate((element, known) => {
      element.scrollTop = element.scrollHeight;
      return new Promise<number>((resolve) => {
        const look = (): void => {
          const now = Math.round(element.scrollHeight / 40);
          if (now > known) resolve(now);
          else setTimeout(look, 5);
        };
        look();
      });
    }, rows);
    assert.ok((await page.locator('.entry').count()) < 100, 'rows that nobody sees are on the page');
  }
  await page.locator('.entry').last().waitFor();
  assert.deepEqual(visitor.complaints, []);
}

async function otherLanguage(browser: Browser): Promise<void> {
  await using world = await busyWorld();
  await using visitor = await signedIn(browser, world);
  await visitor.open('#/settings');
  await visitor.page.getByRole('button', { name: '中文' }).click();
  await visitor.page.getByRole('heading', { level: 1, name: '密钥与设置' }).waitFor();
  await visitor.page.reload();
  await visitor.page.getByRole('heading', { level: 1, name: '密钥与设置' }).waitFor();
}

async function smallScript(browser: Browser): Promise<void> {
  await using world = await busyWorld();
  await using visitor = await visit(browser, world);
  let bytes = 0;
  visitor.page.on('response', async (answer) => {
    if (answer.request().resourceType() === 'script') bytes += gzipSync(await answer.body()).length;
  });
  await visitor.page.reload({ waitUntil: 'networkidle' });
  assert.ok(bytes > 0 && bytes <= SCRIPT_LIMIT_BYTES, `${bytes} bytes of script on first load`);
}

const CHECKS: readonly (readonly [string, Check])[] = [
  ['the first run leads to the first turn', firstRun],
  ['a switch of account is seen live, with its reason', switchSeenLive],
  ['a running turn shows its phase and its pace', runningTurn],
  ['an account comes in as a file, is changed, paused and removed', accountsByHand],
  ['an account comes in by a code on another device', deviceLogin],
  ['an account comes in by the browser, with the address pasted', browserLogin],
  ['a channel is added and tried, and a backup is made', channelAndBackup],
  ['a wrong token is told in words', wrongToken],
  ['signing out ends the session in every tab', signOut],
  ['what happened while the connection was away is shown', missedEvents],
  ['no page scrolls sideways on a phone', phone],
  ['nothing serious stands in the way of anybody, light', (browser) => accessible(browser, 'light')],
  ['nothing serious stands in the way of anybody, dark', (browser) => accessible(browser, 'dark')],
  ['a row opens and closes by keyboard', keyboard],
  ['a hundred thousand rows scroll to their end', longList],
  ['the page speaks Chinese', otherLanguage],
  ['the first load brings at most 60 KiB of script', smallScript],
];

const browser = await launch();
let failed = 0;
const wanted = process.argv.slice(2);
const chosen = CHECKS.filter(([title]) => wanted.every((word) => title.includes(word)));
for (const [title, check] of chosen) {
  try {
    await check(browser);
    console.log(`ok    ${title}`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL  ${title}\n${(error as Error).stack}`);
  }
}
await browser.close();
closeSuite(chosen.length - failed, failed);
