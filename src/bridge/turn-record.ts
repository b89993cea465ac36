/**
 * What will be known of a turn afterwards: the row of the request log with every attempt in it, and the node of
 * the transcript when the turn has an answer.
 */
import type { AccountId, ResponseId, SessionId } from '../ids.ts';
import { parseObject } from '../protocol/frame.ts';
import type { Refusal } from '../protocol/refusal.ts';
import { cutUsage } from '../protocol/usage.ts';
import type { RequestAttempt, RequestRow } from '../store/request-row.ts';
import type { CommittedTurn } from '../store/store.ts';
import type { Failure } from '../turn/failure.ts';
import type { Attempt } from './attempt.ts';
import { chainAfter, type History, type Memory } from './history.ts';
import type { Ending } from './recorder.ts';
import type { TurnRequest } from './stream.ts';

interface Open {
  readonly attempt: Attempt;
  readonly because: string;
}

export interface Seen {
  readonly ending?: Ending;
  readonly history?: History;
  readonly attempt?: Attempt | undefined;
  /** A unary answer. */
  readonly body?: Buffer;
}

export class TurnRecord {
  readonly #request: TurnRequest;
  readonly #session: SessionId;
  readonly #attempts: RequestAttempt[] = [];
  #open: Open | undefined;
  #last: Open | undefined;
  #refusal: Refusal | undefined;
  #firstEventMs: number | undefined;
  #overheadMs = 0;
  #oursSince: number | undefined = performance.now();

  constructor(request: TurnRequest, session: SessionId) {
    this.#request = request;
    this.#session = session;
  }

  get dropped(): readonly string[] {
    return this.#last?.attempt.dropped ?? [];
  }

  started(attempt: Attempt, because: string): void {
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
      errorClass: failure?.class,
      errorCode: failure?.code,
      ms: Date.now() - open.attempt.startedAt,
    });
  }

  refused(refusal: Refusal): void {
    this.#refusal = refusal;
  }

  finish(status: RequestRow['status'], memory: Memory, seen: Seen): CommittedTurn {
    const node =
      seen.ending && seen.history && this.#node(seen.ending, seen.history, { memory, attempt: seen.attempt });
    const overheadMs = this.#firstEventMs === undefined ? undefined : this.#overheadMs;
    return { row: this.#row(status, seen), node, stored: this.#isStored(seen), overheadMs };
  }

  #isStored({ attempt, ending, body }: Seen): boolean {
    if (backgroundId(this.#request, body) !== undefined) return true;
    const stores = attempt?.account.kind === 'api_key' && attempt.carried !== 'ours';
    return ending !== undefined && stores && this.#request.envelope.store !== false;
  }

  #row(status: RequestRow['status'], { ending, history, body }: Seen): RequestRow {
    const request = this.#request;
    const usage = ending?.usage ?? (body === undefined ? undefined : cutUsage(body));
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
      responseId: ending?.responseId ?? backgroundId(request, body),
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

  #node(
    ending: Ending,
    history: History,
    by: { memory: Memory; attempt: Attempt | undefined },
  ): CommittedTurn['node'] {
    const { growth } = history;
    const { memory } = by;
    if (growth === undefined || memory.transcripts.mode === 'off') return undefined;
    return {
      tenant: this.#request.tenant,
      responseId: ending.responseId,
      parent: growth.parent,
      account: this.#answeredBy(),
      session: this.#session,
      input: growth.added,
      output: ending.items,
      response: ending.response,
      chain: chainAfter(growth.chain, ending.items, memory.chainKey),
      itemIds: ending.itemIds,
    };
  }
}

/** A background response is named by its first answer and asked for later. */
function backgroundId(request: TurnRequest, body: Buffer | undefined): ResponseId | undefined {
  if (body === undefined || request.envelope.background !== 'yes') return undefined;
  const id = parseObject(body)?.['id'];
  return typeof id === 'string' ? (id as ResponseId) : undefined;
}

const LONGEST_MESSAGE = 500;

/** Upstream quotes what it was sent, and the log of turns rests unsealed: it keeps the sentence without that. */
function unquoted(message: string): string {
  return message.slice(0, LONGEST_MESSAGE).replace(/(['"`])(?:(?!\1)[^\n]){9,}\1/g, '$1…$1');
}
