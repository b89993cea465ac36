/**
 * The server in front of a fake upstream: three accounts, of which the first runs dry after three turns, so that a
 * switch can be watched without owning an account. Nothing is left behind.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NewAccountWire } from '../admin-api/account.ts';
import { startServer } from '../server/server.ts';
import type { SimulatedAccount } from '../simulator/script.ts';
import { startSimulator } from '../simulator/simulator.ts';
import { settingsFrom } from './settings.ts';

const TURNS_OF_FIRST = 3;
const REFILL_SECONDS = 120;

const ACCOUNTS: readonly SimulatedAccount[] = [
  {
    name: 'first',
    dialect: 'openai',
    token: 'sk-demo-first',
    turnsBeforeQuota: TURNS_OF_FIRST,
    quotaResetsInSeconds: REFILL_SECONDS,
  },
  { name: 'second', dialect: 'openai', token: 'sk-demo-second' },
  { name: 'third', dialect: 'openai', token: 'sk-demo-third' },
];

export async function demo(): Promise<number> {
  await using simulator = await startSimulator({ accounts: ACCOUNTS });
  const dataDir = await mkdtemp(join(tmpdir(), 'respool-demo-'));
  try {
    const config = settingsFrom({
      ...process.env,
      RESPOOL_DATA_DIR: dataDir,
      RESPOOL_OPENAI_BASE_URL: simulator.openaiBaseUrl,
    });
    const server = await startServer(config);
    await addAccounts(server.url, server.adminToken);
    process.stdout.write(introduction(server.url));
    await new Promise<void>((resolve) => {
      process.once('SIGINT', () => resolve());
      process.once('SIGTERM', () => resolve());
    });
    await server.stop();
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
  return 0;
}

/** The first has the highest priority, so that it is the one to run dry. */
async function addAccounts(url: string, adminToken: string): Promise<void> {
  for (const [index, account] of ACCOUNTS.entries()) {
    const body: NewAccountWire = {
      kind: 'api_key',
      name: account.name,
      api_key: account.token,
      priority: ACCOUNTS.length - index,
    };
    const answer = await fetch(`${url}/api/accounts`, {
      method: 'POST',
      headers: { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`the demo account '${account.name}' was refused: ${await answer.text()}`);
  }
}

function introduction(url: string): string {
  return `respool demo: three fake accounts; the first runs dry after ${TURNS_OF_FIRST} turns and is full again ${REFILL_SECONDS} s later.

Send this a few times and watch the account change in the log below:

  curl -s ${url}/v1/responses -H 'content-type: application/json' -d '{"model":"gpt-5.5","input":"hello"}'

Or with a real Codex CLI, in ~/.codex/config.toml:

  model = "gpt-5.5"
  model_provider = "respool"
  [model_providers.respool]
  name = "respool"
  base_url = "${url}/v1"
  wire_api = "responses"
  supports_websockets = true

ExitError with Ctrl-C; nothing is left behind.

`;
}
