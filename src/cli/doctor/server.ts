/** Checks of what runs: the port, the server behind it, its accounts and keys. */
import * as z from 'zod';
import type { AccountWire } from '../../admin-api/account.ts';
import type { KeyWire } from '../../admin-api/key.ts';
import type { StatusWire } from '../../admin-api/status.ts';
import { baseUrl } from '../../server/base-url.ts';
import { VERSION } from '../../server/version.ts';
import { partOf } from '../answers.ts';
import { type Check, type CheckResult, fail, ok, warn } from './result.ts';

const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost']);

const statusSchema = partOf<StatusWire>()({ version: z.string() });

export const port: Check = async ({ config, probe }) => {
  const serving = await probe.serving();
  const reached = await probe.reach(`${serving ?? baseUrl(config)}/healthz`);
  if (serving !== undefined && reached.kind !== 'answered')
    return [fail(`the server does not answer at ${serving}`, 'look at its log, or restart it')];
  if (reached.kind === 'refused') return [ok(`no server runs on port ${config.port}; it is free`)];
  const ours =
    reached.kind === 'answered' && reached.status === 200 && reached.body.includes('"status":"ok"');
  if (!ours) return [fail(`something else answers on port ${config.port}`, 'stop it, or set RESPOOL_PORT')];
  const status = statusSchema.safeParse(await probe.ask('/api/status'));
  if (!status.success)
    return [
      fail(
        'the server does not accept the admin token of this environment',
        'run this where its data directory is, or set RESPOOL_ADMIN_TOKEN',
      ),
    ];
  if (status.data.version === VERSION) return [ok(`respool ${VERSION} is running`)];
  return [warn(`version ${status.data.version} is running, this is ${VERSION}`, 'restart the server')];
};

const accountsSchema = z.object({
  data: z.array(
    partOf<AccountWire>()({ name: z.string(), status: z.string(), status_reason: z.string().nullish() }),
  ),
});

export const accounts: Check = async ({ probe }) => {
  const read = accountsSchema.safeParse(await probe.ask('/api/accounts'));
  if (!read.success) return [];
  const { data } = read.data;
  if (data.length === 0) return [fail('there is no account', 'respool accounts login, import or add')];
  const results: CheckResult[] = data
    .filter((account) => account.status === 'needs_login')
    .map((account) =>
      warn(
        `account ${account.name} needs a login (${account.status_reason ?? 'unknown'})`,
        'respool accounts login',
      ),
    );
  for (const account of data.filter((one) => one.status === 'suspended')) {
    results.push(
      warn(
        `account ${account.name} is suspended (${account.status_reason ?? 'unknown'})`,
        `respool accounts probe "${account.name}"`,
      ),
    );
  }
  const ready = data.filter((account) => account.status === 'ready').length;
  if (ready > 0) return [...results, ok(`${ready} of ${data.length} accounts ready`)];
  const waiting = data.some((account) => account.status === 'exhausted' || account.status === 'cooling');
  const mend = waiting
    ? 'wait for the reset (respool accounts list), or add an account'
    : 'respool accounts login, or resume';
  return [...results, fail('no account can serve', mend)];
};

const keysSchema = z.object({ data: z.array(partOf<KeyWire>()({ revoked_at: z.number().nullish() })) });

export const keys: Check = async ({ config, probe }) => {
  if (LOOPBACK.has(config.host)) return [];
  const read = keysSchema.safeParse(await probe.ask('/api/keys'));
  if (!read.success) return [];
  if (read.data.data.some((key) => key.revoked_at == null)) return [ok('there is a key for callers')];
  return [fail('others reach the server, but there is no key for them', 'respool keys create NAME')];
};
