/**
 * What the stories of the dashboard begin with, and what they look at on every page.
 */
import assert from 'node:assert/strict';
import axe from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { type Visitor, visit } from './browser.ts';
import { idOf, post } from './doors.ts';
import { makeWorld, type World } from './world.ts';

/** One conversation that moved from a to b, and some turns of others. */
export async function busyWorld(): Promise<World> {
  const world = await makeWorld({ kind: 'chatgpt', names: ['a', 'b', 'c'] });
  await converse(world, 2);
  world.simulator.setQuota('a', 'exhausted');
  await converse(world, 2);
  return world;
}

export async function converse(world: World, turns: number): Promise<void> {
  let previous: string | undefined;
  for (let turn = 0; turn < turns; turn += 1) {
    const anchor = previous === undefined ? {} : { previous_response_id: previous };
    const answer = await post(
      world.url,
      { model: 'gpt-5.5', input: 'hello', ...anchor },
      { 'session-id': 's' },
    );
    previous = idOf(answer);
  }
}

export async function signedIn(
  browser: Browser,
  world: World,
  options: Parameters<typeof visit>[2] = {},
): Promise<Visitor> {
  const visitor = await visit(browser, world, options);
  await visitor.signIn();
  await visitor.page.getByRole('navigation').waitFor();
  return visitor;
}

export async function assertAccessible(page: Page, where: string): Promise<void> {
  // Through the debugger, because the policy of the page lets no foreign script in.
  await page.evaluate(axe.source);
  const { violations } = (await page.evaluate('axe.run()')) as {
    violations: { id: string; impact: string; nodes: { html: string }[] }[];
  };
  const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  const told = serious.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join('\n')}`);
  assert.deepEqual(told, [], where);
}

export function madeUp(index: number): object {
  return {
    id: `req_${index}`,
    at: 1_700_000_000 - index,
    tenant: 'local',
    session: 's',
    door: 'json',
    route: 'responses',
    model: 'gpt-5.5',
    status: 'failed',
    account_id: null,
    continuity: 'none',
    attempts: [],
    input_tokens: 1,
    output_tokens: 1,
    first_event_ms: 1,
    total_ms: index,
  };
}
