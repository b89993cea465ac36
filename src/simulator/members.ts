/**
 * Looks through an item for what may stand anywhere in it: sealed parts and files. Items are open JSON, so nothing
 * is assumed about where such a member stands. Pure.
 */
import { isObject } from './wire.ts';

interface Text {
  readonly key: string;
  readonly text: string;
  /** 0 for a member of the item itself. */
  readonly depth: number;
}

/** Every member that is a string; those of a list are named after the list. A stack of its own bears any nesting. */
function textsIn(item: object): readonly Text[] {
  const found: Text[] = [];
  const waiting: (readonly [key: string, value: unknown, depth: number])[] = [['', item, -1]];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const [key, value, depth] = next;
    if (typeof value === 'string') found.push({ key, text: value, depth });
    else if (Array.isArray(value)) for (const inner of value) waiting.push([key, inner, depth]);
    else if (isObject(value)) {
      for (const [name, inner] of Object.entries(value)) waiting.push([name, inner, depth + 1]);
    }
  }
  return found;
}

/** Sealed content below the item's own level, as in sub-agents' messages and tool outputs. */
export function nestedSeals(item: object): readonly string[] {
  return textsIn(item)
    .filter(({ key, depth }) => key === 'encrypted_content' && depth > 0)
    .map(({ text }) => text);
}

const FILE_URL = /^(?:sediment|file-service):\/\/([^/?#]+)/;

/** The files an item names, by id or in one of the URLs that stand for an uploaded file. */
export function namedFiles(item: object): readonly string[] {
  return textsIn(item).flatMap(({ key, text }) => {
    if (key === 'file_id' || key === 'file_ids') return [text];
    const file = key.endsWith('url') ? FILE_URL.exec(text)?.[1] : undefined;
    return file === undefined ? [] : [file];
  });
}
