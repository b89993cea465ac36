/**
 * How an alert is sent: one POST, and again after a pause when that may help. What is said about a failure
 * names neither the address nor a token, because in most channels the address is the secret.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Outgoing } from './channels.ts';

const TIMEOUT_MS = 10_000;
const PAUSES_MS = [1000, 5000];

export type Outcome =
  | { readonly ok: true }
  | { readonly ok: false; readonly reason: string; readonly repeat: 'may_help' | 'useless' };

export type Post = (outgoing: Outgoing, signal: AbortSignal) => Promise<Outcome>;
export type Pause = (ms: number, signal: AbortSignal) => Promise<void>;

/** A redirect is not followed: it would carry the token to an address that nobody has set. */
export const post: Post = async ({ url, headers, body }, signal) => {
  try {
    const answer = await fetch(url, {
      method: 'POST',
      headers: { ...headers },
      body,
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    await answer.body?.cancel();
    if (answer.ok) return { ok: true };
    const repeat = answer.status === 429 || answer.status >= 500 ? 'may_help' : 'useless';
    return { ok: false, reason: `the answer was ${answer.status}`, repeat };
  } catch (error) {
    return failureOf(error);
  }
};

function failureOf(error: unknown): Outcome {
  if (!(error instanceof Error)) throw error;
  if (error.name === 'AbortError') return { ok: false, reason: 'the server is stopping', repeat: 'useless' };
  if (error.name === 'TimeoutError') {
    return { ok: false, reason: `no answer within ${TIMEOUT_MS / 1000} seconds`, repeat: 'may_help' };
  }
  const code = (error.cause as NodeJS.ErrnoException | undefined)?.code;
  return { ok: false, reason: `not reachable (${code ?? error.name})`, repeat: 'may_help' };
}

/** Ends early, and quietly, when the server stops. */
export const pause: Pause = async (ms, signal) => {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
};

/** Up to three tries with growing pauses. */
export async function deliver(
  outgoing: Outgoing,
  by: { readonly post: Post; readonly pause: Pause; readonly signal: AbortSignal },
): Promise<Outcome> {
  for (const ms of PAUSES_MS) {
    const outcome = await by.post(outgoing, by.signal);
    if (outcome.ok || outcome.repeat === 'useless') return outcome;
    await by.pause(ms, by.signal);
  }
  return by.post(outgoing, by.signal);
}
