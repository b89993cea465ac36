/**
 * The page that a browser is sent back to after signing in: a listener of its own on loopback, open only while a
 * login is pending, because the login service knows no other address of this server.
 */
import { createServer, type ServerResponse } from 'node:http';
import type { CallbackOutcome, ListenForCallback } from '../../accounts/oauth-logins.ts';
import { newRequestId } from '../../bridge/bridge.ts';

const SENTENCES: Readonly<Record<CallbackOutcome, readonly [status: number, text: string]>> = {
  accepted: [200, 'respool has taken the login. You can close this page and look at respool again.'],
  unknown_login: [404, 'respool knows of no such login. Start it again.'],
  wrong_state: [400, 'This is not the login that respool waits for. Start it again.'],
  already_used: [409, 'This login has been used already.'],
  not_a_callback: [400, 'There is no code in this address.'],
};

export const listenForCallback: ListenForCallback = async (port, onCallback) => {
  const server = createServer((request, response) => {
    const url = URL.parse(request.url ?? '/', `http://localhost:${port}`);
    if (url?.pathname !== '/auth/callback' || request.method !== 'GET')
      return answer(response, 404, 'Not here.');
    onCallback(url).then(
      (outcome) => answer(response, ...SENTENCES[outcome]),
      () => answer(response, 500, 'Something went wrong; the log of respool has the reason.'),
    );
  });
  server.headersTimeout = 10_000;
  server.requestTimeout = 10_000;
  const { promise, resolve, reject } = Promise.withResolvers<'open' | 'busy'>();
  server.once('error', (error: NodeJS.ErrnoException) =>
    error.code === 'EADDRINUSE' || error.code === 'EACCES' ? resolve('busy') : reject(error),
  );
  server.listen(port, '127.0.0.1', () => resolve('open'));
  if ((await promise) === 'busy') return 'busy';
  server.unref();
  return { close: () => server.close() };
};

function answer(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'x-request-id': newRequestId(),
    'cache-control': 'no-store',
    'referrer-policy': 'no-referrer',
    connection: 'close',
  });
  response.end(text);
}
