/**
 * By what an item is known again when a client sends it back: its id, and its sealed content for clients that drop
 * ids. Whoever issued it is the only one who can open it.
 */
import { createHash } from 'node:crypto';

export function itemNames(item: Readonly<Record<string, unknown>>): readonly string[] {
  const { id, encrypted_content: sealed } = item;
  return [
    ...(typeof id === 'string' ? [id] : []),
    ...(typeof sealed === 'string'
      ? [`sealed:${createHash('sha256').update(sealed).digest('base64url')}`]
      : []),
  ];
}
