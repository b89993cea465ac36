/** What stories about one conversation say and look at. */
import type { Behaviour } from '../../src/simulator/script.ts';
import type { Answer } from './doors.ts';
import type { World } from './world.ts';

export const SESSION = { 'session-id': 'one-conversation' };

/** The account is out of quota for a quarter of an hour. */
export const SPENT: Behaviour = {
  fault: {
    kind: 'status',
    at: 'before_created',
    status: 429,
    body: { error: { type: 'usage_limit_reached', message: 'spent', resets_in_seconds: 900 } },
  },
};

export const user = (text: string) => ({
  type: 'message',
  role: 'user',
  content: [{ type: 'input_text', text }],
});

export type Item = Record<string, unknown> & { type: string; id?: string };

export const outputOf = (answer: Answer): Item[] => (answer.response?.['output'] ?? []) as Item[];

/** What went up last, and to whom. */
export const lastInput = (world: World): Item[] => (world.simulator.seen.at(-1)?.body.input ?? []) as Item[];
export const lastAccount = (world: World): string | undefined => world.simulator.seen.at(-1)?.account;
