/** Checks of settings that can be read but should not be so. */
import { join } from 'node:path';
import { baseUrl } from '../../server/base-url.ts';
import { codexLoginPath } from '../login-files.ts';
import { type Check, type CheckResult, fail, ok, warn } from './result.ts';

const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost']);
const SKEW_ALLOWED_MS = 2 * 60_000;

export const reachable: Check = ({ config }) => {
  if (LOOPBACK.has(config.host)) return [ok('only this machine reaches the server')];
  if (config.publicHosts.length > 0)
    return [ok(`others reach the server as ${config.publicHosts.join(', ')}`)];
  return [
    warn(
      `the server listens on ${config.host}, and only by its address may others call it`,
      'set RESPOOL_PUBLIC_HOSTS to the name they use, and put TLS in front',
    ),
  ];
};

export const trusted: Check = ({ config }) => {
  const all = config.trustedProxies.filter((range) => range.endsWith('/0'));
  if (all.length === 0) return [ok('forwarded headers are believed from named proxies only')];
  return [
    fail(
      `RESPOOL_TRUSTED_PROXIES has ${all.join(', ')}: anybody may claim any address`,
      'set RESPOOL_TRUSTED_PROXIES to the address of your proxy',
    ),
  ];
};

export const transcripts: Check = ({ config }) => {
  if (config.transcripts === 'disk') return [ok('conversations survive restarts and accounts')];
  const lost = config.transcripts === 'off' ? 'the end of their account' : 'a restart';
  return [
    warn(
      `RESPOOL_TRANSCRIPTS=${config.transcripts}: conversations do not survive ${lost}`,
      'set RESPOOL_TRANSCRIPTS=disk',
    ),
  ];
};

/** Each upstream is called once, without a credential: any answer will do. */
export const upstreams: Check = async ({ config, probe }) => {
  const urls = {
    RESPOOL_OPENAI_BASE_URL: config.openaiBaseUrl,
    RESPOOL_CHATGPT_BASE_URL: config.chatgptBaseUrl,
    RESPOOL_AUTH_BASE_URL: config.authBaseUrl,
  };
  const own = new URL(baseUrl(config)).host;
  const results = await Promise.all(
    Object.entries(urls).map(async ([name, url]): Promise<CheckResult> => {
      if (new URL(url).host === own) return fail(`${name} points at this server itself`, `unset ${name}`);
      const reached = await probe.reach(url);
      if (reached.kind === 'refused')
        return warn(`${url} refuses connections`, `check ${name} and the firewall`);
      if (reached.kind === 'unreachable')
        return warn(`${url} cannot be reached (${reached.code})`, `check ${name}, DNS and the network`);
      const skew = reached.date === undefined ? 0 : Math.abs(reached.date - probe.now);
      if (skew < SKEW_ALLOWED_MS) return ok(`${url} answers`);
      return warn(
        `the clock is ${Math.round(skew / 1000)} s off that of ${url}: logins end at the wrong time`,
        'turn on time synchronisation: timedatectl set-ntp true',
      );
    }),
  );
  return results;
};

export const codex: Check = ({ config, probe }) => {
  const path = join(codexLoginPath(probe.env), '..', 'config.toml');
  const text = probe.text(path);
  if (text === undefined || !text.includes('model_providers')) return [ok('no Codex provider to look at')];
  const results: CheckResult[] = [];
  const sections = text.split(/^\[/m).filter((part) => part.startsWith('model_providers.'));
  const ours = sections.filter(
    (part) => part.startsWith('model_providers.respool') || part.includes(`:${config.port}/`),
  );
  for (const part of ours) {
    if (/^\s*name\s*=\s*["']openai["']/im.test(part)) {
      results.push(
        warn(
          'the Codex provider is called OpenAI, so long conversations become sealed to one account',
          `name = "respool" in ${path}`,
        ),
      );
    }
    const port = /^\s*base_url\s*=\s*["']https?:\/\/(?:127\.0\.0\.1|localhost):(\d+)/m.exec(part)?.[1];
    if (port !== undefined && Number(port) !== config.port) {
      results.push(
        warn(
          `Codex calls port ${port}, the server listens on ${config.port}`,
          'respool snippet codex prints what belongs there',
        ),
      );
    }
    if (/^\s*wire_api\s*=\s*["'](?!responses)/m.test(part)) {
      results.push(
        warn('the Codex provider does not speak the Responses API', `wire_api = "responses" in ${path}`),
      );
    }
  }
  return results.length > 0 ? results : [ok('the Codex configuration fits')];
};
