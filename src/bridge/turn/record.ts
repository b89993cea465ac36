/**
 * What will be known of a turn afterwards: the row of the request log with every attempt in it, and the node of
 * the transcript when the turn has an answer.
 */
import type { SelectionReason } from '../../admin-api/request.ts';
import type { AccountId, ResponseId, SessionId } from '../../domain/ids.ts';
import type { BoundTo, RequestAttempt, RequestRow } from '../../domain/request.ts';
import { parseObject } from '../../protocol/frame.ts';
import { newResponseId, type Refusal } from '../../protocol/refusal.ts';
import { cutUsage } from '../../protocol/usage.ts';
import type { Binding, CommittedTurn } from '../../store/store.ts';
import type { TranscriptNode } from '../../store/transcripts/node.ts';
import type { Failure } from '../../turn/failure.ts';
import { RECOVERY } from '../../turn/recovery.ts';
import type { Attempt } from '../attempt/attempt.ts';
import { type CompletedResponse, itemsOfBody } from '../attempt/response-collector.ts';
import { accountNames } from '../history/account-names.ts';
import type { History } from '../history/history.ts';
import type { Item } from '../history/item.ts';
import { itemName } from '../history/item-owner.ts';
import type { HistorySource } from '../history/source.ts';
import type { TurnRequest } from '../turn-request.ts';

interface Open {
  readonly attempt: Attempt;
  readonly because: SelectionReason;
}

/** What the turn has come to. */
export interface Seen {
  readonly completed?: CompletedResponse | undefined;
  readonly history?: History;
  readonly attempt?: Attempt | undefined;
  /** A unary answer. */
  readonly body?: Buffer | undefined;
  readonly bound?: BoundTo | undefined;
  /** A background response that goes on upstream, whatever became of this connection. */
  readonly begun?: ResponseId | undefined;
  /** Ids of items that the client was shown of an answer that did not come to its end. */
  readonly brokenItems?: readonly string[];
}

export class TurnRecord {
  readonly #request: TurnRequest;
  readonly #session: SessionId;
  readonly #attempts: RequestAttempt[] = [];
  #open: Open | undefined;
  #last: Open | undefined;
  #refusal: Refusal | undefined;
  #firstEventMs: number | undefined;
  readonly #switches: string[] = [];
  #overheadMs = 0;
  #oursSince: number | undefined = performance.now();

  constructor(request: TurnRequest, session: SessionId) {
    this.#request = request;
    this.#session = session;
  }

  get dropped(): readonly string[] {
    return this.#last?.attempt.dropped ?? [];
  }

  started(attempt: Attempt, because: SelectionReason): void {
    this.#open = { attempt, because };
    this.#last = this.#open;
  }

  /** The request is out: from here on it is upstream's time. */
  sent(): void {
    if (this.#oursSince !== undefined) this.#overheadMs += performance.now() - this.#oursSince;
    this.#oursSince = undefined;
  }

  firstEvent(): void {
    this.#firstEventMs ??= Date.now() - this.#request.at;
  }

  /** Ends the open attempt; one that has ended already keeps its outcome. */
  ended(outcome: 'completed' | 'failed' | 'cancelled', failure?: Failure): void {
    const open = this.#open;
    if (open === undefined) return;
    this.#open = undefined;
    if (outcome === 'failed') this.#oursSince ??= performance.now();
    this.#attempts.push({
      accountId: open.attempt.account.id,
      transport: open.attempt.transport,
      outcome,
      errorClass: failure && RECOVERY[failure.class].shownAs,
      errorCode: failure?.code,
      ms: Date.now() - open.attempt.startedAt,
    });
  }

  refused(refusal: Refusal): void {
    this.#refusal = refusal;
  }

  /** The conversation has gone to another account; `cause` is a class of failure or a state of the one it left. */
  switched(cause: string): void {
    this.#switches.push(cause);
  }

  finish(status: RequestRow['status'], source: HistorySource, seen: Seen): CommittedTurn {
    return {
      row: this.#row(status, seen),
      node: this.#node(source, seen),
      stored: this.#isStored(seen),
      bound: this.#boundAfter(seen),
      bindings: this.#bindings(seen),
      switches: this.#switches,
      overheadMs: this.#firstEventMs === undefined ? undefined : this.#overheadMs,
    };
  }

  #isStored(seen: Seen): boolean {
    const { attempt, completed } = seen;
    if (this.#backgroundId(seen) !== undefined) return true;
    const stores = attempt?.account.kind === 'api_key' && attempt.carried !== 'ours';
    return completed !== undefined && stores && this.#request.envelope.store !== false;
  }

  /** What later turns of this conversation are bound to, be it by this turn or by an earlier one. */
  #boundAfter({ bound, attempt, completed, history }: Seen): BoundTo | undefined {
    if (attempt === undefined || completed === undefined) return undefined;
    if (history !== undefined && accountNames(this.#request, history).length > 0)
      return { kind: 'files', account: attempt.account.id };
    if (bound?.kind === 'files') return bound;
    const compacts = completed.items.some((item) => item.facts.shape === 'compaction');
    return compacts ? { kind: 'compaction', account: attempt.account.id } : bound;
  }

  #bindings({ attempt, completed, history, body, brokenItems = [] }: Seen): readonly Binding[] {
    if (attempt === undefined || attempt.carried === 'ours') return [];
    const answered = completed !== undefined || body !== undefined;
    const named = history === undefined ? [] : accountNames(this.#request, history);
    const names = answered ? named : brokenItems.map(itemName);
    return names.length === 0 ? [] : [{ names, account: attempt.account.id }];
  }

  #row(status: RequestRow['status'], seen: Seen): RequestRow {
    const { completed, history, body } = seen;
    const request = this.#request;
    const usage = completed?.usage ?? (body === undefined ? undefined : cutUsage(body));
    const error = this.#refusal?.error;
    return {
      id: request.id,
      at: request.at,
      tenant: request.tenant,
      session: this.#session,
      door: request.door,
      route: request.route,
      model: request.envelope.model,
      status,
      responseId: completed?.responseId ?? this.#backgroundId(seen),
      previousResponseId: request.envelope.previousResponseId,
      accountId: this.#answeredBy(),
      accountReason: this.#last?.because,
      continuity: this.#continuity(history),
      attempts: this.#attempts,
      error: error && { code: error.code ?? error.type, message: unquoted(error.message) },
      droppedParams: this.dropped.length > 0 ? this.dropped : undefined,
      inputTokens: usage?.inputTokens,
      cachedTokens: usage?.cachedTokens,
      outputTokens: usage?.outputTokens,
      reasoningTokens: usage?.reasoningTokens,
      firstEventMs: this.#firstEventMs,
      totalMs: Date.now() - request.at,
    };
  }

  #answeredBy(): AccountId | undefined {
    const attempt = this.#last?.attempt;
    return attempt?.carried === 'ours' ? undefined : attempt?.account.id;
  }

  #continuity(history: History | undefined): RequestRow['continuity'] {
    if (this.#last?.attempt.carried === 'preserved') return 'preserved';
    return history?.asWhole ?? 'none';
  }

  #node(source: HistorySource, seen: Seen): TranscriptNode | undefined {
    const { completed, history, attempt, body } = seen;
    if (history === undefined) return undefined;
    if (source.transcripts.mode === 'off' && attempt?.carried !== 'ours') return undefined;
    const compacted = attempt !== undefined && this.#request.route === 'compact';
    if (completed !== undefined) {
      const { responseId, items, response } = completed;
      return this.#nodeOf({ responseId, items, response }, history, source);
    }
    const background = this.#backgroundId(seen);
    if (background !== undefined) return this.#openNode(background, body ?? Buffer.from('{}'), history);
    if (!compacted || body === undefined) return undefined;
    const given = parseObject(body)?.['id'];
    const responseId = (typeof given === 'string' ? given : newResponseId()) as ResponseId;
    const items = itemsOfBody(body, attempt.account.id);
    return this.#nodeOf({ responseId, items, response: Buffer.from('{}') }, history, source);
  }

  /** A background response is named by its first answer, or by the first event of its stream, and asked for later. */
  #backgroundId({ body, begun }: Seen): ResponseId | undefined {
    if (this.#request.envelope.background !== 'yes') return undefined;
    const id = body === undefined ? begun : parseObject(body)?.['id'];
    return typeof id === 'string' ? (id as ResponseId) : undefined;
  }

  /** Without an answer yet: it is added when its client reads it (background-answer.ts). */
  #openNode(responseId: ResponseId, response: Buffer, { growth }: History): TranscriptNode {
    return {
      ...this.#question(responseId, growth),
      output: [],
      response,
      chain: Buffer.alloc(0),
      itemIds: [],
    };
  }

  /** Each output item is parsed once, for the hash; its names come out of the same parse. */
  #nodeOf(
    answer: { responseId: ResponseId; items: readonly Item[]; response: Buffer },
    { growth }: History,
    { chainKey }: HistorySource,
  ): TranscriptNode {
    const { responseId, items, response } = answer;
    return {
      ...this.#question(responseId, growth),
      output: items.map((item) => item.bytes),
      response,
      chain: items.reduce((hash, item) => item.hashAfter(hash, chainKey), growth.chain),
      itemIds: items.flatMap((item) => item.facts.names),
    };
  }

  /** What a node says of the turn, whatever the answer was. */
  #question(responseId: ResponseId, { parent, added }: History['growth']) {
    return {
      tenant: this.#request.tenant,
      responseId,
      parent,
      account: this.#answeredBy(),
      session: this.#session,
      input: added,
    };
  }
}

const MAX_MESSAGE = 500;

/** Upstream quotes what it was sent, and the log of turns rests unsealed: it keeps the sentence without that. */
function unquoted(message: string): string {
  return message.slice(0, MAX_MESSAGE).replace(/(['"`])(?:(?!\1)[^\n]){9,}\1/g, '$1…$1');
}
