/**
 * Which models the pool serves: asked of the accounts, kept for a while, and remembered when upstream is down.
 */

import type { Config } from '../config.ts';
import type { AccountRow } from '../domain/account.ts';
import type { AccountId } from '../domain/ids.ts';
import { isRecord, parseObject } from '../protocol/frame.ts';
import { modelsUrl } from '../upstream/account.ts';
import type { HttpUpstream } from '../upstream/http.ts';
import { statusOf, upstreamAccountOf } from './account.ts';
import type { AccountPool } from './pool.ts';

const FRESH_MS = 5 * 60_000;
const TIMEOUT_MS = 10_000;

/** The upstream's own entry; `slug` on the ChatGPT backend, `id` on the public API. */
export type ModelEntry = Readonly<Record<string, unknown>>;

interface Listed {
  readonly at: number;
  readonly models: readonly ModelEntry[];
}

export class ModelCatalogue {
  readonly #pool: AccountPool;
  readonly #http: HttpUpstream;
  readonly #config: Config;
  readonly #lists = new Map<string, Promise<Listed>>();
  readonly #known = new Map<AccountId, Listed>();

  constructor(pool: AccountPool, http: HttpUpstream, config: Config) {
    this.#pool = pool;
    this.#http = http;
    this.#config = config;
  }

  /** One entry per model over all usable accounts; entries of a kind keep the form that kind gives them. */
  async list(
    kind: AccountRow['kind'] | undefined,
    asked: { allowed: readonly AccountId[] | undefined; clientVersion?: string | undefined },
  ): Promise<readonly ModelEntry[]> {
    const now = Date.now();
    const rows = this.#pool.rows(asked.allowed).filter((row) => kind === undefined || row.kind === kind);
    const usable = rows.filter((row) => !['paused', 'needs_login'].includes(statusOf(row, now)));
    const lists = await Promise.all(usable.map((row) => this.#listOf(row, asked.clientVersion)));
    const byName = new Map(lists.flat().map((entry) => [nameOf(entry), entry]));
    return [...byName.values()];
  }

  /** Two callers at once share one question. */
  async #listOf(row: AccountRow, clientVersion: string | undefined): Promise<readonly ModelEntry[]> {
    const key = `${row.id} ${clientVersion ?? ''}`;
    const running = this.#lists.get(key);
    if (running !== undefined && Date.now() - (await running).at < FRESH_MS) return (await running).models;
    const asking = this.#ask(row, clientVersion);
    this.#lists.set(key, asking);
    return (await asking).models;
  }

  async #ask(row: AccountRow, clientVersion: string | undefined): Promise<Listed> {
    const account = upstreamAccountOf(row, this.#config);
    const request = { account, method: 'GET', url: modelsUrl(account, clientVersion), headers: {} } as const;
    const answer = await this.#http.unary(request, { timeoutMs: TIMEOUT_MS });
    const body = answer.ok && answer.status === 200 ? parseObject(answer.body) : undefined;
    const models = body?.['models'] ?? body?.['data'];
    // Upstream is down: the last known list, asked again at the next call.
    if (!Array.isArray(models)) return { at: 0, models: this.#known.get(row.id)?.models ?? [] };
    const listed = { at: Date.now(), models: models.filter(isRecord) };
    this.#known.set(row.id, listed);
    return listed;
  }
}

export function nameOf(entry: ModelEntry): string {
  return String(entry['slug'] ?? entry['id'] ?? '');
}

/** The public API's form of an entry. */
export function publicModel(entry: ModelEntry): ModelEntry {
  if (entry['object'] === 'model') return entry;
  return { id: nameOf(entry), object: 'model', created: 0, owned_by: 'openai' };
}
