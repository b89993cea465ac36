import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fastify, { type FastifyInstance } from 'fastify';
import { expect, test } from 'vitest';
import { loadConfig } from '../../config.ts';
import { dashboardRoutes } from './dashboard.ts';

async function serving(folder: string): Promise<FastifyInstance> {
  const loaded = loadConfig({});
  if (!loaded.ok) throw new Error(loaded.problems.join());
  const app = fastify();
  await app.register(async (scope) => dashboardRoutes(scope, loaded.config, folder));
  return app;
}

function built(): { folder: string } & Disposable {
  const folder = mkdtempSync(join(tmpdir(), 'respool-dashboard-'));
  mkdirSync(join(folder, 'assets'));
  writeFileSync(join(folder, 'index.html'), '<!doctype html>');
  writeFileSync(join(folder, 'assets', 'main-1a2b.js'), 'export {};');
  return { folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true }) };
}

const headers = { host: 'localhost' };

test('the page is asked for anew each time, its hashed files are kept for ever', async () => {
  using dist = built();
  await using app = await serving(dist.folder);
  const page = await app.inject({ url: '/', headers });
  expect([page.statusCode, page.headers['cache-control']]).toEqual([200, 'no-cache']);
  const script = await app.inject({ url: '/assets/main-1a2b.js', headers });
  expect(script.headers['cache-control']).toContain('immutable');
  expect(script.headers['content-type']).toContain('javascript');
});

test('the page may load its own files only and may not be framed', async () => {
  using dist = built();
  await using app = await serving(dist.folder);
  const page = await app.inject({ url: '/', headers });
  const policy = String(page.headers['content-security-policy']);
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).not.toContain('unsafe');
  expect(page.headers).toMatchObject({
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  });
});

test('a path that is not a file of the dashboard is unknown, also when it climbs', async () => {
  using dist = built();
  await using app = await serving(dist.folder);
  for (const url of ['/other', '/assets/../../secret.key', '/assets/%2e%2e/%2e%2e/secret.key']) {
    expect((await app.inject({ url, headers })).statusCode).toBe(404);
  }
});

test('a foreign host name is not served', async () => {
  using dist = built();
  await using app = await serving(dist.folder);
  expect((await app.inject({ url: '/', headers: { host: 'evil.example' } })).statusCode).toBe(421);
});

test('a dashboard that was not built says how to build it', async () => {
  await using app = await serving('/nowhere');
  const page = await app.inject({ url: '/', headers });
  expect(page.body).toContain('npm run build');
});
