/**
 * API keys: made, listed, changed, revoked and, for each request, found. Only a key's SHA-256 is kept; the
 * key itself is shown once. It must not know what a limit means.
 */
import { hash, randomInt, randomUUID, timingSafeEqual } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { eq, sql } from 'drizzle-orm';
import type { AccountId, Tenant } from '../domain/ids.ts';
import type { KeyLimits } from '../domain/key.ts';
import type { Reads } from './database/database.ts';
import { apiKey } from './database/schema.ts';
import { saveChange } from './writer/save-change.ts';
import { assigned, type Prepared, placeholdersOf, prepareWrite, present } from './writer/statement.ts';
import { type Outcome, type Proposal, Tentative } from './writer/tentative.ts';
import type { WriteUnit } from './writer/write-unit.ts';
import type { Writer } from './writer/writer.ts';

const PREFIX = 'rsp_';
const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const RANDOM_CHARS = 32;
const CHECKSUM_CHARS = 6;
const SHOWN_CHARS = PREFIX.length + 6;

export interface ApiKey {
  /** The tenant this key calls as. */
  readonly id: Tenant;
  readonly name: string;
  /** First characters of the key, to recognise it by. */
  readonly prefix: string;
  readonly createdAt: number;
  readonly expiresAt?: number | undefined;
  /** Undefined: all. */
  readonly models?: readonly string[] | undefined;
  /** Undefined: all. */
  readonly accounts?: readonly AccountId[] | undefined;
  readonly limits?: KeyLimits | undefined;
  readonly revokedAt?: number | undefined;
}

export type KeyChanges = Partial<Pick<ApiKey, 'name' | 'expiresAt' | 'models' | 'accounts' | 'limits'>>;
export type KeyDraft = KeyChanges & Pick<ApiKey, 'name'>;

interface HeldKey {
  readonly key: Tentative<ApiKey>;
  readonly hash: Buffer;
}

export class Keys {
  readonly #byHash = new Map<string, HeldKey>();
  readonly #byId = new Map<Tenant, HeldKey>();
  readonly #writer: Writer;
  readonly #now: () => number;
  readonly #statements: ReturnType<typeof prepareStatements>;
  readonly #watchers: ((id: Tenant) => void)[] = [];

  constructor(reads: Reads, writer: Writer, now: () => number) {
    this.#writer = writer;
    this.#now = now;
    this.#statements = prepareStatements(reads);
    for (const { hash, ...row } of reads.select().from(apiKey).all())
      this.#hold({ key: new Tentative<ApiKey>(present(row)), hash });
  }

  /** Oldest first, revoked ones too. */
  list(): ApiKey[] {
    return [...this.#byId.values()].map(({ key }) => key.row).sort((a, b) => a.createdAt - b.createdAt);
  }

  get(id: Tenant): ApiKey | undefined {
    return this.#byId.get(id)?.key.row;
  }

  /** The key of a caller that was let in before, unless it has been revoked or has expired since. */
  valid(id: Tenant): ApiKey | undefined {
    const key = this.get(id);
    return key !== undefined && this.#isValid(key) ? key : undefined;
  }

  /** `watcher` hears of every change of a key as soon as it holds. */
  watch(watcher: (id: Tenant) => void): void {
    this.#watchers.push(watcher);
  }

  /** The key behind a bearer value, unless it is unknown, revoked or expired. */
  find(text: string): ApiKey | undefined {
    if (!isWellFormed(text)) return undefined;
    const digested = digest(text);
    const held = this.#byHash.get(digested.toString('latin1'));
    if (!held || !timingSafeEqual(held.hash, digested)) return undefined;
    return this.#isValid(held.key.row) ? held.key.row : undefined;
  }

  #isValid({ revokedAt, expiresAt }: ApiKey): boolean {
    return revokedAt === undefined && (expiresAt ?? Infinity) > this.#now();
  }

  /** `text` is the only copy of the key. Throws `StoreError` when it could not be kept, as every change does. */
  async create(draft: KeyDraft): Promise<{ readonly text: string; readonly key: ApiKey }> {
    const text = newKeyText();
    const key: ApiKey = {
      ...draft,
      id: `key_${randomUUID().replaceAll('-', '')}` as Tenant,
      prefix: text.slice(0, SHOWN_CHARS),
      createdAt: this.#now(),
    };
    const hash = digest(text);
    this.#hold({ key: new Tentative(key), hash });
    const forget = () => {
      this.#byHash.delete(hash.toString('latin1'));
      this.#byId.delete(key.id);
    };
    const settle = (outcome: Outcome) => (outcome === 'dropped' ? forget() : undefined);
    await this.#save(key.id, [this.#statements.insert({ ...key, hash })], { settle });
    return { text, key };
  }

  /** Undefined when there is no such key. */
  patch(id: Tenant, changes: KeyChanges): Promise<ApiKey | undefined> {
    return this.#change(id, changes);
  }

  /** From now on the key is refused; undefined when there is no such key. */
  revoke(id: Tenant): Promise<ApiKey | undefined> {
    return this.#change(id, { revokedAt: this.get(id)?.revokedAt ?? this.#now() });
  }

  async #change(id: Tenant, changes: Partial<ApiKey>): Promise<ApiKey | undefined> {
    const held = this.#byId.get(id);
    if (!held) return undefined;
    const proposal = held.key.propose(changes);
    const key = held.key.row;
    const { fields } = this.#statements;
    const unit = Object.keys(changes).flatMap((field) => fields.get(field)?.({ ...key }) ?? []);
    await this.#save(id, unit, proposal);
    return key;
  }

  async #save(id: Tenant, unit: WriteUnit, proposal: Proposal): Promise<void> {
    this.#changed(id);
    const settle = (outcome: Outcome) => {
      proposal.settle(outcome);
      if (outcome === 'dropped') this.#changed(id);
    };
    await saveChange(this.#writer, { unit, durability: 'token', settle });
  }

  #changed(id: Tenant): void {
    for (const watcher of this.#watchers) watcher(id);
  }

  #hold(held: HeldKey): void {
    this.#byHash.set(held.hash.toString('latin1'), held);
    this.#byId.set(held.key.row.id, held);
  }
}

/** One for each field, which writes no other: a new limit must not bring back a key that somebody else has revoked. */
const CHANGEABLE = [
  'name',
  'expiresAt',
  'models',
  'accounts',
  'limits',
  'revokedAt',
] as const satisfies readonly (keyof ApiKey)[];

function prepareStatements(reads: Reads) {
  const isKey = eq(apiKey.id, sql.placeholder('id'));
  const fields: ReadonlyMap<string, Prepared> = new Map(
    CHANGEABLE.map((field) => [
      field,
      prepareWrite(
        reads
          .update(apiKey)
          .set(assigned(apiKey, [field]))
          .where(isKey),
      ),
    ]),
  );
  // A unit may be sent again after its acknowledgement was lost.
  const insert = prepareWrite(reads.insert(apiKey).values(placeholdersOf(apiKey)).onConflictDoNothing());
  return { insert, fields };
}

function digest(text: string): Buffer {
  return hash('sha256', text, 'buffer');
}

function newKeyText(): string {
  const random = Array.from({ length: RANDOM_CHARS }, () => ALPHABET.charAt(randomInt(ALPHABET.length))).join(
    '',
  );
  return PREFIX + random + checksum(random);
}

/** CRC-32 in base 62: a mistyped key is told from a foreign one without a look-up. */
function checksum(random: string): string {
  let rest = crc32(random);
  let text = '';
  for (let i = 0; i < CHECKSUM_CHARS; i += 1) {
    text = ALPHABET.charAt(rest % ALPHABET.length) + text;
    rest = Math.floor(rest / ALPHABET.length);
  }
  return text;
}

function isWellFormed(text: string): boolean {
  if (text.length !== PREFIX.length + RANDOM_CHARS + CHECKSUM_CHARS || !text.startsWith(PREFIX)) return false;
  const random = text.slice(PREFIX.length, -CHECKSUM_CHARS);
  return text.endsWith(checksum(random));
}
