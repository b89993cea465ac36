/**
 * Stories of the dashboard that need the login service or somebody to notify.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser } from 'playwright-core';
import { signedIn } from '../support/dashboard.ts';
import { makeWorld } from '../support/world.ts';

export async function deviceLogin(browser: Browser): Promise<void> {
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a', 'b'] });
  await world.admin('DELETE', `/api/accounts/${world.ids.get('b')}`);
  world.simulator.setNextLogin('b');
  world.simulator.setDevicePendings(1);
  await using visitor = await signedIn(browser, world);
  const { page } = visitor;
  await visitor.open('#/accounts?add=device');
  await page.getByRole('dialog').getByRole('button', { name: 'Begin' }).click();
  assert.match((await page.locator('.user-code').textContent()) ?? '', /^\w{4}-\w{4}$/);
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await page.locator('[data-account="b@example.com"]').getByText('Ready').waitFor();
  assert.deepEqual(visitor.complaints, []);
}

export async function browserLogin(browser: Browser): Promise<void> {
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a', 'b'] });
  await world.admin('DELETE', `/api/accounts/${world.ids.get('b')}`);
  world.simulator.setNextLogin('b');
  await using visitor = await signedIn(browser, world);
  const { page } = visitor;
  await visitor.open('#/accounts?add=browser');
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'Begin' }).click();
  const address = await dialog.getByRole('link', { name: 'Open the login page' }).getAttribute('href');
  const back = await fetch(address ?? '', { redirect: 'manual' });
  await dialog.getByLabel('The address at which it ended').fill(back.headers.get('location') ?? '');
  await dialog.getByRole('button', { name: 'Finish' }).click();
  await page.locator('[data-account="b@example.com"]').getByText('Ready').waitFor();
  assert.deepEqual(visitor.complaints, []);
}

export async function channelAndBackup(browser: Browser): Promise<void> {
  const told: string[] = [];
  const channel = createServer((request, response) => {
    request.on('data', (chunk) => told.push(String(chunk)));
    response.end();
  }).listen(0, '127.0.0.1');
  await once(channel, 'listening');
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a'] });
  await using visitor = await signedIn(browser, world);
  const { page } = visitor;
  await visitor.open('#/settings');
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  await page.getByLabel('Address').fill(`http://127.0.0.1:${(channel.address() as AddressInfo).port}/hook`);
  await page.getByRole('dialog').getByRole('button', { name: 'Add' }).click();
  await page.getByRole('button', { name: 'Send a test' }).click();
  await page.getByText('A test was sent.').first().waitFor();
  assert.equal(told.length, 1);
  channel.closeAllConnections();
  channel.close();
  await once(channel, 'close');
  await page.getByRole('button', { name: 'Send a test' }).click();
  await page.getByText('The test did not reach').first().waitFor({ timeout: 40_000 });
  await page.getByRole('button', { name: 'Back up now' }).click();
  await page.getByText('Written:').waitFor();
  assert.deepEqual(visitor.complaints, []);
}
