/**
 * A real browser in front of the dashboard: somebody who opens pages, and whatever the pages complain about.
 */
import { existsSync } from 'node:fs';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import type { World } from './world.ts';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

export function launch(): Promise<Browser> {
  const executablePath = process.env['CHROMIUM'] ?? PLACES.find((place) => existsSync(place));
  if (executablePath === undefined) {
    throw new Error('There is no Chromium here: install it (apt-get install chromium) or set CHROMIUM.');
  }
  return chromium.launch({ executablePath, args: ['--no-sandbox'] });
}

export interface VisitorOptions {
  readonly scheme?: 'light' | 'dark';
  readonly width?: number;
}

export interface Visitor extends AsyncDisposable {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Errors in the console, exceptions, and requests to anywhere but the server. */
  readonly complaints: readonly string[];
  signIn(token?: string): Promise<void>;
  open(hash: string): Promise<void>;
}

export async function visit(browser: Browser, world: World, options: VisitorOptions = {}): Promise<Visitor> {
  const context = await browser.newContext({
    viewport: { width: options.width ?? 1280, height: 860 },
    colorScheme: options.scheme ?? 'light',
    reducedMotion: 'reduce',
    locale: 'en-GB',
  });
  context.setDefaultTimeout(15_000);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(`${message.text()} ${message.location().url}`);
  });
  page.on('pageerror', (error) => complaints.push(String(error.stack)));
  page.on('request', (request) => {
    if (!request.url().startsWith(world.url)) complaints.push(`request to ${request.url()}`);
  });
  await page.goto(world.url);
  return {
    page,
    context,
    complaints,
    signIn: async (token = world.adminToken) => {
      await page.getByLabel('Admin token').fill(token);
      await page.getByRole('button', { name: 'Sign in' }).click();
    },
    open: async (hash) => {
      await page.goto(`${world.url}/${hash}`);
      await page.locator('h1').first().waitFor();
    },
    [Symbol.asyncDispose]: () => context.close(),
  };
}
