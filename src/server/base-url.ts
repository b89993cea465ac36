/** The address of a server of this machine, as its own commands call it. */
import { isIPv6 } from 'node:net';
import type { Config } from '../config.ts';

/** Where this machine reaches the server: a wildcard address is one to listen on, not one to call. */
export function baseUrl(config: Pick<Config, 'host' | 'port'>): string {
  const host = { '0.0.0.0': '127.0.0.1', '::': '::1' }[config.host] ?? config.host;
  return `http://${isIPv6(host) ? `[${host}]` : host}:${config.port}`;
}
