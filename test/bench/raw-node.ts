/**
 * The floor, a process of its own: node:http piped to node:http and `ws` to `ws`, with nothing done to what passes.
 * `node test/bench/raw-node.ts UPSTREAM` prints its port. No proxy written for Node can be expected to cost less.
 */
import { Agent, request as ask, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';

const upstream = new URL(process.argv[2] ?? '');
const agent = new Agent({ keepAlive: true });
const TEXT = { binary: false, compress: false };

const server = createServer((request, response) => {
  if (request.url === '/healthz') return void response.end('ok');
  const { method, url: path, headers } = request;
  const up = ask({ host: upstream.hostname, port: upstream.port, method, path, headers, agent }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  up.on('error', () => response.destroy());
  response.on('close', () => response.writableFinished || up.destroy());
  request.pipe(up);
});

const sockets = new WebSocketServer({ server, perMessageDeflate: false });
sockets.on('connection', (client, request) => {
  const up = new WebSocket(`ws://${upstream.host}${request.url}`, {
    perMessageDeflate: false,
    headers: { authorization: String(request.headers.authorization) },
  });
  const early: Buffer[] = [];
  client.on('message', (data: Buffer) =>
    up.readyState === up.OPEN ? up.send(data, TEXT) : early.push(data),
  );
  up.on('open', () => {
    for (const data of early.splice(0)) up.send(data, TEXT);
  });
  up.on('message', (data: Buffer) => client.send(data, TEXT));
  client.on('close', () => up.terminate());
  up.on('close', () => client.terminate());
  for (const end of [client, up]) end.on('error', () => end.terminate());
});

server.listen(0, '127.0.0.1', () => console.log(`listening ${(server.address() as AddressInfo).port}`));
process.once('disconnect', () => process.exit());
