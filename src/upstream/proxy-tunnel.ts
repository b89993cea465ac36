/**
 * The way out of this machine: straight, or through the proxy that an account was given. One tunnel serves both
 * HTTP and WebSocket, so that an account is never seen from two addresses.
 */
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { SocksClient } from 'socks';
import { buildConnector, Client } from 'undici';

export const CONNECT_TIMEOUT_MS = 15_000;

type Connector = ReturnType<typeof buildConnector>;
type Done = (error: Error | null, socket?: Socket) => void;

/** How undici connects for this account; `proxy` is an `http`, `https` or `socks5` URL. */
export function connectorFor(proxy: string | undefined): Connector {
  const straight = buildConnector({ timeout: CONNECT_TIMEOUT_MS });
  if (proxy === undefined) return straight;
  return (options, callback) => {
    const port = Number(options.port) || (options.protocol === 'https:' ? 443 : 80);
    openTunnel(proxy, { host: options.hostname, port }).then(
      (httpSocket) => {
        if (options.protocol === 'https:') straight({ ...options, httpSocket }, callback);
        else callback(null, httpSocket);
      },
      (error: Error) => callback(error, null),
    );
  };
}

/** The same for `ws`, which asks for a socket in the way of `http.request`; undefined where the way is straight. */
export function socketMaker(proxy: string | undefined): ((options: object, done: Done) => void) | undefined {
  if (proxy === undefined) return undefined;
  return (options, done) => {
    const { host, port, secure } = addressIn(options);
    openTunnel(proxy, { host, port }).then(
      (socket) => done(null, secure ? connectTls({ socket, servername: host }) : socket),
      (error: Error) => done(error),
    );
  };
}

function addressIn(options: object): { host: string; port: number; secure: boolean } {
  const { host, port, defaultPort } = options as { host: string; port?: string; defaultPort: number };
  return {
    host: host.replace(/^\[|\]$/g, ''),
    port: Number(port ?? defaultPort),
    secure: defaultPort === 443,
  };
}

interface Address {
  readonly host: string;
  readonly port: number;
}

function openTunnel(proxy: string, to: Address): Promise<Socket> {
  const url = new URL(proxy);
  return url.protocol.startsWith('socks') ? throughSocks(url, to) : throughHttp(url, to);
}

/** The proxy resolves the name: what it reaches may not be known here. */
async function throughSocks(url: URL, to: Address): Promise<Socket> {
  const { socket } = await SocksClient.createConnection({
    command: 'connect',
    destination: to,
    timeout: CONNECT_TIMEOUT_MS,
    proxy: {
      type: 5,
      host: url.hostname.replace(/^\[|\]$/g, ''),
      port: Number(url.port) || 1080,
      ...(url.username === '' ? {} : { userId: decodeURIComponent(url.username) }),
      ...(url.password === '' ? {} : { password: decodeURIComponent(url.password) }),
    },
  });
  return socket;
}

async function throughHttp(url: URL, { host, port }: Address): Promise<Socket> {
  const client = new Client(url.origin, { connect: { timeout: CONNECT_TIMEOUT_MS } });
  const path = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const login = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  const authorization = url.username === '' ? {} : { 'proxy-authorization': `Basic ${btoa(login)}` };
  try {
    const answer = await client.connect({
      path,
      headers: { host: path, ...authorization },
      signal: AbortSignal.timeout(CONNECT_TIMEOUT_MS),
    });
    if (answer.statusCode === 200) return answer.socket as Socket;
    answer.socket.destroy();
    throw Object.assign(new Error(`the proxy answered ${answer.statusCode}`), { code: 'PROXY_REFUSED' });
  } finally {
    void client.close();
  }
}
