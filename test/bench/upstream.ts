/**
 * The fake upstream, a process of its own: `node test/bench/upstream.ts [port]` prints its port. It takes any bearer and
 * any path that ends in `/responses`, over HTTP and WebSocket, and answers in the shape that the model's name says.
 * A body that holds `failover:N` is refused once for want of quota; how long it takes to come back under another
 * bearer is timed here, where no proxy's own clock matters.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { idFrom, type Script, type Shape, scriptOf, shapeIn, stamped, type Template } from './wire.ts';

/** What a line needs to know stands at an end of the body, however large it is. */
const LOOK_BYTES = 700;
const PLAIN: Shape = { deltas: 1, bytes: 400, paceMs: 0, textBytes: 20 };

const counts = { http: 0, upgrades: 0, turns: 0 };
const refusedAt = new Map<string, { readonly at: bigint; readonly bearer: string }>();
let gapsMs: number[] = [];
let issued = Number(process.hrtime.bigint() % 1_000_000_000n) * 1_000_000;

interface ResponseWriter {
  write(bytes: Buffer): void;
  end(): void;
  gone(): boolean;
}

function play(shape: Shape, script: Script, writer: ResponseWriter): void {
  counts.turns += 1;
  issued += 1;
  const id = idFrom(issued);
  const send = (template: Template): void => writer.write(stamped(template, id));
  const finish = (): void => {
    for (const template of script.tail) send(template);
    writer.end();
  };
  for (const template of script.head) send(template);
  if (shape.paceMs === 0) {
    for (const template of script.deltas) send(template);
    finish();
    return;
  }
  let next = 0;
  const tick = (): void => {
    const template = script.deltas[next];
    next += 1;
    if (writer.gone()) clearInterval(timer);
    else if (template !== undefined) send(template);
    else {
      clearInterval(timer);
      finish();
    }
  };
  let timer: NodeJS.Timeout | undefined;
  // Streams of real users do not tick together.
  setTimeout(() => {
    timer = setInterval(tick, shape.paceMs);
  }, Math.random() * shape.paceMs);
}

const QUOTA = {
  type: 'usage_limit_reached',
  code: 'usage_limit_reached',
  message: 'spent',
  resets_in_seconds: 900,
};

/** Whether this arrival is the one to refuse; the second one stops the clock. */
function isToRefuse(ends: string, bearer: string): boolean {
  // A history holds the words of earlier turns too; the newest stands last.
  const id = [...ends.matchAll(/failover:(\d+)/g)].at(-1)?.[1];
  if (id === undefined) return false;
  const refused = refusedAt.get(id);
  if (refused === undefined) {
    refusedAt.set(id, { at: process.hrtime.bigint(), bearer });
    return true;
  }
  if (refused.bearer !== bearer) gapsMs.push(Number(process.hrtime.bigint() - refused.at) / 1e6);
  return false;
}

/** The first and the last bytes as text. */
function endsOf(body: Buffer): string {
  return `${body.toString('latin1', 0, LOOK_BYTES)} ${body.toString('latin1', Math.max(0, body.length - LOOK_BYTES))}`;
}

function json(response: ServerResponse, status: number, body: object): void {
  const bytes = Buffer.from(JSON.stringify(body));
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': bytes.length });
  response.end(bytes);
}

function answer(request: IncomingMessage, response: ServerResponse, body: Buffer): void {
  const ends = endsOf(body);
  const shape = shapeIn(ends) ?? PLAIN;
  if (isToRefuse(ends, String(request.headers.authorization))) return json(response, 429, { error: QUOTA });
  if (!ends.includes('"stream":true')) return unary(response, shape);
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
  play(shape, scriptOf(shape, 'sse'), {
    write: (bytes) => response.write(bytes),
    end: () => response.end(),
    gone: () => response.destroyed,
  });
}

function unary(response: ServerResponse, shape: Shape): void {
  counts.turns += 1;
  issued += 1;
  const last = scriptOf(shape, 'frames').tail.at(-1);
  if (last === undefined) return;
  const { response: object } = JSON.parse(stamped(last, idFrom(issued)).toString()) as { response: object };
  json(response, 200, object);
}

const server = createServer((request, response) => {
  counts.http += 1;
  const path = (request.url ?? '').split('?')[0] ?? '';
  if (path === '/bench') {
    json(response, 200, { ...counts, gapsMs });
    gapsMs = [];
    return;
  }
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    if (path.endsWith('/responses')) answer(request, response, Buffer.concat(chunks));
    else if (path.endsWith('/models'))
      json(response, 200, { object: 'list', data: [{ id: 'bench', object: 'model' }] });
    else json(response, 404, { error: { type: 'not_found', code: 'not_found', message: 'nothing here' } });
  });
});

const sockets = new WebSocketServer({ server, perMessageDeflate: false, skipUTF8Validation: true });
sockets.on('connection', (socket: WebSocket, request: IncomingMessage) => {
  counts.upgrades += 1;
  const bearer = String(request.headers.authorization);
  socket.on('message', (data: Buffer) => {
    const ends = endsOf(data);
    const shape = shapeIn(ends) ?? PLAIN;
    if (isToRefuse(ends, bearer)) {
      socket.send(JSON.stringify({ type: 'error', status: 429, error: QUOTA }));
      return;
    }
    play(shape, scriptOf(shape, 'frames'), {
      write: (bytes) => socket.send(bytes, { binary: false, compress: false }),
      end: () => {},
      gone: () => socket.readyState !== socket.OPEN,
    });
  });
  socket.on('error', () => socket.terminate());
});

server.keepAliveTimeout = 120_000;
server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => {
  console.log(`listening ${(server.address() as AddressInfo).port}`);
});
process.once('disconnect', () => process.exit());
