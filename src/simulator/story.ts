/**
 * The event sequence of one response, from `response.created` to its terminal event, following the
 * ordering grammar of the public API. Pure: it sends nothing and waits for nothing.
 */
import type { Behaviour } from './script.ts';
import { type CreateBody, type Item, isObject, type WireEvent } from './wire.ts';

/** A place in the story at which a fault may strike. */
export type Mark = 'created' | 'delta' | 'item_done' | 'completed';

export interface Beat {
  readonly event: WireEvent;
  /** Set on the event after which this place is reached. */
  readonly mark?: Mark;
}

export interface Usage {
  readonly input_tokens: number;
  readonly input_tokens_details: { readonly cached_tokens: number; readonly cache_write_tokens: number };
  readonly output_tokens: number;
  readonly output_tokens_details: { readonly reasoning_tokens: number };
  readonly total_tokens: number;
}

/** What a story is told from. */
export interface Plot {
  readonly id: string;
  readonly body: CreateBody;
  readonly output: readonly Item[];
  readonly behaviour: Behaviour;
  readonly usage: Usage;
  readonly store: 'stored' | 'unstored';
  readonly createdAt: number;
}

export type ResponseObject = Readonly<Record<string, unknown>>;

/** The response object at its start; `finished` makes the terminal one of it. */
export function begun(plot: Plot, status = 'in_progress'): ResponseObject {
  const { body } = plot;
  return {
    id: plot.id,
    object: 'response',
    created_at: plot.createdAt,
    status,
    background: body.background ?? false,
    error: null,
    incomplete_details: null,
    instructions: body.instructions ?? null,
    metadata: body['metadata'] ?? {},
    model: body.model,
    output: [],
    parallel_tool_calls: body['parallel_tool_calls'] ?? true,
    previous_response_id: body.previous_response_id ?? null,
    prompt_cache_key: body.prompt_cache_key ?? null,
    reasoning: body['reasoning'] ?? { effort: null, summary: null },
    service_tier: 'default',
    store: plot.store === 'stored',
    temperature: body['temperature'] ?? 1,
    text: body['text'] ?? { format: { type: 'text' } },
    tool_choice: body['tool_choice'] ?? 'auto',
    tools: body.tools ?? [],
    top_p: body['top_p'] ?? 1,
    truncation: body['truncation'] ?? 'disabled',
    usage: null,
    user: body['user'] ?? null,
  };
}

export function finished(plot: Plot): ResponseObject {
  const { incomplete, emptyOutput } = plot.behaviour;
  const now = Math.floor(Date.now() / 1000);
  return {
    ...begun(plot, incomplete === undefined ? 'completed' : 'incomplete'),
    completed_at: incomplete === undefined ? now : null,
    incomplete_details: incomplete === undefined ? null : { reason: incomplete },
    output: emptyOutput === undefined ? plot.output : [],
    usage: plot.usage,
  };
}

/** All events of the response in order, without sequence numbers. */
export function* tell(plot: Plot): Generator<Beat> {
  yield* beginning(plot);
  yield* middle(plot);
  const end = finished(plot);
  yield { event: { type: `response.${String(end['status'])}`, response: end }, mark: 'completed' };
}

/** In the background a response waits in a queue first. */
function* beginning(plot: Plot): Generator<Beat> {
  if (plot.body.background === true) {
    const queued = begun(plot, 'queued');
    yield { event: { type: 'response.created', response: queued } };
    yield { event: { type: 'response.queued', response: queued } };
  } else {
    yield { event: { type: 'response.created', response: begun(plot) } };
  }
  yield { event: { type: 'response.in_progress', response: begun(plot) }, mark: 'created' };
}

function* middle({ output, behaviour }: Plot): Generator<Beat> {
  const { cutItem, doneOrder } = behaviour;
  const unfinished = cutItem === 'never_done' ? output.length - 1 : -1;
  for (const [index, item] of output.entries()) {
    yield { event: { type: 'response.output_item.added', output_index: index, item: opened(item) } };
    const within = inside(item, index, behaviour);
    yield* index === unfinished ? within.filter(({ event }) => !event.type.endsWith('.done')) : within;
    if (doneOrder === undefined && index !== unfinished) yield done(item, index);
  }
  if (doneOrder === undefined) return;
  for (const index of new Set([...doneOrder, ...output.keys()])) {
    const item = output[index];
    if (item !== undefined && index !== unfinished) yield done(item, index);
  }
}

const done = (item: Item, output_index: number): Beat => ({
  event: { type: 'response.output_item.done', output_index, item },
  mark: 'item_done',
});

function opened(item: Item): Item {
  if (item.type === 'message') return { ...item, status: 'in_progress', content: [] };
  if (item.type === 'function_call') return { ...item, status: 'in_progress', arguments: '' };
  return item;
}

function* inside(item: Item, outputIndex: number, behaviour: Behaviour): Generator<Beat> {
  const at = { item_id: item.id, output_index: outputIndex };
  if (item.type === 'message') {
    const parts = Array.isArray(item.content) ? item.content.filter(isObject) : [];
    for (const [index, part] of parts.entries()) {
      yield* insidePart(part, { ...at, content_index: index }, behaviour);
    }
  }
  if (item.type === 'function_call') {
    const type = 'response.function_call_arguments';
    yield { event: { type: `${type}.delta`, ...at, delta: item.arguments }, mark: 'delta' };
    yield { event: { type: `${type}.done`, ...at, arguments: item.arguments } };
  }
}

function* insidePart(part: Record<string, unknown>, at: object, behaviour: Behaviour): Generator<Beat> {
  const text = String(part['text'] ?? '');
  const empty = { ...part, text: '' };
  yield { event: { type: 'response.content_part.added', ...at, part: empty } };
  for (const delta of slices(text, behaviour.deltas ?? 3)) {
    yield { event: { type: 'response.output_text.delta', ...at, delta, logprobs: [] }, mark: 'delta' };
  }
  yield { event: { type: 'response.output_text.done', ...at, text, logprobs: [] } };
  yield { event: { type: 'response.content_part.done', ...at, part } };
}

/** `text` in at most `count` pieces of about the same length; no character is split. */
function slices(text: string, count: number): readonly string[] {
  const size = Math.max(1, Math.ceil(text.length / count));
  const pieces: string[] = [];
  for (let from = 0; from < text.length; ) {
    const to = from + size;
    const end = isInsideOfPair(text, to) ? to + 1 : to;
    pieces.push(text.slice(from, end));
    from = end;
  }
  return pieces;
}

function isInsideOfPair(text: string, at: number): boolean {
  const unit = text.charCodeAt(at);
  return unit >= 0xdc00 && unit <= 0xdfff;
}
