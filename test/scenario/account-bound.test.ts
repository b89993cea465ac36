/** What belongs to one account (ids, seals, files, compactions) when its conversation goes to another. */
import { describe, expect, test } from 'vitest';
import {
  agentMessage,
  approvalRequest,
  approvalResponse,
  sealedOutput,
  webSearchCall,
} from '../../src/simulator/items.ts';
import type { Behaviour } from '../../src/simulator/script.ts';
import {
  type Item,
  lastAccount,
  lastInput,
  outputOf,
  SESSION,
  SPENT,
  user,
} from '../support/conversation.ts';
import { DOORS, idOf, openDoor, post, textOf } from '../support/doors.ts';
import { type Kind, makeWorld, type World } from '../support/world.ts';

const KINDS: readonly Kind[] = ['api_key', 'chatgpt'];

async function compact(world: World, input: readonly object[]): Promise<Item[]> {
  const answer = await fetch(`${world.url}/v1/responses/compact`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...SESSION },
    body: JSON.stringify({ model: 'gpt-5.5', input }),
  });
  return ((await answer.json()) as { output: Item[] }).output;
}

describe.each(KINDS)('%s', (kind) => {
  test('a compaction goes back to the account that made it, without any session, also after a restart', async () => {
    await using world = await makeWorld({ kind });
    const window = await compact(world, [user('one')]);
    const issuer = lastAccount(world);
    for (let turn = 0; turn < 4; turn += 1) {
      if (turn === 2) await world.restart();
      const answer = await post(world.url, { model: 'gpt-5.5', input: [...window, user(`two ${turn}`)] });
      expect(textOf(answer), JSON.stringify(answer.error)).toContain(`user: one / two ${turn} ·`);
      expect(lastAccount(world)).toBe(issuer);
    }
    expect(world.simulator.refusals).toEqual([]);
  });

  test('a compaction whose issuer is out of quota is answered with the issuer’s reset, by every door', async () => {
    await using world = await makeWorld({ kind });
    const window = await compact(world, [user('one')]);
    const issuer = String(lastAccount(world));
    world.simulator.setDefault(issuer, SPENT);
    for (const door of DOORS) {
      await using client = await openDoor(door, world.url);
      const answer = await client.turn({ input: [...window, user('two')] });
      expect(answer.error).toMatchObject({ type: 'usage_limit_reached', code: 'usage_limit_reached' });
      expect(Number(answer.error?.['resets_in_seconds'])).toBeGreaterThan(800);
    }
    expect(world.simulator.seen.filter((turn) => turn.account !== issuer)).toEqual([]);
  });

  test('items of an answer that broke off are known: none of their ids reaches another account', async () => {
    await using world = await makeWorld({ kind, names: ['a', 'b'] });
    await using client = await openDoor('sse', world.url, SESSION);
    world.simulator.script('a', {
      items: [webSearchCall(), { type: 'function_call', name: 'f', arguments: '{}', call_id: 'call_1' }],
      fault: { kind: 'reset', at: 'after_item_done' },
    });
    const broken = await client.turn({ input: [user('one')], tools: [{ type: 'function', name: 'f' }] });
    expect(broken.error?.['code']).toBe('stream_incomplete');
    const done = broken.events
      .filter((event) => event.type === 'response.output_item.done')
      .map((event) => event['item'] as Item);
    expect(done.length).toBeGreaterThan(0);
    const next = await client.turn({ input: [user('one'), ...done, user('two')] });
    expect(textOf(next), JSON.stringify(next.error)).toContain('user: one / two ·');
    expect(lastAccount(world)).toBe('b');
    expect(world.simulator.refusals).toEqual([]);
    await world.restart();
    await using again = await openDoor('sse', world.url, { 'session-id': 'another' });
    world.simulator.script('a', SPENT);
    await again.turn({ input: [user('one'), ...done, user('three')] });
    expect(lastAccount(world)).toBe('b');
    expect(world.simulator.refusals).toEqual([]);
  });

  test('sealed parts inside items stay with their issuer, and the rest of the item moves', async () => {
    await using world = await makeWorld({ kind, names: ['a', 'b'] });
    await using client = await openDoor('json', world.url, SESSION);
    world.simulator.script('a', { items: [agentMessage({ text: 'found it' })] });
    const first = await client.turn({ input: [user('one')] });
    world.simulator.script('a', SPENT);
    const second = await client.turn({ input: [user('two')], previous_response_id: idOf(first) });
    expect(textOf(second), JSON.stringify(second.error)).toContain('user: one / two ·');
    expect(lastAccount(world)).toBe('b');
    expect(JSON.stringify(lastInput(world))).toContain('found it');
    expect(JSON.stringify(lastInput(world))).not.toContain('encrypted_content":"sealed');
    expect(world.simulator.refusals).toEqual([]);
  });

  test('a refused seal of unknown origin is left out, once, wherever it stands', async () => {
    await using world = await makeWorld({ kind, names: ['a', 'b'] });
    const seal = world.simulator.seal('b');
    const call = { type: 'function_call', name: 'f', arguments: '{}', call_id: 'call_1' };
    const input = [user('one'), call, sealedOutput('call_1', seal), user('two')];
    const answer = await post(world.url, { model: 'gpt-5.5', input });
    expect(textOf(answer), JSON.stringify(answer.error)).toContain('user: one / two ·');
    expect(lastAccount(world)).toBe('a');
    expect(world.simulator.refusals.map((one) => one.rule)).toEqual(['foreign_nested_seal']);
  });
});

test('items whose schema demands an id get one of ours after a move, approvals keep their pair', async () => {
  await using world = await makeWorld({ kind: 'api_key', names: ['a', 'b'] });
  await using client = await openDoor('json', world.url, SESSION);
  world.simulator.script('a', { items: [webSearchCall(), approvalRequest()] });
  const first = await client.turn({ input: [user('one')] });
  const request = outputOf(first).find((item) => item.type === 'mcp_approval_request');
  world.simulator.script('a', SPENT);
  const second = await client.turn({
    input: [approvalResponse(String(request?.id)), user('two')],
    previous_response_id: idOf(first),
  });
  expect(textOf(second), JSON.stringify(second.error)).toContain('user: one / two ·');
  const [search, asked, answered] = lastInput(world).slice(1);
  expect(search?.id).toMatch(/^ws_[0-9a-f]{48}$/);
  expect(asked?.id).toMatch(/^mcpr_[0-9a-f]{48}$/);
  expect(answered?.['approval_request_id']).toBe(asked?.id);
  expect(world.simulator.refusals).toEqual([]);
});

test('a file of an earlier turn keeps its conversation where the file is, and says so when that cannot serve', async () => {
  await using world = await makeWorld({ kind: 'api_key', names: ['a', 'b'] });
  world.simulator.addFile('a', 'file-1');
  const file = { role: 'user', content: [{ type: 'input_file', file_id: 'file-1' }] };
  await using client = await openDoor('json', world.url, SESSION);
  const first = await client.turn({ input: [file] });
  expect(lastAccount(world)).toBe('a');
  const second = await client.turn({ input: 'two', previous_response_id: idOf(first) });
  world.simulator.setDefault('a', SPENT);
  const third = await client.turn({ input: 'three', previous_response_id: idOf(second) });
  expect(third).toMatchObject({ status: 400, error: { code: 'account_bound_input' } });
  await world.restart();
  await using later = await openDoor('json', world.url, SESSION);
  const again = await later.turn({ input: 'three', previous_response_id: idOf(second) });
  expect(again).toMatchObject({ status: 400, error: { code: 'account_bound_input' } });
  expect(world.simulator.seen.filter((turn) => turn.account === 'b')).toEqual([]);
});

test('a file that an account has served is looked for there by a new conversation', async () => {
  await using world = await makeWorld({ kind: 'api_key', names: ['a', 'b', 'c'] });
  const ask = (fileId: string) =>
    post(world.url, {
      model: 'gpt-5.5',
      input: [{ role: 'user', content: [{ type: 'input_file', file_id: fileId }] }],
    });
  await ask('file-9');
  const holder = lastAccount(world);
  for (let n = 0; n < 3; n += 1) {
    await ask('file-9');
    expect(lastAccount(world)).toBe(holder);
  }
});

const FAILING: Behaviour = {
  fault: { kind: 'status', status: 500, body: { error: { message: 'x' } }, at: 'before_created' },
};
const file = { type: 'message', role: 'user', content: [{ type: 'input_file', file_id: 'file-1' }] };

test('a passing failure of the account that a turn is bound to is told as what it was', async () => {
  await using world = await makeWorld({ kind: 'api_key', names: ['a', 'b'] });
  const window = await compact(world, [user('one')]);
  const issuer = String(lastAccount(world));
  world.simulator.addFile(issuer, 'file-1');
  expect((await post(world.url, { model: 'gpt-5.5', input: [...window, file] })).status).toBe(200);
  world.simulator.setDefault(issuer, FAILING);
  for (const input of [[...window, user('two')], [file]]) {
    const answer = await post(world.url, { model: 'gpt-5.5', input });
    expect([answer.status, answer.error?.['code']]).toEqual([502, 'upstream_unavailable']);
  }
});

test('a file that only the prewarm names goes where it was uploaded', async () => {
  await using world = await makeWorld({ kind: 'chatgpt', transport: 'http', names: ['a', 'b'] });
  world.simulator.addFile('a', 'file-1');
  expect((await post(world.url, { model: 'gpt-5.5', input: [file] })).status).toBe(200);
  const owner = lastAccount(world);
  for (let n = 0; n < 3; n += 1) {
    await using client = await openDoor('ws', world.url, { 'thread-id': `t${n}` });
    const warm = await client.turn({ generate: false, input: [file] });
    const answer = await client.turn({ previous_response_id: idOf(warm), input: [user('read it')] });
    expect(answer.error).toBeUndefined();
    expect(lastAccount(world)).toBe(owner);
  }
});

test('files that tools work on bind a turn like any other', async () => {
  await using world = await makeWorld({ kind: 'api_key', names: ['a', 'b'] });
  const tools = [{ type: 'code_interpreter', container: { type: 'auto', file_ids: ['file-1'] } }];
  expect((await post(world.url, { model: 'gpt-5.5', input: 'one', tools })).status).toBe(200);
  const owner = String(lastAccount(world));
  await world.admin('PATCH', `/api/accounts/${world.ids.get(owner)}`, { paused: true });
  const answer = await post(world.url, { model: 'gpt-5.5', input: 'two', tools });
  expect([answer.status, answer.error?.['code']]).toEqual([400, 'account_bound_input']);
});

test('a new file is looked for where the conversation was served, also on a socket of its own', async () => {
  await using world = await makeWorld({ kind: 'api_key', names: ['a', 'b'] });
  const first = await post(world.url, { model: 'gpt-5.5', input: 'one' });
  await world.admin('PATCH', `/api/accounts/${world.ids.get(String(lastAccount(world)))}`, { paused: true });
  await using client = await openDoor('ws', world.url);
  const answer = await client.turn({ previous_response_id: idOf(first), input: [file] });
  expect(answer.error?.['code']).toBe('account_bound_input');
  expect(world.simulator.seen.length).toBe(1);
});

test('a history of references is the same conversation: what it refers to does not grow old', async () => {
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a', 'b'] });
  const input: object[] = [user('one')];
  for (let turn = 0; turn < 3; turn += 1) {
    const answer = await post(world.url, { model: 'gpt-5.5', input }, SESSION);
    expect(answer.error).toBeUndefined();
    input.push(...outputOf(answer).map(({ id }) => ({ type: 'item_reference', id })), user(`more ${turn}`));
  }
  const rows = await world.rows();
  expect(rows.map(({ continuity }) => continuity)).toEqual(['preserved', 'preserved', 'none']);
});
