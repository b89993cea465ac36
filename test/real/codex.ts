/**
 * The real Codex CLI against the server and the simulator: what counts is that the client never notices anything.
 * Run with `npm run suite -- codex`; the client is installed once into a cache outside the dependencies.
 */
import type { Behaviour, Fault } from '../../src/simulator/script.ts';
import { Codex, installCodex, type Run } from '../support/codex.ts';
import { closeSuite } from '../support/tally.ts';
import { type Kind, makeWorld, type World, type WorldOptions } from '../support/world.ts';

function configFor(url: string, websockets: boolean): string {
  return `model = "gpt-5.5"
model_provider = "respool"
check_for_update_on_startup = false
[analytics]
enabled = false
[features]
plugins = false
apps = false
remote_plugin = false
daemon_auto_start = false
[model_providers.respool]
name = "respool"
base_url = "${url}/v1"
wire_api = "responses"
supports_websockets = ${websockets}
`;
}

function must(holds: boolean, complaint: string): void {
  if (!holds) throw new Error(complaint);
}

/** Exit 0, the expected last words, and not one line that says the client had to try again. */
function unnoticed(run: Run, words: string): void {
  must(run.code === 0, `exit ${run.code}: ${run.stdout.slice(-600)} ${run.stderr.slice(-300)}`);
  must(!run.stdout.includes('Reconnecting'), `the client reconnected: ${run.stdout.slice(-600)}`);
  must(!run.stdout.includes('Falling back'), 'the client fell back to HTTP');
  must(run.stdout.includes(words), `expected "${words}" in: ${run.stdout.slice(-600)}`);
}

async function settled(world: World): Promise<void> {
  must(
    world.simulator.refusals.length === 0,
    `upstream refused: ${JSON.stringify(world.simulator.refusals[0])}`,
  );
  const failed = (await world.rows()).filter((row) => row.status !== 'completed');
  must(failed.length === 0, `rows not completed: ${JSON.stringify(failed[0])}`);
}

/** Over WebSocket only the first upload of a conversation, and one after each change of account, may be whole. */
async function deltasStayDeltas(world: World, moves: number): Promise<void> {
  const whole = (await world.rows()).filter(
    (row) => row.continuity === 'snapshot' || row.continuity === 'client_full',
  );
  must(whole.length <= moves, `${whole.length} turns were uploaded whole, ${moves} expected at most`);
}

const at = (fault: Fault): Behaviour => ({ fault });
const status = (code: number, body: object): Behaviour =>
  at({ kind: 'status', at: 'before_created', status: code, body });

const FAULTS: Readonly<Record<string, Behaviour>> = {
  'a spent quota': status(429, {
    error: { type: 'usage_limit_reached', message: 'spent', resets_in_seconds: 600 },
  }),
  'a reset socket': at({ kind: 'reset', at: 'after_created' }),
  'a close with 1011': at({ kind: 'close', code: 1011, at: 'before_created' }),
  'a 402': status(402, { detail: { code: 'deactivated_workspace' } }),
  'a 401': status(401, { error: { code: 'token_expired', message: 'expired' } }),
  'an overload': status(503, {
    error: { type: 'service_unavailable_error', code: 'server_is_overloaded', message: 'busy' },
  }),
};

interface Case {
  readonly name: string;
  readonly world: WorldOptions;
  readonly websockets: boolean;
  readonly story: (codex: Codex, world: World) => Promise<void>;
}

async function everyday(codex: Codex, world: World): Promise<void> {
  unnoticed(await codex.exec('say TOOL'), 'user: say TOOL ');
  unnoticed(await codex.resume('second TOOL'), 'say TOOL / second TOOL ');
  unnoticed(await codex.resume('third'), 'say TOOL / second TOOL / third ');
  unnoticed(await codex.resume('many TOOLS 12'), 'third / many TOOLS 12 ');
  await settled(world);
  await deltasStayDeltas(world, 0);
}

/** The second upload of a turn is the one that brings the tool's output. */
function faultAtFollowUp(fault: Behaviour) {
  return async (codex: Codex, world: World): Promise<void> => {
    world.simulator.script('a', {}, fault);
    unnoticed(await codex.exec('say TOOL'), 'user: say TOOL ');
    unnoticed(await codex.resume('second'), 'say TOOL / second ');
    await settled(world);
    must(world.simulator.unplayed('a') === 0, 'the fault was never met');
    await deltasStayDeltas(world, 1);
  };
}

async function runningDry(codex: Codex, world: World): Promise<void> {
  unnoticed(await codex.exec('many TOOLS 12'), 'user: many TOOLS 12 ');
  const used = new Set((await world.rows()).map((row) => row.account_id));
  must(used.size === 4, `${used.size} accounts were used`);
  await settled(world);
  await deltasStayDeltas(world, 3);
}

/** Faults that strike every turn that the account is given, prewarms included. */
const EVERY_TIME: Readonly<Record<string, Fault>> = {
  'closes with 1011': { kind: 'close', code: 1011, at: 'before_created' },
  'closes with 1011 after it began': { kind: 'close', code: 1011, at: 'after_created' },
  'is reset': { kind: 'reset', at: 'before_created' },
  'dies in mid-output': { kind: 'reset', at: 'mid_output', afterDeltas: 1 },
};

/** Nothing is seen of a fault before output, one failure of a fault after it; and the next turn is elsewhere. */
function sickEveryTime(fault: Fault) {
  return async (codex: Codex, world: World): Promise<void> => {
    world.simulator.setDefault('a', { fault, forPrewarm: 'also' });
    const first = await codex.exec('say TOOL');
    const again = await codex.resume('second');
    must(
      first.code === 0 && again.code === 0,
      `exits ${first.code} ${again.code}: ${first.stdout.slice(-400)}`,
    );
    const retries = `${first.stdout}${again.stdout}`.match(/Reconnecting/g)?.length ?? 0;
    const allowed = fault.at === 'mid_output' ? 1 : 0;
    must(retries <= allowed, `the client tried again ${retries} times: ${first.stdout.slice(-400)}`);
    must(!first.stdout.includes('Falling back'), 'the client fell back to HTTP');
    must(again.stdout.includes('say TOOL / second '), `history: ${again.stdout.slice(-400)}`);
    must(!again.stdout.includes('Reconnecting'), 'the resumed conversation met the sick account again');
    must(world.simulator.refusals.length === 0, JSON.stringify(world.simulator.refusals[0]));
  };
}

const KINDS: readonly Kind[] = ['api_key', 'chatgpt'];
const WAYS = [true, false];

function cases(): readonly Case[] {
  return KINDS.flatMap((kind) =>
    WAYS.flatMap((websockets) => {
      const how = `${kind}, ${websockets ? 'WebSocket' : 'HTTP'}`;
      const dry = {
        kind,
        names: ['a', 'b', 'c', 'd'],
        simulated: (name: string) => (name === 'd' ? {} : { turnsBeforeQuota: 4 }),
      };
      const faults = Object.entries(FAULTS).map(([name, fault]) => ({
        name: `${name} at the tool follow-up is not noticed (${how})`,
        world: { kind },
        websockets,
        story: faultAtFollowUp(fault),
      }));
      const sick = Object.entries(EVERY_TIME).map(([name, fault]) => ({
        name: `an account that ${name} every time costs a thread one failure at most (${how})`,
        world: { kind },
        websockets,
        story: sickEveryTime(fault),
      }));
      return [
        {
          name: `a tool call, resumes, 12 tool calls (${how})`,
          world: { kind },
          websockets,
          story: everyday,
        },
        {
          name: `12 tool calls while three accounts run dry (${how})`,
          world: dry,
          websockets,
          story: runningDry,
        },
        ...faults,
        ...sick,
      ];
    }),
  );
}

async function check(one: Case, binary: string): Promise<'passed' | 'failed'> {
  await using world = await makeWorld(one.world);
  await using codex = await Codex.prepare(binary, configFor(world.url, one.websockets));
  try {
    await one.story(codex, world);
    console.log(`ok      ${one.name}`);
    return 'passed';
  } catch (error) {
    console.log(`not ok  ${one.name}\n        ${error instanceof Error ? error.message : String(error)}`);
    return 'failed';
  }
}

const binary = installCodex();
const results: string[] = [];
for (const one of cases()) results.push(await check(one, binary));
const failed = results.filter((result) => result === 'failed').length;
closeSuite(results.length - failed, failed);
