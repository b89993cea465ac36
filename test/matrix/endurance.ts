/**
 * What only shows in the long run: `npm run suite -- endurance`, after `npm run build`.
 * - 50 kills of the built server under load: whatever a client was told can be continued whole
 * - kills between the login service's answer and the first use of the new token
 * - 1,000 moves between accounts: no event lost or doubled, no history changed
 * - 200 turns with a reconnecting client: what goes up does not grow
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { freePort, startChild } from '../support/child.ts';
import { type Answer, checkStream, idOf, openDoor, openSocket, post, textOf } from '../support/doors.ts';
import { closeSuite } from '../support/tally.ts';
import { makeWorld } from '../support/world.ts';
import { renewalKills } from './renewal-kills.ts';

const KILLS = 50;
const SPEAKERS = 8;
const CONVERSATIONS = 10;
const MOVES_EACH = 100;
const TURNS = 200;
const RECONNECT_EVERY = 5;

interface Speaker {
  readonly store: boolean;
  readonly told: string[];
  /** Turns that were told in full, over all its conversations. */
  turns: number;
  last: string | undefined;
}

/** Speaks until the server dies; only what it was told in full counts. Every second speaker has nothing stored upstream. */
async function speak(speaker: Speaker, name: string, url: string): Promise<void> {
  for (;;) {
    const input = `${name}-${speaker.told.length}`;
    const previous = speaker.last === undefined ? {} : { previous_response_id: speaker.last };
    let answer: Answer;
    try {
      answer = await post(url, { model: 'gpt-5.5', stream: true, store: speaker.store, input, ...previous });
    } catch {
      return;
    }
    if (answer.events.at(-1)?.type !== 'response.completed') return;
    assert.ok(
      textOf(answer).includes(`user: ${[...speaker.told, input].join(' / ')} ·`),
      `history of ${name}: ${textOf(answer)}`,
    );
    speaker.told.push(input);
    speaker.turns += 1;
    speaker.last = idOf(answer);
  }
}

async function kills(): Promise<string> {
  const names = ['a', 'b', 'c'];
  await using simulator = await startSimulator({
    accounts: names.map((name) => ({
      name,
      dialect: 'openai',
      token: `sk-${name}`,
    })),
  });
  for (const name of names) simulator.setDefault(name, { deltas: 4, paceMs: 2 });
  const dataDir = await mkdtemp(join(tmpdir(), 'respool-kills-'));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const env = {
    PATH: process.env['PATH'],
    RESPOOL_DATA_DIR: dataDir,
    RESPOOL_PORT: String(port),
    RESPOOL_OPENAI_BASE_URL: simulator.openaiBaseUrl,
    RESPOOL_ADMIN_TOKEN: 'admin',
    RESPOOL_LOG_LEVEL: 'silent',
  };
  const speakers = Array.from(
    { length: SPEAKERS },
    (_, index): Speaker => ({ store: index % 2 === 0, told: [], turns: 0, last: undefined }),
  );
  for (let kill = 0; kill < KILLS; kill += 1) {
    const child = await startChild(env);
    if (kill === 0) for (const name of names) await addAccount(url, name);
    const speaking = speakers.map((speaker, index) => speak(speaker, `s${index}k${kill}`, url));
    await pause(50 + Math.random() * 200);
    const died = once(child, 'exit');
    child.kill('SIGKILL');
    await died;
    await Promise.all(speaking);
    // Conversations stay short, so that the time goes into kills and not into long histories.
    if (kill % 5 === 4) for (const speaker of speakers) Object.assign(speaker, { told: [], last: undefined });
  }
  assert.deepEqual(simulator.refusals, []);
  await rm(dataDir, { recursive: true, force: true });
  return `${KILLS} kills, ${speakers.reduce((sum, speaker) => sum + speaker.turns, 0)} turns continued whole`;
}

async function addAccount(url: string, name: string): Promise<void> {
  const answer = await fetch(`${url}/api/accounts`, {
    method: 'POST',
    headers: { authorization: 'Bearer admin', 'content-type': 'application/json' },
    body: JSON.stringify({ kind: 'api_key', name, api_key: `sk-${name}` }),
  });
  assert.ok(answer.ok, `account ${name}: ${answer.status}`);
}

const SPENT = {
  fault: {
    kind: 'status',
    at: 'before_created',
    status: 429,
    body: { error: { type: 'usage_limit_reached', message: 'spent', resets_in_seconds: 900 } },
  },
} as const;

/** Two accounts that take turns at being spent. */
async function moves(): Promise<string> {
  let moved = 0;
  for (let conversation = 0; conversation < CONVERSATIONS; conversation += 1) {
    await using world = await makeWorld({
      kind: conversation % 2 === 0 ? 'api_key' : 'chatgpt',
      names: ['a', 'b'],
    });
    await using client = await openDoor('ws', world.url, { 'session-id': 'mover' });
    const said: string[] = [];
    let previous = {};
    for (let turn = 0; turn <= MOVES_EACH; turn += 1) {
      const from = world.simulator.seen.at(-1)?.account;
      if (from !== undefined) world.simulator.script(from, SPENT);
      said.push(`t${turn}`);
      const answer = await client.turn({ input: said.at(-1), ...previous });
      checkMove(answer, said);
      previous = { previous_response_id: idOf(answer) };
      if (from === undefined) continue;
      assert.notEqual(world.simulator.seen.at(-1)?.account, from);
      await world.admin('POST', `/api/accounts/${world.ids.get(from)}/probe`);
      moved += 1;
    }
    assert.deepEqual(world.simulator.refusals, []);
  }
  return `${moved} moves, every event once`;
}

function checkMove(answer: Answer, said: readonly string[]): void {
  checkStream(answer);
  const text = textOf(answer);
  assert.ok(text.includes(`user: ${said.join(' / ')} ·`), text);
}

/** A client like Codex: after each loss it comes back with everything it knows. */
async function growth(): Promise<string> {
  await using world = await makeWorld({ kind: 'chatgpt', names: ['a'] });
  const codex = { originator: 'codex_exec', 'thread-id': 'growing' };
  const user = (text: string): object => ({
    type: 'message',
    role: 'user',
    content: [{ type: 'input_text', text }],
  });
  const history: object[] = [user('base')];
  let client = await openSocket(world.url, codex);
  let previous = idOf(await client.turn({ generate: false, input: history }));
  let fresh: object[] = [];
  for (let turn = 1; turn <= TURNS; turn += 1) {
    fresh.push(user(`turn ${turn}`));
    history.push(...fresh.slice(-1));
    const answer = await client.turn({ previous_response_id: previous, input: fresh });
    assert.ok(textOf(answer).includes(`turn ${turn} ·`), textOf(answer));
    history.push(
      ...answer.events
        .filter((event) => event.type === 'response.output_item.done')
        .map((event) => event['item'] as object),
    );
    previous = idOf(answer);
    fresh = [];
    if (turn % RECONNECT_EVERY !== 0) continue;
    await client[Symbol.asyncDispose]();
    client = await openSocket(world.url, codex);
    previous = idOf(await client.turn({ generate: false, input: history.slice(0, 1) }));
    fresh = history.slice(1);
  }
  await client[Symbol.asyncDispose]();
  const uploaded = world.simulator.seen.reduce(
    (sum, turn) => sum + (Array.isArray(turn.body.input) ? turn.body.input.length : 0),
    0,
  );
  assert.ok(uploaded <= TURNS * 1.5, `${uploaded} items went up for ${TURNS} turns`);
  assert.equal(world.simulator.upgrades('a'), 1);
  const whole = (await world.rows()).filter((row) => ['snapshot', 'client_full'].includes(row.continuity));
  assert.equal(whole.length, 0);
  return `${TURNS} turns, ${TURNS / RECONNECT_EVERY} reconnects, ${uploaded} items uploaded`;
}

const results: string[] = [];
for (const story of [growth, moves, kills, renewalKills]) {
  try {
    console.log(`ok      ${await story()}`);
    results.push('passed');
  } catch (error) {
    console.log(`not ok  ${story.name}: ${error instanceof Error ? error.message.slice(0, 600) : error}`);
    results.push('failed');
  }
}
const failed = results.filter((result) => result === 'failed').length;
closeSuite(results.length - failed, failed);
