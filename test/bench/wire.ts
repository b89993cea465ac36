/**
 * The answers of the fake upstream, made once per shape and only stamped when they are sent: whatever is measured, the
 * upstream must not be what is slow. The shape of an answer is the model's name, which every proxy passes on.
 * Knows no transport beyond the two ways to frame an event.
 */

export interface Shape {
  readonly deltas: number;
  /** Size of one delta event. */
  readonly bytes: number;
  /** Between two deltas; 0: everything at once. */
  readonly paceMs: number;
  /** Length of the finished text, which the events behind the deltas repeat. */
  readonly textBytes: number;
}

export interface Template {
  readonly bytes: Buffer;
  readonly idsAt: readonly number[];
  /** Where the time of sending goes; -1: this event carries none. */
  readonly stampAt: number;
}

/** One answer in one framing. */
export interface Script {
  readonly head: readonly Template[];
  readonly deltas: readonly Template[];
  readonly tail: readonly Template[];
}

const ID = '@@@@@@@@@@@@@@@@';
const STAMP_DIGITS = 20;
const STAMP = '#'.repeat(STAMP_DIGITS);
/** Events beside the deltas: created, in progress, two added, three done, completed. */
const EVENTS_AROUND = 8;

const STAMP_MARK: Buffer = Buffer.from('"delta":"');
export const COMPLETED: Buffer = Buffer.from('{"type":"response.completed"');

export function modelOf({ deltas, bytes, paceMs, textBytes }: Shape): string {
  return `bench-${deltas}x${bytes}at${paceMs}t${textBytes}`;
}

const MODEL = /bench-(\d+)x(\d+)at(\d+)t(\d+)/;

export function shapeIn(text: string): Shape | undefined {
  const [, deltas, bytes, paceMs, textBytes] = MODEL.exec(text)?.map(Number) ?? [];
  if (deltas === undefined || bytes === undefined || paceMs === undefined || textBytes === undefined) return;
  return { deltas, bytes, paceMs, textBytes };
}

export function eventsOf(shape: Shape): number {
  return shape.deltas + EVENTS_AROUND;
}

function response(shape: Shape, status: string, more: object): object {
  return {
    id: `resp_${ID}`,
    object: 'response',
    created_at: 1_795_000_000,
    status,
    ...more,
    ...SETTINGS(shape),
  };
}

const SETTINGS = (shape: Shape): object => ({
  model: modelOf(shape),
  parallel_tool_calls: true,
  previous_response_id: null,
  reasoning: { effort: null, summary: null },
  store: false,
  temperature: 1,
  text: { format: { type: 'text' } },
  tool_choice: 'auto',
  tools: [],
  truncation: 'disabled',
});

const USAGE = {
  input_tokens: 10,
  input_tokens_details: { cached_tokens: 0 },
  output_tokens: 20,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: 30,
};

const AT = { item_id: `msg_${ID}`, output_index: 0, content_index: 0 };

type Event = { readonly type: string } & Readonly<Record<string, unknown>>;

function story(shape: Shape): { readonly head: Event[]; readonly deltas: Event[]; readonly tail: Event[] } {
  const text = 'x'.repeat(shape.textBytes);
  const part = { type: 'output_text', text, annotations: [] };
  const item = { id: `msg_${ID}`, type: 'message', role: 'assistant', status: 'completed', content: [part] };
  const begun = response(shape, 'in_progress', { output: [], usage: null });
  const ended = response(shape, 'completed', { output: [item], usage: USAGE });
  const empty = { ...item, status: 'in_progress', content: [] };
  return {
    head: [
      { type: 'response.created', response: begun },
      { type: 'response.in_progress', response: begun },
      { type: 'response.output_item.added', output_index: 0, item: empty },
      { type: 'response.content_part.added', ...AT, part: { ...part, text: '' } },
    ],
    deltas: Array.from({ length: shape.deltas }, () => ({
      type: 'response.output_text.delta',
      ...AT,
      delta: STAMP,
      logprobs: [],
    })),
    tail: [
      { type: 'response.output_text.done', ...AT, text, logprobs: [] },
      { type: 'response.content_part.done', ...AT, part },
      { type: 'response.output_item.done', output_index: 0, item },
      { type: 'response.completed', response: ended },
    ],
  };
}

const scripts = new Map<string, Script>();

export function scriptOf(shape: Shape, framing: 'sse' | 'frames'): Script {
  const key = `${modelOf(shape)} ${framing}`;
  const known = scripts.get(key);
  if (known !== undefined) return known;
  const { head, deltas, tail } = story(shape);
  let number = 0;
  const templates = (events: readonly Event[]): Template[] =>
    events.map((event) => template({ ...event, sequence_number: number++ }, shape, framing));
  const made = { head: templates(head), deltas: templates(deltas), tail: templates(tail) };
  scripts.set(key, made);
  return made;
}

/** Upstream pads its deltas to hide their length; here the padding makes the size. */
function template(event: Event, { bytes }: Shape, framing: 'sse' | 'frames'): Template {
  const bare = JSON.stringify(event);
  const room = bytes - bare.length - ',"obfuscation":""'.length;
  const json =
    'delta' in event ? JSON.stringify({ ...event, obfuscation: 'o'.repeat(Math.max(0, room)) }) : bare;
  const text = framing === 'sse' ? `event: ${event.type}\ndata: ${json}\n\n` : json;
  const data = Buffer.from(text);
  return { bytes: data, idsAt: placesOf(data, ID), stampAt: data.indexOf(STAMP) };
}

function placesOf(data: Buffer, what: string): readonly number[] {
  const found: number[] = [];
  for (let at = data.indexOf(what); at >= 0; at = data.indexOf(what, at + what.length)) found.push(at);
  return found;
}

/** The event as it goes out now. */
export function stamped({ bytes, idsAt, stampAt }: Template, id: string): Buffer {
  const copy = Buffer.from(bytes);
  for (const at of idsAt) copy.write(id, at, 'latin1');
  if (stampAt >= 0)
    copy.write(process.hrtime.bigint().toString().padStart(STAMP_DIGITS, '0'), stampAt, 'latin1');
  return copy;
}

export function idFrom(count: number): string {
  return count.toString(16).padStart(ID.length, '0');
}

/** Milliseconds since each stamp in these bytes was written; a stamp cut by the end of the chunk is left out. */
export function delaysIn(chunk: Buffer, into: number[]): void {
  for (let at = chunk.indexOf(STAMP_MARK); at >= 0; at = chunk.indexOf(STAMP_MARK, at + STAMP_DIGITS)) {
    const from = at + STAMP_MARK.length;
    if (from + STAMP_DIGITS > chunk.length) return;
    const sent = BigInt(chunk.toString('latin1', from, from + STAMP_DIGITS));
    into.push(Number(process.hrtime.bigint() - sent) / 1e6);
  }
}
