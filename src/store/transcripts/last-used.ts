/**
 * Which turns were used since the disk was last told so. Written together now and then: a look at a history must not
 * cost a commit.
 */
import type { ResponseId, Tenant } from '../../domain/ids.ts';
import type { Writer } from '../writer/writer.ts';
import { keyOf } from './node.ts';
import type { TranscriptRows } from './rows.ts';

interface Touch {
  readonly tenant: Tenant;
  readonly responseId: ResponseId;
  readonly at: number;
}

export interface TouchOptions {
  readonly rows: TranscriptRows;
  readonly writer: Writer;
  readonly now: () => number;
}

export class LastUsed {
  readonly #options: TouchOptions;
  /** Until they are committed: whoever makes room asks here, too. */
  readonly #touched = new Map<string, Touch>();
  #writing: Promise<void> | undefined;

  constructor(options: TouchOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#touched.size;
  }

  has(key: string): boolean {
    return this.#touched.has(key);
  }

  touch(tenant: Tenant, responseId: ResponseId): void {
    this.#touched.set(keyOf(tenant, responseId), { tenant, responseId, at: this.#options.now() });
  }

  /** Writes down what was used since the last time; one at a time. */
  write(): Promise<void> {
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
    });
    return this.#writing;
  }

  async #write(): Promise<void> {
    const touches = [...this.#touched];
    if (touches.length === 0) return;
    const { rows, writer } = this.#options;
    const unit = touches.map(([, { tenant, responseId, at }]) => rows.touch(tenant, responseId, at));
    if ((await writer.write(unit)).kind === 'dropped') return;
    for (const [key, touch] of touches) if (this.#touched.get(key) === touch) this.#touched.delete(key);
  }
}
