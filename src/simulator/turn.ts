/**
 * One turn from arrival to end: judged by the strict rules, booked in the journal, played as scripted. The
 * transports hand in an `ResponseWriter`; this file must not know which of them it is talking to.
 */
import type { AccountState } from './account-state.ts';
import { composeAnswer } from './answer.ts';
import { refusedTrigger } from './compaction.ts';
import { limitHeaders, rateLimitsEvent, screenChatgptFields } from './dialect-chatgpt.ts';
import { openaiHeaders, type Refusal, screenOpenaiFields } from './dialect-openai.ts';
import { insufficientQuota, usageLimitReached } from './errors.ts';
import { screenItemIds } from './item-ids.ts';
import type { OpenTurn, TurnKind } from './journal.ts';
import type { IssuedResponse } from './ledger.ts';
import { play, type ResponseWriter } from './player.ts';
import {
  dereference,
  findParent,
  type SocketMemory,
  screenItems,
  screenPairing,
  screenTurnState,
  turnStateOf,
} from './screening.ts';
import type { Behaviour } from './script.ts';
import { begun, finished, type Plot, type Usage } from './story.ts';
import {
  type CreateBody,
  type ErrorAnswer,
  type Headers,
  type Item,
  inputItems,
  itemsOf,
  type Lineage,
  textOf,
  type WireEvent,
} from './wire.ts';
import type { World } from './world.ts';

/** A create or compact as a transport received it. */
export interface Arrival {
  readonly account: AccountState;
  readonly transport: 'ws' | 'http';
  readonly kind: TurnKind;
  readonly socket: number | undefined;
  readonly memory: SocketMemory | undefined;
  readonly body: CreateBody;
  readonly bytes: number;
  readonly headers: Headers;
}

/** A turn that broke no rule, with everything it can see. */
export interface AdmittedTurn {
  readonly turn: OpenTurn;
  readonly lineage: Lineage;
  readonly history: readonly Item[];
}

/** Books the arrival and judges it. A refusal is booked too, and evicts what the socket remembers. */
export function admit(
  world: World,
  arrival: Arrival,
): AdmittedTurn | (Refusal & { readonly turn: OpenTurn }) {
  const { account, body, memory } = arrival;
  const fields = screenFields(arrival);
  const found = findParent(body, account, { ledger: world.ledger, memory });
  const fresh = inputItems(body.input);
  const parent = 'rule' in found ? undefined : found.parent?.lineage;
  const items = dereference(fresh, world.ledger);
  const lineage = { parent, items, bytes: (parent?.bytes ?? 0) + bytesOf(items) };
  const history = itemsOf(lineage);
  const turn = book(world, arrival, history);
  const judge = { ledger: world.ledger, account };
  const refusal =
    fields ??
    ('rule' in found ? found : undefined) ??
    screenTurnState(turnStateOf(body, arrival.headers), judge) ??
    screenItems(fresh, history, judge) ??
    (arrival.kind === 'create' ? screenPairing(history) : undefined);
  if (refusal === undefined) return { turn, lineage, history };
  world.journal.refuse(account.name, refusal.rule, refusal.answer);
  world.journal.settle(turn, 'refused');
  evict(memory);
  return { ...refusal, turn };
}

function screenFields({ account, body, kind, transport }: Arrival): Refusal | undefined {
  const carrier = kind === 'compact' ? 'compact' : transport;
  const screen = account.account.dialect === 'openai' ? screenOpenaiFields : screenChatgptFields;
  return screen(body, carrier, account) ?? screenItemIds(body.input, account);
}

function book(world: World, arrival: Arrival, history: readonly Item[]): OpenTurn {
  return world.journal.arrive({
    account: arrival.account.name,
    kind: arrival.kind,
    transport: arrival.transport,
    socket: arrival.socket,
    body: arrival.body,
    headers: withoutCredentials(arrival.headers),
    frameBytes: arrival.bytes,
    history,
    get historyTexts() {
      return history.map(textOf).filter((text) => text !== undefined);
    },
  });
}

function withoutCredentials(headers: Headers): Headers {
  const { authorization: _, cookie: __, ...rest } = headers;
  return rest;
}

function evict(memory: SocketMemory | undefined): void {
  if (memory !== undefined) memory.newest = undefined;
}

/** Takes the turn to its end: a refusal, a spent quota, or the scripted play. */
export async function takeTurn(world: World, arrival: Arrival, writer: ResponseWriter): Promise<void> {
  const admitted = admit(world, arrival);
  if ('rule' in admitted) return writer.refuse(admitted.answer);
  const { account, memory } = arrival;
  const { turn } = admitted;
  const spent = arrival.kind === 'prewarm' ? undefined : spentQuota(account);
  const failure = spent ?? refusedTrigger(account, arrival.body.input);
  if (failure !== undefined) {
    world.journal.settle(turn, 'failed');
    evict(memory);
    return writer.refuse(failure);
  }
  const { plot, issued } = stage(world, arrival, admitted);
  turn.responseId = plot.id;
  const act = {
    plot,
    ...opening(world, arrival, plot),
    onItem: (item: Item) => world.ledger.issueItems(account.name, [item], 'unstored'),
    onCompleted: () => {
      if (arrival.kind === 'create') account.countTurn();
      world.ledger.issue({ ...issued, response: finished(plot) }, plot.output);
      if (memory !== undefined) memory.newest = issued;
      world.journal.settle(turn, 'answered');
    },
  };
  const end = await play(act, writer);
  if (end !== 'answered') evict(memory);
  world.journal.settle(turn, end);
}

/** The answer to a turn on a spent account; undefined while there is quota. */
export function spentQuota(account: AccountState): ErrorAnswer | undefined {
  const until = account.spentUntil();
  if (until === undefined) return undefined;
  return account.account.dialect === 'openai' ? insufficientQuota() : usageLimitReached(until, account.plan);
}

/** What will be said, and the response under which it will be booked. */
function stage(world: World, arrival: Arrival, { lineage, history }: AdmittedTurn) {
  const { account, body } = arrival;
  const prewarm = arrival.kind === 'prewarm';
  const behaviour = prewarm ? account.script.takeForPrewarm() : account.script.takeForTurn(arrival.transport);
  const output = prewarm ? [] : composeAnswer({ body, history, behaviour, account, ledger: world.ledger });
  const keeps = account.account.dialect === 'chatgpt' || body.store !== false;
  const stored = account.responsesOutliveSockets && keeps;
  const plot: Plot = {
    id: account.nextId('resp'),
    body,
    output,
    behaviour,
    usage: usageOf(arrival, { lineage, output, behaviour }),
    store: body.store === false || account.account.dialect === 'chatgpt' ? 'unstored' : 'stored',
    createdAt: Math.floor(Date.now() / 1000),
  };
  const issued: IssuedResponse = {
    id: plot.id,
    account: account.name,
    stored,
    lineage: { parent: lineage, items: output, bytes: lineage.bytes + bytesOf(output) },
    response: begun(plot, 'queued'),
    input: lineage.items,
  };
  if (body.background === true) world.ledger.issue(issued, []);
  return { plot, issued };
}

const bytesOf = (value: unknown): number => JSON.stringify(value).length;

/** About four bytes a token; what the account saw before under the same key counts as cached. */
export function usageOf(
  { account, body }: Arrival,
  seen: { readonly lineage: Lineage; readonly output: readonly Item[]; readonly behaviour: Behaviour },
): Usage {
  const { lineage, output, behaviour } = seen;
  const key = String(body.prompt_cache_key ?? '');
  const before = key === '' ? (lineage.parent?.bytes ?? 0) : account.cachedBytes(key, lineage.bytes);
  const input = behaviour.usage?.input_tokens ?? Math.ceil(lineage.bytes / 4);
  const spoken = behaviour.usage?.output_tokens ?? (output.length === 0 ? 0 : Math.ceil(bytesOf(output) / 4));
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: Math.min(input, Math.floor(before / 4)), cache_write_tokens: 0 },
    output_tokens: spoken,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: input + spoken,
  };
}

/** The headers, and the frames in front of `response.created`, that the dialect adds. */
function opening(world: World, arrival: Arrival, { behaviour }: Plot) {
  const { account, transport } = arrival;
  const own = { 'x-request-id': account.nextId('req') };
  const given = behaviour.vendorFrames;
  if (account.account.dialect === 'openai') {
    return { headers: { ...openaiHeaders(account), ...own }, vendorFrames: given ?? [] };
  }
  const turnState = turnStateOf(arrival.body, arrival.headers) ?? account.nextId('turnstate');
  world.ledger.issueTurnState(turnState, account.name);
  const stateHeader = { 'x-codex-turn-state': turnState };
  const metadata: WireEvent = { type: 'response.metadata', headers: stateHeader };
  const limits = rateLimitsEvent(account);
  return {
    headers: { ...limitHeaders(account), ...stateHeader, ...own },
    vendorFrames: given ?? (transport === 'ws' ? [limits, metadata] : [limits]),
  };
}
