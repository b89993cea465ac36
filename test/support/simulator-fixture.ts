/** The accounts, request heads and expectations that the simulator's own tests share: two accounts of each dialect. */
import { expect } from 'vitest';
import type { SeenRefusal } from '../../src/simulator/journal.ts';
import type { SimulatedAccount } from '../../src/simulator/script.ts';
import { type Simulator, type SimulatorOptions, startSimulator } from '../../src/simulator/simulator.ts';
import { call, responseOf, TestSocket } from './simulator-client.ts';

const ACCOUNTS: readonly SimulatedAccount[] = [
  { name: 'key1', dialect: 'openai', token: 'sk-1' },
  { name: 'key2', dialect: 'openai', token: 'sk-2' },
  { name: 'plus1', dialect: 'chatgpt', token: 'at-1', accountId: 'acc-1', refreshToken: 'rt-first' },
  { name: 'plus2', dialect: 'chatgpt', token: 'at-2', accountId: 'acc-2' },
];

export const HEADS = {
  key1: { authorization: 'Bearer sk-1' },
  key2: { authorization: 'Bearer sk-2' },
  plus1: { authorization: 'Bearer at-1', 'chatgpt-account-id': 'acc-1' },
  plus2: { authorization: 'Bearer at-2', 'chatgpt-account-id': 'acc-2' },
} as const;

export type Name = keyof typeof HEADS;

export function start(options: Partial<SimulatorOptions> = {}): Promise<Simulator> {
  return startSimulator({ accounts: ACCOUNTS, ...options });
}

/** Where the account's creates go. */
export function responsesUrl(simulator: Simulator, name: Name): string {
  return name.startsWith('key')
    ? `${simulator.openaiBaseUrl}/responses`
    : `${simulator.chatgptBaseUrl}/codex/responses`;
}

export function connect(simulator: Simulator, name: Name): Promise<TestSocket> {
  return TestSocket.open(responsesUrl(simulator, name), HEADS[name]);
}

/** A body that the account's dialect takes over HTTP, streaming; a socket takes it as well. */
export function ask(input: readonly object[], more: object = {}): object {
  return { model: 'gpt-5.5', store: false, stream: true, input, ...more };
}

/** Sends the body over HTTP and expects exactly one refusal, by that rule. */
export async function refused(simulator: Simulator, name: Name, body: object): Promise<SeenRefusal> {
  const before = simulator.refusals.length;
  const answer = await call(responsesUrl(simulator, name), HEADS[name], body);
  expect(simulator.refusals).toHaveLength(before + 1);
  const refusal = simulator.refusals.at(-1) as SeenRefusal;
  expect(answer.status).toBe(refusal.answer.status);
  expect(answer.json).toEqual(refusal.answer.body);
  expect(simulator.seen.at(-1)?.status).toBe('refused');
  return refusal;
}

/** The output of a turn over HTTP. */
export async function answered(simulator: Simulator, name: Name, body: object): Promise<readonly object[]> {
  const answer = await call(responsesUrl(simulator, name), HEADS[name], body);
  return responseOf(answer.events)['output'] as readonly object[];
}
