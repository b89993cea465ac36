/** Clients that speak WebSocket: a conversation each, on a socket that stays open until its group is closed. */
import { WebSocket } from 'ws';
import { emptyYield, noteError, type SocketJob, type StallJob, type Yield } from './jobs.ts';
import { COMPLETED, delaysIn, eventsOf, shapeIn } from './wire.ts';

/** More handshakes at once would wait in the kernel's queue. */
const OPENING_AT_ONCE = 64;
const ERROR = Buffer.from('{"type":"error"');

interface Conversation {
  readonly socket: WebSocket;
  previous: string | undefined;
}

const groups = new Map<string, Conversation[]>();

export async function runSockets(job: SocketJob): Promise<Yield> {
  const yielded = emptyYield();
  const group = groups.get(job.group) ?? (await openGroup(job, yielded));
  groups.set(job.group, group);
  const speak = async (conversation: Conversation): Promise<void> => {
    for (let turn = 0; turn < job.turnsEach; turn += 1) await oneTurn(conversation, job, yielded);
  };
  await inParallel(group, job.turnsEach > 1 ? group.length : OPENING_AT_ONCE, (conversation) =>
    speak(conversation).catch((error: Error) => noteError(yielded, error.message)),
  );
  return yielded;
}

/** Resolves when every answer has begun. */
export async function stallSockets(job: StallJob): Promise<Yield> {
  const yielded = emptyYield();
  const group = await openGroup(job, yielded);
  groups.set(job.group, group);
  const stall = ({ socket }: Conversation): Promise<void> =>
    new Promise((resolve) => {
      socket.once('message', () => {
        socket.pause();
        resolve();
      });
      socket.once('close', () => {
        noteError(yielded, 'a socket was closed before its answer began');
        resolve();
      });
      socket.send(frameOf({ ...job, history: 'none' }, undefined));
    });
  await Promise.all(group.map(stall));
  return yielded;
}

type Opening = Pick<SocketJob, 'base' | 'key' | 'clients'>;

async function openGroup(job: Opening, yielded: Yield): Promise<Conversation[]> {
  const opened: Conversation[] = [];
  await inParallel(Array.from({ length: job.clients }), OPENING_AT_ONCE, async () => {
    const socket = await openSocket(job).catch((error: Error) =>
      noteError(yielded, `opening: ${error.message}`),
    );
    if (socket !== undefined) opened.push({ socket, previous: undefined });
  });
  return opened;
}

async function inParallel<T>(
  all: readonly T[],
  atOnce: number,
  act: (one: T) => Promise<void>,
): Promise<void> {
  const queue = all.values();
  const work = async (): Promise<void> => {
    for (const one of queue) await act(one);
  };
  await Promise.all(Array.from({ length: atOnce }, work));
}

function openSocket({ base, key }: Opening): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`${base.replace(/^http/, 'ws')}/responses`, {
      headers: { authorization: `Bearer ${key}` },
      perMessageDeflate: false,
      skipUTF8Validation: true,
    });
    socket.once('open', () => resolve(socket));
    socket.once('error', reject);
  });
}

function oneTurn(conversation: Conversation, job: SocketJob, yielded: Yield): Promise<void> {
  const { socket } = conversation;
  const shape = shapeIn(job.model);
  const due = shape === undefined ? 0 : eventsOf(shape);
  return new Promise((resolve, reject) => {
    const begun = performance.now();
    let first: number | undefined;
    let events = 0;
    const settle = (act: () => void): void => {
      socket.off('message', onMessage);
      socket.off('close', onClose);
      act();
    };
    const onClose = (): void => settle(() => reject(new Error('the socket was closed')));
    const onMessage = (data: Buffer): void => {
      events += 1;
      const seen = yielded.delaysMs.length;
      delaysIn(data, yielded.delaysMs);
      if (first === undefined && yielded.delaysMs.length > seen) {
        first = performance.now() - begun;
        yielded.firstMs.push(first);
      }
      if (startsWith(data, ERROR)) return settle(() => reject(new Error(data.toString('latin1', 0, 300))));
      if (!startsWith(data, COMPLETED)) return;
      conversation.previous = /"id":"(resp_\w+)"/.exec(data.toString('latin1', 0, 200))?.[1];
      settle(() => {
        yielded.turns += 1;
        yielded.events += events;
        if (events === due) resolve();
        else reject(new Error(`${events} events instead of ${due}`));
      });
    };
    socket.on('message', onMessage);
    socket.on('close', onClose);
    socket.send(frameOf(job, conversation.previous));
  });
}

function startsWith(data: Buffer, what: Buffer): boolean {
  return data.length >= what.length && data.compare(what, 0, what.length, 0, what.length) === 0;
}

type Asking = Pick<SocketJob, 'model' | 'history' | 'word'>;

function frameOf({ model, history, word = 'hello' }: Asking, previous: string | undefined): string {
  const anchor = history === 'chained' && previous !== undefined ? { previous_response_id: previous } : {};
  const input = [{ type: 'message', role: 'user', content: [{ type: 'input_text', text: word }] }];
  return JSON.stringify({ type: 'response.create', model, store: false, ...anchor, input });
}

export async function closeGroup(name: string): Promise<void> {
  const group = groups.get(name) ?? [];
  groups.delete(name);
  await Promise.all(
    group.map(
      ({ socket }) =>
        new Promise<void>((resolve) => {
          if (socket.readyState === WebSocket.CLOSED) return resolve();
          socket.once('close', () => resolve());
          socket.terminate();
        }),
    ),
  );
}
