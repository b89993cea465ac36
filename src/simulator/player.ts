/**
 * Plays one response to a transport: waits, sends, and lets the scripted fault strike at its moment. It
 * must not know rules or accounts; what they need to learn comes back through the hooks of the play.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Behaviour, Fault, FaultKind, FrameShape } from './script.ts';
import { type Beat, begun, type Mark, type Plot, tell } from './story.ts';
import type { ErrorAnswer, Headers, Item, WireEvent } from './wire.ts';

/** The transport's side of one turn. After `refuse`, `end` or `cut` nothing more is sent. */
export interface ResponseWriter {
  /** Aborted when the client left. */
  readonly gone: AbortSignal;
  /** The answer begins: status 200 and headers over HTTP, nothing over a socket. */
  open(headers: Headers): void;
  /** The promise, if any, resolves when the transport takes more. */
  send(event: WireEvent): Promise<void> | undefined;
  /** A frame that is not an event. */
  sendGarbage(frame: string | Uint8Array): void;
  /** A plain answer while nothing was sent; in the stream's own error form afterwards. */
  refuse(answer: ErrorAnswer, shape?: FrameShape): void;
  end(): void;
  /** `on`: only who was listening is cut off, and the play goes on without them. */
  cut(how: Cut): 'on' | 'over';
}

export type Cut = Extract<FaultKind, { kind: 'close' | 'reset' | 'eof' | 'silence' }>;

export interface Play {
  readonly plot: Plot;
  readonly headers: Headers;
  /** Events before `response.created`; they carry no sequence number. */
  readonly vendorFrames: readonly WireEvent[];
  /** An item is about to go out: begun, and later once more, complete. */
  readonly onItem: (item: Item) => void;
  /** The terminal event is about to go out: from now on the response can be chained from. */
  readonly onCompleted: () => void;
}

export type PlayEnd = 'answered' | 'failed' | 'aborted';

/** A reset throws away what the reader has not taken yet; without a moment the fault would strike earlier than scripted. */
const DELIVERY_MS = 10;

/** Faults that over HTTP come in place of an answer, so that not even headers may go out before them. */
const HEADERLESS: ReadonlySet<Fault['kind']> = new Set(['status', 'reset', 'silence']);

/** Resolves when the turn is over, however it ends. */
export async function play(act: Play, writer: ResponseWriter): Promise<PlayEnd> {
  const { behaviour, body } = act.plot;
  if (body.background !== true) await rest(behaviour.delayMs, writer);
  const numbered = numbering(writer);
  const early = dueAt(behaviour.fault, 'before_created') ?? dueAt(behaviour.fault, 'upgrade');
  if (early !== undefined && !HEADERLESS.has(early.kind)) writer.open(act.headers);
  const end = await endAt(early, act.plot, numbered);
  if (end !== undefined) return end;
  writer.open(act.headers);
  for (const frame of act.vendorFrames) writer.send(frame);
  return perform(act, numbered);
}

async function perform(act: Play, writer: ResponseWriter): Promise<PlayEnd> {
  const { behaviour } = act.plot;
  let deltas = 0;
  for (const beat of tell(act.plot)) {
    const { event, mark } = beat;
    if (event.type.startsWith('response.output_item.')) act.onItem(event['item'] as Item);
    if (mark === 'completed') act.onCompleted();
    await writer.send(event);
    await rest(pauseBehind(beat, behaviour), writer);
    if (mark === undefined) continue;
    if (mark === 'delta') deltas += 1;
    const end = await endAt(dueAfter(behaviour.fault, mark, deltas), act.plot, writer);
    if (end !== undefined) return mark === 'completed' ? 'answered' : end;
  }
  writer.end();
  return 'answered';
}

function pauseBehind({ event, mark }: Beat, { delayMs, paceMs }: Behaviour): number | undefined {
  if (mark === 'delta') return paceMs;
  return event.type === 'response.queued' ? delayMs : undefined;
}

/** How the turn ends at this place, or undefined when it goes on. */
async function endAt(
  due: Fault | undefined,
  plot: Plot,
  writer: ResponseWriter,
): Promise<PlayEnd | undefined> {
  if (writer.gone.aborted) return 'aborted';
  if (due?.kind === 'reset') await pause(DELIVERY_MS);
  if (due === undefined || strike(due, plot, writer) === 'on') return undefined;
  return afterStrike(due, writer);
}

const MOMENT: Readonly<Record<Mark, Fault['at']>> = {
  created: 'after_created',
  delta: 'mid_output',
  item_done: 'after_item_done',
  completed: 'after_completed',
};

function dueAt(fault: Fault | undefined, at: Fault['at']): Fault | undefined {
  return fault?.at === at ? fault : undefined;
}

function dueAfter(fault: Fault | undefined, mark: Mark, deltas: number): Fault | undefined {
  const due = dueAt(fault, MOMENT[mark]);
  return mark === 'delta' && deltas !== (due?.afterDeltas ?? 1) ? undefined : due;
}

/** Does what the fault says. `on`: the story goes on behind it. */
function strike(fault: Fault, plot: Plot, writer: ResponseWriter): 'on' | 'over' {
  switch (fault.kind) {
    case 'status':
      writer.refuse({ status: fault.status, body: fault.body, headers: fault.headers ?? {} }, fault.shape);
      return 'over';
    case 'response_failed':
      writer.send({ type: 'response.failed', response: { ...begun(plot, 'failed'), error: fault.error } });
      writer.end();
      return 'over';
    case 'sse_error':
      writer.send({ type: 'error', ...fault.error, param: fault.param ?? null });
      writer.end();
      return 'over';
    case 'garbage':
      for (const frame of fault.frames) writer.sendGarbage(frame);
      return 'on';
    default:
      return writer.cut(fault);
  }
}

/** A silent turn lasts until the client gives up; every other fault ends it at once. */
export async function afterStrike(fault: FaultKind, writer: ResponseWriter): Promise<PlayEnd> {
  if (fault.kind !== 'silence') return 'failed';
  if (!writer.gone.aborted) {
    await new Promise<void>((resolve) => {
      writer.gone.addEventListener('abort', () => resolve(), { once: true });
    });
  }
  return 'aborted';
}

/** Waits, but not longer than the client stays. */
export async function rest(ms: number | undefined, writer: ResponseWriter): Promise<void> {
  if (ms === undefined || ms <= 0 || writer.gone.aborted) return;
  try {
    await pause(ms, undefined, { signal: writer.gone, ref: false });
  } catch (error) {
    if (!writer.gone.aborted) throw error;
  }
}

/** Adds `sequence_number`, counted from 0 per response, to every public event. */
function numbering(writer: ResponseWriter): ResponseWriter {
  let next = 0;
  return {
    gone: writer.gone,
    open: (headers) => writer.open(headers),
    send: (event) => writer.send({ ...event, sequence_number: next++ }),
    sendGarbage: (frame) => writer.sendGarbage(frame),
    refuse: (answer, shape) => writer.refuse(answer, shape),
    end: () => writer.end(),
    cut: (how) => writer.cut(how),
  };
}
