/**
 * The turns behind the one that is asked for, item by item. Read from the transcript only when somebody asks: most
 * turns name their history by an id, and a conversation must not cost more with every turn it has had.
 */
import type { ResponseId } from '../../domain/ids.ts';
import type { TranscriptNode } from '../../store/transcripts/node.ts';
import { Item } from './item.ts';

/** After the first `length` items, the history is that of response `id`. */
interface Checkpoint {
  readonly id: ResponseId;
  readonly length: number;
}

interface Read {
  readonly items: readonly Item[];
  readonly checkpoints: readonly Checkpoint[];
}

export class TranscriptPath {
  readonly #walk: () => readonly TranscriptNode[] | undefined;
  #read: Read | 'missing' | undefined;

  /** `walk`: the turns, root first; undefined when one of them is not there any more. */
  constructor(walk: () => readonly TranscriptNode[] | undefined) {
    this.#walk = walk;
  }

  /** Undefined when a turn is missing: what is left of such a history must not stand for it. */
  get items(): readonly Item[] | undefined {
    return this.#whole()?.items;
  }

  /** Ids of the turns, newest first. */
  ancestors(): readonly ResponseId[] {
    return (this.#whole()?.checkpoints ?? []).map(({ id }) => id).toReversed();
  }

  /** How many items the history of this response has. */
  lengthAt(id: ResponseId): number | undefined {
    return this.#whole()?.checkpoints.find((one) => one.id === id)?.length;
  }

  #whole(): Read | undefined {
    this.#read ??= read(this.#walk());
    return this.#read === 'missing' ? undefined : this.#read;
  }
}

function read(nodes: readonly TranscriptNode[] | undefined): Read | 'missing' {
  if (nodes === undefined) return 'missing';
  const items: Item[] = [];
  const checkpoints: Checkpoint[] = [];
  for (const node of nodes) {
    for (const bytes of node.input) items.push(new Item(bytes, undefined));
    for (const bytes of node.output) items.push(new Item(bytes, node.account));
    checkpoints.push({ id: node.responseId, length: items.length });
  }
  return { items, checkpoints };
}
