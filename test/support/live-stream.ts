/** The live feed of a world, as a browser hears it. */
import type { World } from './world.ts';

export interface Heard {
  readonly id: string | undefined;
  readonly name: string;
  readonly data: Record<string, unknown>;
}

export interface LiveStream extends AsyncDisposable {
  readonly heard: readonly Heard[];
  next(wanted: (event: Heard) => boolean): Promise<Heard>;
  readonly ended: Promise<void>;
}

export async function listen(world: World, headers: Record<string, string>): Promise<LiveStream> {
  const stop = new AbortController();
  const answer = await fetch(`${world.url}/api/events`, { headers, signal: stop.signal });
  if (answer.status !== 200 || answer.body === null) throw new Error(`status ${answer.status}`);
  const heard: Heard[] = [];
  const waiting = new Set<() => void>();
  const read = async (body: ReadableStream<Uint8Array>): Promise<void> => {
    let text = '';
    for await (const chunk of body.pipeThrough(new TextDecoderStream() as never)) {
      const blocks = (text + String(chunk)).split('\n\n');
      text = blocks.pop() ?? '';
      heard.push(...blocks.flatMap(eventIn));
      for (const look of [...waiting]) look();
    }
  };
  const ended = read(answer.body).catch(() => undefined);
  return {
    heard,
    ended,
    next: (wanted) =>
      new Promise((resolve) => {
        const look = (): void => {
          const found = heard.find(wanted);
          if (found === undefined) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
      }),
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await ended;
    },
  };
}

function eventIn(block: string): Heard[] {
  const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1];
  const name = field('event');
  return name === undefined ? [] : [{ id: field('id'), name, data: JSON.parse(field('data') ?? '{}') }];
}

export const bearer = (world: World) => ({ authorization: `Bearer ${world.adminToken}` });
