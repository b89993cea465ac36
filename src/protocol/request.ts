/**
 * The request as it came: its bytes, where each member lies in them, and the few small members that routing needs.
 * Items and tools are never decoded here; upstream judges them. A body that two parsers could read differently
 * (duplicate members, broken JSON) is refused before anything goes up.
 */
import { isRecord } from './frame.ts';
import { type Members, scanObject } from './json-scan.ts';
import { type Refusal, refusal } from './refusal.ts';

export interface Envelope {
  readonly bytes: Buffer;
  readonly members: Members;
  /** Empty where a stored prompt is to name it. */
  readonly model: string;
  readonly stream: 'yes' | 'no';
  /** As the client asked; `undefined` leaves it to upstream (the public API stores). */
  readonly store: boolean | undefined;
  /** A prewarm (`generate:false`) wants an id to continue from and no output. */
  readonly purpose: 'turn' | 'prewarm';
  readonly background: 'yes' | 'no';
  readonly previousResponseId: string | undefined;
  /** Id of the conversation object that the turn belongs to. */
  readonly conversation: string | undefined;
  readonly promptCacheKey: string | undefined;
  readonly streamId: unknown;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** The raw JSON of each input item; a string input is one user message. */
  readonly input: readonly Buffer[];
  /** Whether `input` stands in the body as this array, so that it can go up untouched. */
  readonly inputForm: 'array' | 'string' | 'absent';
}

export type ReadEnvelope =
  | { readonly ok: true; readonly envelope: Envelope }
  | { readonly ok: false; readonly refused: Refusal };

const refuse = (message: string, param?: string): { readonly ok: false; readonly refused: Refusal } => ({
  ok: false,
  refused: refusal(400, param === undefined ? 'invalid_json' : 'invalid_value', message, {
    ...(param === undefined ? {} : { param }),
  }),
});

export function readEnvelope(bytes: Buffer): ReadEnvelope {
  const scan = scanObject(bytes);
  if (!scan.ok) return refuse(`The body is not a JSON object that can be read: ${scan.message}.`);
  const { members } = scan;
  const small = readSmall(bytes, members);
  const complaint = complain(small);
  if (complaint !== undefined) return refuse(complaint.message, complaint.param);
  const inputSpan = members.get('input');
  const metadata = small['client_metadata'];
  const input = readInput(bytes, members);
  if (input === undefined) return refuse("'input' must be a string or an array of items.", 'input');
  if (input.length > MAX_ITEMS) return refuse(`'input' may hold ${MAX_ITEMS} items at most.`, 'input');
  return {
    ok: true,
    envelope: {
      bytes,
      members,
      model: typeof small['model'] === 'string' ? small['model'] : '',
      stream: small['stream'] === true ? 'yes' : 'no',
      store: typeof small['store'] === 'boolean' ? small['store'] : undefined,
      purpose: small['generate'] === false ? 'prewarm' : 'turn',
      background: small['background'] === true ? 'yes' : 'no',
      previousResponseId: (small['previous_response_id'] as string | null) ?? undefined,
      conversation: conversationId(small['conversation']),
      promptCacheKey: typeof small['prompt_cache_key'] === 'string' ? small['prompt_cache_key'] : undefined,
      streamId: small['stream_id'],
      metadata: isRecord(metadata) ? metadata : {},
      input,
      inputForm: inputForm(bytes, inputSpan?.start),
    },
  };
}

/** Ten times the longest conversation that fits a model; each costs a parse and a hash on the event loop. */
const MAX_ITEMS = 50_000;
/** These are kept in rows, named in messages and looked up; real ones have some forty characters. */
const MAX_NAME = 256;

const SMALL = [
  'model',
  'prompt',
  'stream',
  'store',
  'generate',
  'background',
  'previous_response_id',
  'conversation',
  'prompt_cache_key',
  'stream_id',
  'client_metadata',
];

function readSmall(bytes: Buffer, members: Members): Record<string, unknown> {
  const small: Record<string, unknown> = {};
  for (const name of SMALL) {
    const span = members.get(name);
    if (span !== undefined) small[name] = JSON.parse(bytes.toString('utf8', span.start, span.end));
  }
  return small;
}

interface Complaint {
  readonly message: string;
  readonly param: string;
}

function complain(small: Record<string, unknown>): Complaint | undefined {
  const { stream, previous_response_id: previous, conversation } = small;
  const complaint = complainOfModel(small);
  if (complaint !== undefined) return complaint;
  if (stream !== undefined && stream !== null && typeof stream !== 'boolean') {
    return { message: "'stream' must be true or false.", param: 'stream' };
  }
  if (previous === undefined || previous === null) return undefined;
  if (typeof previous !== 'string' || previous === '' || previous.length > MAX_NAME) {
    return { message: "'previous_response_id' must be a string.", param: 'previous_response_id' };
  }
  if (conversation !== undefined && conversation !== null) {
    return {
      message: "'previous_response_id' and 'conversation' exclude each other; send one of them.",
      param: 'previous_response_id',
    };
  }
  return undefined;
}

function conversationId(given: unknown): string | undefined {
  if (given === undefined || given === null) return undefined;
  const id = isRecord(given) ? given['id'] : given;
  return typeof id === 'string' ? id.slice(0, MAX_NAME) : '';
}

/** A stored prompt may bring its model along. */
function complainOfModel({ model, prompt }: Record<string, unknown>): Complaint | undefined {
  const promptId = isRecord(prompt) ? prompt['id'] : undefined;
  if ((model ?? null) === null && typeof promptId === 'string' && promptId !== '') return undefined;
  if (model === undefined) return { message: "Missing required parameter: 'model'.", param: 'model' };
  if (typeof model === 'string' && model !== '' && model.length <= MAX_NAME) return undefined;
  return { message: "'model' must be a non-empty string, and no longer than a name.", param: 'model' };
}

const BRACKET = 0x5b;
const QUOTE = 0x22;

function inputForm(bytes: Buffer, start: number | undefined): Envelope['inputForm'] {
  if (start === undefined) return 'absent';
  if (bytes[start] === BRACKET) return 'array';
  return bytes[start] === QUOTE ? 'string' : 'absent';
}

const NULL = 'null';

function readInput(bytes: Buffer, members: Members): readonly Buffer[] | undefined {
  const span = members.get('input');
  if (span === undefined) return [];
  switch (bytes[span.start]) {
    case BRACKET:
      return span.elements?.map((item) => bytes.subarray(item.start, item.end));
    case QUOTE:
      return [userMessage(bytes.subarray(span.start, span.end))];
    default:
      return bytes.toString('latin1', span.start, span.end) === NULL ? [] : undefined;
  }
}

function userMessage(text: Buffer): Buffer {
  return Buffer.concat([
    Buffer.from('{"type":"message","role":"user","content":[{"type":"input_text","text":'),
    text,
    Buffer.from('}]}'),
  ]);
}
