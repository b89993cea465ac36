/**
 * What a Codex client says about its turn: JSON text in a header and in `client_metadata`, where every value is text.
 */
import { isRecord } from './frame.ts';

export const TURN_METADATA = 'x-codex-turn-metadata';

/** The JSON text of a turn's metadata with other members, which are told by the ones it has; unchanged without any. */
export function withMembers(
  turnMetadata: string,
  changed: (turn: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>>,
): string {
  try {
    const parsed: unknown = JSON.parse(turnMetadata);
    const members = isRecord(parsed) ? changed(parsed) : {};
    if (!isRecord(parsed) || Object.keys(members).length === 0) return turnMetadata;
    return JSON.stringify({ ...parsed, ...members });
  } catch (cause) {
    if (cause instanceof SyntaxError) return turnMetadata;
    throw cause;
  }
}
