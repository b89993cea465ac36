/**
 * A real Chromium on pages of others: whatever such a page tries, nothing reaches upstream and nothing readable comes
 * back. Run with `npm run suite -- browser`; takes the `chromium` of the system, or the one that CHROMIUM names.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type Browser, chromium, type Page } from 'playwright-core';
import { closeSuite } from '../support/tally.ts';
import { makeWorld, type World } from '../support/world.ts';

const PAGE = '<!doctype html><title>page</title><body></body>';
const REBOUND = 'rebound.example';
/** For what a page cannot wait for: forms and beacons. */
const UNSEEN_MS = 400;

const TURN = '{"model":"gpt-5.5","input":"sent by a page"}';

/**
 * Scripts for the page, as text: they run elsewhere and know another world. Each is given the server's address and
 * says what it could read, or nothing.
 */
const READ = 'async (answer) => { const text = await (await answer).text(); return text; }';
const fetching = (path: string, init: object): string =>
  `(url) => (${READ})(fetch(url + ${JSON.stringify(path)}, ${JSON.stringify(init)})).catch(() => '')`;

const post = (type: string, more: object = {}): object => ({
  method: 'POST',
  headers: { 'content-type': type },
  body: TURN,
  ...more,
});

const form = (encoding: string): string => `(url) => {
  const frame = document.createElement('iframe');
  frame.name = 'answer';
  const form = document.createElement('form');
  Object.assign(form, { action: url + '/v1/responses', method: 'post', enctype: '${encoding}', target: 'answer' });
  const field = document.createElement('input');
  field.name = ${JSON.stringify(TURN.slice(0, -2))};
  field.value = '"}';
  form.append(field);
  document.body.append(frame, form);
  form.submit();
  return new Promise((resolve) => setTimeout(() => resolve(read(frame)), ${UNSEEN_MS}));
  function read(frame) {
    try { return frame.contentDocument.body.textContent; } catch { return ''; }
  }
}`;

const socket = (path: string): string => `(url) => new Promise((resolve) => {
  const socket = new WebSocket(url.replace('http', 'ws') + '${path}');
  socket.onopen = () => socket.send('{"type":"response.create",' + ${JSON.stringify(TURN.slice(1))});
  socket.onmessage = (event) => resolve(event.data);
  socket.onclose = () => resolve('');
})`;

const eventSource = (path: string): string => `(url) => new Promise((resolve) => {
  const source = new EventSource(url + '${path}');
  source.onopen = () => resolve('open');
  source.onerror = () => { source.close(); resolve(''); };
})`;

const element = (name: string, path: string): string => `(url) => new Promise((resolve) => {
  const element = document.createElement('${name}');
  element.onload = () => resolve('loaded');
  element.onerror = () => resolve('');
  element.src = url + '${path}';
  document.body.append(element);
})`;

const BEACON = `(url) => {
  navigator.sendBeacon(url + '/v1/responses', new Blob([${JSON.stringify(TURN)}], { type: 'text/plain' }));
  return new Promise((resolve) => setTimeout(() => resolve(''), ${UNSEEN_MS}));
}`;

/** The same from a frame whose origin is `null`. */
const SANDBOXED = `(url) => new Promise((resolve) => {
  const frame = document.createElement('iframe');
  frame.sandbox = 'allow-scripts';
  frame.srcdoc = '<script>const told = (text) => parent.postMessage(text, "*");' +
    'const socket = new WebSocket("' + url.replace('http', 'ws') + '/v1/responses");' +
    'socket.onopen = () => told("open"); socket.onclose = () => told("");</' + 'script>';
  addEventListener('message', (event) => resolve(event.data), { once: true });
  document.body.append(frame);
})`;

const ATTEMPTS: Readonly<Record<string, string>> = {
  'a simple fetch': fetching('/v1/responses', post('text/plain')),
  'a simple fetch that needs no answer': fetching('/v1/responses', post('text/plain', { mode: 'no-cors' })),
  'a fetch with a preflight': fetching('/v1/responses', post('application/json')),
  'a fetch with a made-up key': fetching('/v1/responses', {
    ...post('application/json'),
    headers: { 'content-type': 'application/json', authorization: 'Bearer dummy' },
  }),
  'a fetch of the models': fetching('/v1/models', {}),
  'a fetch of the models that needs no answer': fetching('/v1/models', { mode: 'no-cors' }),
  'a fetch of the accounts': fetching('/api/accounts', { credentials: 'include' }),
  'a form as plain text': form('text/plain'),
  'a form as usual': form('application/x-www-form-urlencoded'),
  'a WebSocket': socket('/v1/responses'),
  "a WebSocket on Codex's path": socket('/backend-api/codex/responses'),
  'an event source': eventSource('/v1/responses'),
  "an event source of the operator's events": eventSource('/api/events'),
  'an image': element('img', '/v1/models'),
  'a script': element('script', '/v1/models'),
  'a beacon': BEACON,
  'a sandboxed frame': SANDBOXED,
};

async function pageServer(): Promise<{ server: Server; port: number }> {
  const server = createServer((_request, response) =>
    response.setHeader('content-type', 'text/html').end(PAGE),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, port: (server.address() as { port: number }).port };
}

/** Answers of the server that a page was given anything in; the page itself is not one. */
function served(page: Page, world: World): readonly string[] {
  const seen: string[] = [];
  const { port } = new URL(world.url);
  page.on('response', (answer) => {
    const url = new URL(answer.url());
    if (url.port !== port || url.pathname === '/page' || answer.status() >= 400) return;
    seen.push(`${answer.status()} ${url.pathname}`);
  });
  return seen;
}

interface Origin {
  readonly name: string;
  /** Where the page is, and where it finds the server from there. */
  readonly page: string;
  readonly target: string;
}

async function attempt(browser: Browser, world: World, origin: Origin, script: string): Promise<void> {
  const page = await browser.newPage();
  try {
    await page.route('**/page', (route) => route.fulfill({ contentType: 'text/html', body: PAGE }));
    await page.goto(origin.page);
    const answers = served(page, world);
    const before = world.simulator.seen.length;
    const read = await page.evaluate(`(${script})(${JSON.stringify(origin.target)})`);
    // A refusal that a page of the same name can read says nothing but that it is refused.
    const told = String(read);
    assert.ok(
      told === '' || /"code":"(misdirected_request|origin_not_allowed)"/.test(told),
      `it read: ${told}`,
    );
    assert.deepEqual(answers, []);
    assert.equal(world.simulator.seen.length - before, 0, 'it reached upstream');
  } finally {
    await page.close();
  }
}

/** Without this, a browser that reaches nothing at all would pass. */
async function atHome(browser: Browser, world: World): Promise<void> {
  const page = await browser.newPage();
  await page.goto(`${world.url}/healthz`);
  const script = fetching('/v1/responses', post('application/json'));
  const read = String(await page.evaluate(`(${script})(${JSON.stringify(world.url)})`));
  assert.match(read, /user: sent by a page/);
  const spoken = String(await page.evaluate(`(${socket('/v1/responses')})(${JSON.stringify(world.url)})`));
  assert.match(spoken, /"type":"response.created"/);
  await page.close();
}

const results: string[] = [];

async function check(name: string, act: () => Promise<void>): Promise<void> {
  try {
    await act();
    console.log(`ok      ${name}`);
    results.push('passed');
  } catch (error) {
    console.log(`not ok  ${name}: ${error instanceof Error ? error.message.slice(0, 500) : error}`);
    results.push('failed');
  }
}

const browser = await chromium.launch({
  executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
  args: ['--no-sandbox', `--host-resolver-rules=MAP ${REBOUND} 127.0.0.1`],
});
const { server, port } = await pageServer();
{
  await using world = await makeWorld({ kind: 'api_key', names: ['a'] });
  const home = new URL(world.url);
  const origins: readonly Origin[] = [
    { name: 'another port', page: `http://127.0.0.1:${port}/`, target: world.url },
    { name: 'another name', page: `http://localhost:${port}/`, target: `http://localhost:${home.port}` },
    { name: 'a foreign site', page: `http://${REBOUND}:${port}/`, target: world.url },
    {
      name: 'a rebound name',
      page: `http://${REBOUND}:${home.port}/page`,
      target: `http://${REBOUND}:${home.port}`,
    },
  ];
  for (const origin of origins) {
    for (const [name, script] of Object.entries(ATTEMPTS)) {
      await check(`${name} from ${origin.name}`, () => attempt(browser, world, origin, script));
    }
  }
  await check('a page of the server itself is served', () => atHome(browser, world));
}
await browser.close();
server.close();
server.closeAllConnections();
const failed = results.filter((result) => result === 'failed').length;
closeSuite(results.length - failed, failed);
