/**
 * The live feed as one stream of server-sent events per browser, and the turns that run now. Who comes back with
 * `Last-Event-ID` is given what was missed.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ListWire } from '../../admin-api/answer.ts';
import type { StreamEvents } from '../../admin-api/events.ts';
import type { TurnWire } from '../../admin-api/turn.ts';
import type { FeedEvent } from '../../observability/live/feed.ts';
import { turnToWire } from '../../observability/live/running-turns.ts';
import type { Dependencies } from '../dependencies.ts';
import type { AdminAccess } from './access.ts';
import { EventStream } from './event-stream.ts';

/** Shorter than the patience of proxies. */
const COMMENT_EVERY_MS = 15_000;

export function eventRoutes(
  app: FastifyInstance,
  { watch, version }: Dependencies,
  access: AdminAccess,
): void {
  app.get('/api/turns', async (): Promise<ListWire<TurnWire>> => {
    return { data: watch.turns.all().map(turnToWire) };
  });

  app.get('/api/events', async (request, reply) => {
    reply.hijack();
    const stream = new EventStream(reply.raw, request.id);
    const hear = (event: FeedEvent): void => stream.write(event);
    const joined = watch.feed.join(hear, lastIdOf(request));
    const close = keepUp(stream, () => isAllowed(request, access));
    const end = (): void => stream.end();
    const ended = access.loginOf(request)?.ended;
    ended?.addEventListener('abort', end);
    reply.raw.once('close', () => {
      close();
      ended?.removeEventListener('abort', end);
      watch.feed.leave(hear);
    });
    const say = <Kind extends keyof StreamEvents>(name: Kind, data: StreamEvents[Kind]): void =>
      stream.write({ id: joined.at, name, data: JSON.stringify(data) });
    say('hello', { version, at: Math.floor(Date.now() / 1000) });
    if (joined.how === 'too_late') say('resync', {});
    if (joined.how === 'resumed') for (const event of joined.missed) stream.write(event);
  });
}

function lastIdOf(request: FastifyRequest): string | undefined {
  const id = request.headers['last-event-id'];
  return typeof id === 'string' ? id : undefined;
}

/** A bearer was right when the stream began; a sign-in may end while it runs. */
function isAllowed(request: FastifyRequest, access: AdminAccess): boolean {
  return request.headers.authorization !== undefined || access.loginOf(request) !== undefined;
}

function keepUp(stream: EventStream, isStillAllowed: () => boolean): () => void {
  const timer = setInterval(() => {
    if (isStillAllowed()) stream.comment();
    else stream.end();
  }, COMMENT_EVERY_MS).unref();
  return () => clearInterval(timer);
}
