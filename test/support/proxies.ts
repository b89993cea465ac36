/** Two small proxies that remember where they were asked to go; both want a name and a password. */
import { once } from 'node:events';
import { createServer as createHttp } from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export interface Proxy extends AsyncDisposable {
  /** With the login in it. */
  readonly url: string;
  readonly tunnels: readonly string[];
}

const LOGIN = 'me:hidden-word';

export async function httpProxy(): Promise<Proxy> {
  const tunnels: string[] = [];
  const server = createHttp((_request, response) => response.writeHead(405).end());
  const sockets = remember(server);
  server.on('connect', (request, client: Socket) => {
    if (request.headers['proxy-authorization'] !== `Basic ${btoa(LOGIN)}`) {
      client.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
      return;
    }
    tunnels.push(request.url ?? '');
    const [host = '', port] = (request.url ?? '').split(':');
    join(client, host, Number(port), () => client.write('HTTP/1.1 200 OK\r\n\r\n'));
  });
  return running(server, 'http', { tunnels, sockets });
}

/** RFC 1928 with a name and a password, IPv4 and host names only. */
export async function socksProxy(): Promise<Proxy> {
  const tunnels: string[] = [];
  const server = createServer((client) => {
    client.once('data', () => {
      client.write(Buffer.from([5, 2]));
      client.once('data', (login) => {
        client.write(Buffer.from([1, login.toString('latin1').includes('hidden-word') ? 0 : 1]));
        client.once('data', (asked) => {
          const named = asked[3] === 3;
          const host = named
            ? asked.subarray(5, 5 + (asked[4] ?? 0)).toString()
            : [...asked.subarray(4, 8)].join('.');
          const port = asked.readUInt16BE(asked.length - 2);
          tunnels.push(`${host}:${port}`);
          join(client, host, port, () => client.write(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0])));
        });
      });
    });
  });
  return running(server, 'socks5', { tunnels, sockets: remember(server) });
}

function join(client: Socket, host: string, port: number, onOpen: () => void): void {
  const target = connect(port, host, () => {
    onOpen();
    client.pipe(target);
    target.pipe(client);
  });
  target.on('error', () => client.destroy());
  client.on('error', () => target.destroy());
  client.on('close', () => target.destroy());
}

function remember(server: Server): Set<Socket> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  return sockets;
}

async function running(
  server: Server,
  scheme: string,
  { tunnels, sockets }: { tunnels: string[]; sockets: Set<Socket> },
): Promise<Proxy> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `${scheme}://${LOGIN}@127.0.0.1:${(server.address() as AddressInfo).port}`,
    tunnels,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
