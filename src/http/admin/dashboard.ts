/**
 * The dashboard's files at `/`. What a page of ours may load is said here once: its own files and nothing else, no
 * inline script, no frame around it.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';
import type { Config } from '../../config.ts';
import { sendRefusal } from '../answer.ts';
import { refuseAddress } from '../api/caller.ts';

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const HEADERS = {
  'content-security-policy': POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};

const FOREVER = 'public, max-age=31536000, immutable';

/** From `src/http/*.ts` in development, from `dist/*.js` in the bundle: what the build has made. */
function builtFolder(): string {
  const built = import.meta.url.endsWith('.ts') ? '../../../dist/dashboard' : './dashboard';
  return fileURLToPath(new URL(built, import.meta.url));
}

export async function dashboardRoutes(
  app: FastifyInstance,
  config: Config,
  folder: string = builtFolder(),
): Promise<void> {
  app.addHook('onRequest', async (request, reply) => {
    const refused = refuseAddress(request, config);
    if (refused !== undefined) return sendRefusal(reply, refused);
    reply.headers(HEADERS);
  });
  if (!existsSync(`${folder}/index.html`)) {
    app.get('/', { exposeHeadRoute: false }, async (_request, reply) =>
      reply.code(503).type('text/plain; charset=utf-8').send(NOT_BUILT),
    );
    // Clients ask so whether a server is here; it is, without a page to show.
    app.head('/', async (_request, reply) => reply.send());
    return;
  }
  await app.register(fastifyStatic, {
    root: folder,
    // Only what was there at the start has a route: everything else is answered as any unknown path.
    wildcard: false,
    cacheControl: false,
    setHeaders: (reply, path) => {
      const hashed = path.replaceAll('\\', '/').includes('/assets/');
      reply.header('cache-control', hashed ? FOREVER : 'no-cache');
    },
  });
}

const NOT_BUILT = `respool runs, but its dashboard was not built.

Stop the server, then:

  npm run build     builds it into dist/dashboard
  npm start         builds everything and starts

`;
