/**
 * The changing side of one simulated account: its current token, script, quota, sockets and counters.
 * Knows no wire format.
 */
import { Script, type SimulatedAccount, type SimulatedWindows } from './script.ts';
import type { ErrorAnswer } from './wire.ts';

/** An open WebSocket as the account sees it, for faults between turns. */
export interface OpenSocket {
  readonly number: number;
  drop(how: SocketDrop): void;
}

/** How an idle socket ends: a close frame with this code, or a destroyed connection. */
export type SocketDrop = { readonly close: number } | { readonly reset: true };

export type Quota = 'exhausted' | 'fresh' | { readonly turnsLeft: number; readonly resetsInSeconds?: number };

/** What reads of stored responses get; `silent`: no answer at all. */
export type Retrieval = 'served' | 'silent' | ErrorAnswer;

export class AccountState {
  readonly account: SimulatedAccount;
  readonly script = new Script();
  readonly sockets = new Set<OpenSocket>();
  upgrades = 0;
  retrieval: Retrieval = 'served';
  retrievals = 0;
  token: string;
  refreshToken: string | undefined;
  windows: SimulatedWindows;
  /** Tokens that were good once: they get `token_expired` instead of a recorded refusal. */
  readonly formerTokens = new Set<string>();
  readonly #serials = new Map<string, number>();
  /** Bytes seen per cache key; what came before counts as cached. */
  readonly #cache = new Map<string, number>();
  #turnsLimit: number;
  #turnsUsed = 0;
  #emptyUntil: number | undefined;
  #resetsInSeconds: number;

  constructor(account: SimulatedAccount) {
    this.account = account;
    this.token = account.token;
    this.refreshToken = account.refreshToken;
    this.windows = account.windows ?? {};
    this.#turnsLimit = account.turnsBeforeQuota ?? Number.POSITIVE_INFINITY;
    this.#resetsInSeconds = account.quotaResetsInSeconds ?? 3600;
  }

  get name(): string {
    return this.account.name;
  }

  get plan(): string {
    return this.account.plan ?? 'plus';
  }

  get models(): readonly string[] {
    return this.account.models ?? ['gpt-5.5', 'gpt-5.5-mini', 'gpt-5.3-codex', 'gpt-6-sol'];
  }

  get responsesOutliveSockets(): boolean {
    const usual = this.account.dialect === 'openai' ? 'account' : 'socket';
    return (this.account.responseLifetime ?? usual) === 'account';
  }

  get demandsItemIds(): boolean {
    const usual = this.account.dialect === 'openai' ? 'demanded' : 'optional';
    return (this.account.itemIds ?? usual) === 'demanded';
  }

  /** `prefix_account_n`: unique, and readable in a failed test. */
  nextId(prefix: string): string {
    const serial = (this.#serials.get(prefix) ?? 0) + 1;
    this.#serials.set(prefix, serial);
    return `${prefix}_${this.name.replaceAll(/[^a-zA-Z0-9]/g, '')}_${serial}`;
  }

  replaceToken(token: string): void {
    this.formerTokens.add(this.token);
    this.token = token;
  }

  /** Epoch ms at which a spent quota is full again; undefined while there is some left. */
  spentUntil(): number | undefined {
    if (this.#emptyUntil !== undefined && this.#emptyUntil <= Date.now()) {
      this.#emptyUntil = undefined;
      this.#turnsUsed = 0;
    }
    if (this.#emptyUntil === undefined && this.#turnsUsed >= this.#turnsLimit) {
      this.#emptyUntil = Date.now() + this.#resetsInSeconds * 1000;
    }
    return this.#emptyUntil;
  }

  countTurn(): void {
    this.#turnsUsed += 1;
  }

  setQuota(quota: Quota): void {
    this.#emptyUntil = undefined;
    this.#turnsUsed = 0;
    if (quota === 'fresh') return;
    if (quota === 'exhausted') {
      this.#emptyUntil = Date.now() + this.#resetsInSeconds * 1000;
      return;
    }
    this.#turnsLimit = quota.turnsLeft;
    this.#resetsInSeconds = quota.resetsInSeconds ?? this.#resetsInSeconds;
  }

  /** 0..100: how much of the quota is used, or undefined when turns are not counted. */
  usedPercent(): number | undefined {
    if (this.spentUntil() !== undefined) return 100;
    if (this.#turnsLimit === Number.POSITIVE_INFINITY) return undefined;
    return Math.round((this.#turnsUsed / this.#turnsLimit) * 1000) / 10;
  }

  get quotaPeriodSeconds(): number {
    return this.#resetsInSeconds;
  }

  /** How many bytes of a prompt under this key were seen before; notes the new size. */
  cachedBytes(key: string, bytes: number): number {
    const before = this.#cache.get(key) ?? 0;
    this.#cache.set(key, bytes);
    return Math.min(before, bytes);
  }
}
