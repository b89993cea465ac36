/**
 * What one attempt sends, composed from the request, the history and what the account may see of both. Pure but
 * for look-ups in the transcript; the connection it goes over is chosen in attempt.ts.
 */
import { hash } from 'node:crypto';
import type { Tenant } from '../../domain/ids.ts';
import { type Frame, makeFrame } from '../../protocol/frame.ts';
import { type HeaderMap, upstreamHeaders } from '../../protocol/headers.ts';
import { newResponseId } from '../../protocol/refusal.ts';
import { TURN_METADATA, withMembers } from '../../protocol/turn-metadata.ts';
import { type Continuation, continuationAt } from '../../turn/continuation.ts';
import type { AttemptOptions } from '../../turn/states.ts';
import type { UpstreamAccount } from '../../upstream/account.ts';
import type { ConnectionGauge } from '../../upstream/connection-gauge.ts';
import type { HttpUpstream } from '../../upstream/http.ts';
import { buildPayload, type Payload, reinstalled } from '../../upstream/payload.ts';
import type { Newest } from '../../upstream/websocket.ts';
import type { History } from '../history/history.ts';
import type { HistorySource } from '../history/source.ts';
import { TURN_STATE } from '../session/identity.ts';
import type { Lane } from '../session/session.ts';
import type { TurnRequest } from '../turn-request.ts';
import { itemsFor } from './derive-items.ts';
import type { WebsocketSupport } from './websocket-support.ts';

export interface Transports {
  readonly http: HttpUpstream;
  readonly upgrades: WebsocketSupport;
  readonly pingMs: number;
  readonly handshakeMs: number;
  readonly connectionGauge: ConnectionGauge;
  readonly source: HistorySource;
  /** A client's id as upstream may see it: the same for the same tenant, and nobody else's. */
  readonly scoped: (tenant: Tenant, value: string) => string;
}

export interface AttemptContext {
  readonly request: TurnRequest;
  readonly history: History;
  readonly lane: Lane;
  readonly account: UpstreamAccount;
  readonly options: AttemptOptions;
  /** The client's turn state, where this very account issued it. */
  readonly turnState: string | undefined;
}

export type Carrier = 'ws' | 'http' | 'unary';

export interface UploadPlan {
  readonly carrier: Carrier;
  readonly newest: Newest | undefined;
  readonly fingerprint: string;
}

export type Composed =
  | { readonly ok: true; readonly payload: Payload; readonly anchor: string | undefined }
  /** The history can be neither named nor sent here. */
  | { readonly ok: false };

export function composePayload(context: AttemptContext, transports: Transports, plan: UploadPlan): Composed {
  const { request, history, account, options } = context;
  const { envelope, tenant } = request;
  const continuation = continuationFor(context, plan);
  if (continuation.kind === 'lost') return { ok: false };
  const anchor = continuation.kind === 'anchor' ? continuation.id : undefined;
  const keeps = account.kind === 'api_key' && envelope.store !== false ? 'stores' : 'stateless';
  const target = { account: account.id, keeps, seals: options.seals } as const;
  const items = itemsFor(history, anchor, target, { tenant, source: transports.source });
  if (items === 'missing') return { ok: false };
  const { promptCacheKey } = envelope;
  const payload = buildPayload({
    envelope,
    account,
    transport: plan.carrier,
    route: request.route,
    items,
    anchor,
    metadata: composeMetadata(context, transports),
    promptCacheKey: promptCacheKey === undefined ? undefined : transports.scoped(tenant, promptCacheKey),
    dropped: options.dropped,
  });
  return { ok: true, payload, anchor };
}

/** Over HTTP the ChatGPT backend takes no id at all; a compaction is given the window itself. */
function continuationFor(
  { history, account, options, request }: AttemptContext,
  plan: UploadPlan,
): Continuation {
  const nameless = request.route === 'compact' || (account.kind === 'chatgpt' && plan.carrier !== 'ws');
  return continuationAt({ account: account.id, newest: plan.newest }, history.past, {
    fingerprint: plan.fingerprint,
    anchor: nameless ? 'refused' : options.anchor,
  });
}

/** By these a client names what it runs, in `client_metadata` and in the metadata of its turn alike. */
const IDS = [
  ...['session_id', 'thread_id', 'window_id', 'context_window_id', 'x-codex-window-id'],
  ...['turn_id', 'root_turn_id', 'parent_turn_id', 'parent_thread_id', 'x-codex-parent-thread-id'],
];
const HEADER_IDS = [
  ...['session_id', 'session-id', 'thread-id', 'conversation_id', 'x-client-request-id'],
  ...['x-codex-window-id', 'x-codex-parent-thread-id', 'x-codex-root-turn-id'],
];

/** The same object where nothing changes, so that the client's own bytes go up. */
function composeMetadata(
  { request, turnState }: AttemptContext,
  transports: Transports,
): Readonly<Record<string, unknown>> {
  const { metadata } = request.envelope;
  const scoped = Object.entries(scopedIds(metadata, request.tenant, transports));
  const foreignState = TURN_STATE in metadata && turnState === undefined;
  if (scoped.length === 0 && !foreignState) return metadata;
  const { [TURN_STATE]: state, ...rest } = metadata;
  return {
    ...rest,
    ...(foreignState || state === undefined ? {} : { [TURN_STATE]: state }),
    ...Object.fromEntries(scoped),
  };
}

/** The members that have to change, as this tenant's. */
function scopedIds(
  named: Readonly<Record<string, unknown>>,
  tenant: Tenant,
  transports: Transports,
): Readonly<Record<string, string>> {
  const scoped: Record<string, string> = {};
  for (const name of IDS) {
    const id = named[name];
    if (typeof id === 'string') scoped[name] = transports.scoped(tenant, id);
  }
  const described = named[TURN_METADATA];
  if (typeof described === 'string') {
    scoped[TURN_METADATA] = withMembers(described, (turn) => scopedIds(turn, tenant, transports));
  }
  return Object.fromEntries(Object.entries(scoped).filter(([name, value]) => value !== named[name]));
}

export function composeHeaders(
  { request, turnState, account }: AttemptContext,
  transports: Transports,
): HeaderMap {
  const passed = upstreamHeaders(request.client, request.headers);
  for (const name of HEADER_IDS) {
    const value = passed[name];
    if (value !== undefined) passed[name] = transports.scoped(request.tenant, value);
  }
  const metadata = passed[TURN_METADATA];
  if (metadata !== undefined) {
    const scoped = withMembers(metadata, (turn) => scopedIds(turn, request.tenant, transports));
    passed[TURN_METADATA] = reinstalled(scoped, account.installationId);
  }
  if (turnState !== undefined) passed[TURN_STATE] = turnState;
  return passed;
}

/** The stream of a prewarm that this server answers itself: an id to continue from, and nothing else. */
export function prewarmAnswer(model: string): readonly Frame[] {
  const response = {
    id: newResponseId(),
    object: 'response',
    created_at: Math.floor(Date.now() / 1000),
    status: 'in_progress',
    model,
    output: [],
    usage: null,
  };
  const usage = { input_tokens: 0, output_tokens: 0, total_tokens: 0 };
  return [
    makeFrame({ type: 'response.created', sequence_number: 0, response }),
    makeFrame({
      type: 'response.completed',
      sequence_number: 1,
      response: { ...response, status: 'completed', usage },
    }),
  ];
}

/** Members that may differ between two requests of which one continues the other. */
const PASSING = new Set([
  'input',
  'previous_response_id',
  'client_metadata',
  'generate',
  'stream',
  'stream_id',
  'type',
]);

export function fingerprintOf(bytes: Buffer, members: TurnRequest['envelope']['members']): string {
  const asked = [...members.keys()].filter((name) => !PASSING.has(name)).sort();
  let text = '';
  for (const name of asked) {
    const span = members.get(name);
    if (span !== undefined) text += name + bytes.toString('latin1', span.start, span.end);
  }
  return hash('sha1', text, 'base64');
}
