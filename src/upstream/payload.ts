/**
 * What goes up for one attempt: the client's own bytes with as few members exchanged as this upstream needs. Items
 * arrive here already chosen and cleaned for the account (src/bridge/attempt/derive-items.ts); this file knows what each kind
 * of upstream refuses, forces and calls differently.
 */

import { isRecord } from '../protocol/frame.ts';
import { joinArray, rewriteObject } from '../protocol/json-splice.ts';
import type { Envelope } from '../protocol/request.ts';
import { TURN_METADATA, withMembers } from '../protocol/turn-metadata.ts';
import type { UpstreamAccount } from './account.ts';

export interface PayloadRequest {
  readonly envelope: Envelope;
  readonly account: UpstreamAccount;
  readonly transport: 'ws' | 'http' | 'unary';
  readonly route: 'responses' | 'compact' | 'input_tokens';
  /** `as_sent`: the client's own `input` bytes go up untouched. */
  readonly items: readonly Buffer[] | 'as_sent';
  readonly anchor: string | undefined;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly promptCacheKey: string | undefined;
  /** Fields this upstream has just refused. */
  readonly dropped: readonly string[];
}

export interface Payload {
  readonly bytes: Buffer;
  /** Names of the client's fields that did not go up, for `x-respool-dropped-params`. */
  readonly dropped: readonly string[];
}

/** The ChatGPT backend answers 400 `Unsupported parameter` to each of these. */
const REFUSED_BY_CHATGPT = [
  'max_output_tokens',
  'max_completion_tokens',
  'temperature',
  'top_p',
  'user',
  'metadata',
  'truncation',
  'safety_identifier',
  'prompt_cache_retention',
  'prompt_cache_options',
  'prompt_cache_breakpoint',
  'context_management',
  'background',
  'conversation',
];
const REFUSED_BY_CHATGPT_HTTP = ['stream_options'];
const REFUSED_BY_CHATGPT_COMPACT = [
  'store',
  'stream',
  'text',
  'tools',
  'tool_choice',
  'client_metadata',
  'include',
];
const TIERS_OF_CHATGPT = new Set(['priority', 'fast', 'ultrafast']);
/** What the server itself reads or sets; never counted as dropped. */
const OURS = ['type', 'stream', 'stream_id', 'previous_response_id'];

export function buildPayload(request: PayloadRequest): Payload {
  const { envelope } = request;
  const refused = [...refusedFields(request), ...request.dropped].filter((name) =>
    envelope.members.has(name),
  );
  const set = request.account.kind === 'chatgpt' ? forChatgpt(request) : forApi(request);
  const drop = [
    ...OURS,
    ...refused,
    ...(request.transport === 'ws' ? [] : ['generate']),
    ...(request.account.kind === 'chatgpt' ? unsaid(envelope) : []),
  ];
  return {
    bytes: rewriteObject(envelope.bytes, envelope.members, {
      drop: drop.filter((name) => !(name in set)),
      set,
    }),
    dropped: [...new Set(refused)],
  };
}

/** The backend wants a string or nothing at all; to the public API `null` is nothing. */
function unsaid(envelope: Envelope): readonly string[] {
  return readMember(envelope, 'instructions') === null ? ['instructions'] : [];
}

function refusedFields({ account, transport, route, envelope }: PayloadRequest): readonly string[] {
  if (account.kind === 'api_key') return transport === 'ws' ? ['background'] : [];
  const tier = readMember(envelope, 'service_tier');
  return [
    ...REFUSED_BY_CHATGPT,
    ...(transport === 'ws' ? [] : REFUSED_BY_CHATGPT_HTTP),
    ...(route === 'compact' ? REFUSED_BY_CHATGPT_COMPACT : []),
    ...(typeof tier === 'string' && !TIERS_OF_CHATGPT.has(tier) ? ['service_tier'] : []),
  ];
}

type Members = Record<string, Buffer>;

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

function forApi(request: PayloadRequest): Members {
  return { ...common(request), ...(request.transport === 'http' ? { stream: json(true) } : {}) };
}

function forChatgpt(request: PayloadRequest): Members {
  const set = common(request);
  const items = inputOf(request).map(withoutSystemRole);
  if (
    items.some((item, index) => item !== inputOf(request)[index]) ||
    request.envelope.inputForm !== 'array'
  ) {
    set['input'] = joinArray(items);
  }
  if (request.route === 'compact') return { ...set, parallel_tool_calls: json(false) };
  return { ...set, store: json(false), stream: json(true), ...includeReasoning(request.envelope) };
}

function inputOf(request: PayloadRequest): readonly Buffer[] {
  return request.items === 'as_sent' ? request.envelope.input : request.items;
}

function common(request: PayloadRequest): Members {
  const { envelope } = request;
  const set: Members = {};
  if (request.transport === 'ws') set['type'] = json('response.create');
  if (request.items !== 'as_sent') set['input'] = joinArray(request.items);
  if (request.anchor !== undefined) set['previous_response_id'] = json(request.anchor);
  const metadata = metadataFor(request);
  if (metadata !== undefined) set['client_metadata'] = json(metadata);
  if (request.promptCacheKey !== undefined && request.promptCacheKey !== envelope.promptCacheKey) {
    set['prompt_cache_key'] = json(request.promptCacheKey);
  }
  return set;
}

const INSTALLATION = 'x-codex-installation-id';

/** `undefined` leaves the member as it came; an installation id is replaced by the account's own wherever it stands. */
function metadataFor({
  envelope,
  metadata,
  account,
}: PayloadRequest): Readonly<Record<string, unknown>> | undefined {
  if (!envelope.members.has('client_metadata')) return undefined;
  const named = INSTALLATION in metadata ? { [INSTALLATION]: account.installationId } : {};
  const described = metadata[TURN_METADATA];
  const turn =
    typeof described === 'string' ? { [TURN_METADATA]: reinstalled(described, account.installationId) } : {};
  const changed = metadata !== envelope.metadata || Object.keys({ ...named, ...turn }).length > 0;
  return changed ? { ...metadata, ...named, ...turn } : undefined;
}

/** The JSON text of a turn's metadata with the account's installation in place of the client's. */
export function reinstalled(turnMetadata: string, installationId: string): string {
  return withMembers(turnMetadata, (turn) =>
    'installation_id' in turn ? { installation_id: installationId } : {},
  );
}

const ENCRYPTED = 'reasoning.encrypted_content';

/** Reasoning can only be continued on this backend when it comes back encrypted. */
function includeReasoning(envelope: Envelope): Members {
  const include = readMember(envelope, 'include');
  const asked = Array.isArray(include) ? include : [];
  return asked.includes(ENCRYPTED) ? {} : { include: json([...asked, ENCRYPTED]) };
}

function readMember(envelope: Envelope, name: string): unknown {
  const span = envelope.members.get(name);
  return span === undefined ? undefined : JSON.parse(envelope.bytes.toString('utf8', span.start, span.end));
}

const SYSTEM = Buffer.from('"system"');
const BREAKPOINT = Buffer.from('"prompt_cache_breakpoint"');

/** The backend knows no `system` role and no cache breakpoints; items that hold neither word are not even parsed. */
function withoutSystemRole(item: Buffer): Buffer {
  if (!item.includes(SYSTEM) && !item.includes(BREAKPOINT)) return item;
  const parsed: unknown = JSON.parse(item.toString('utf8'));
  if (!isRecord(parsed)) return item;
  const renamed = parsed['role'] === 'system' ? { ...parsed, role: 'developer' } : parsed;
  const content = renamed['content'];
  if (!Array.isArray(content) || !item.includes(BREAKPOINT)) return renamed === parsed ? item : json(renamed);
  return json({ ...renamed, content: content.map(withoutBreakpoint) });
}

function withoutBreakpoint(part: unknown): unknown {
  if (!isRecord(part)) return part;
  const { prompt_cache_breakpoint: _, ...rest } = part;
  return rest;
}
