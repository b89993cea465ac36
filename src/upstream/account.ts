/**
 * An account as the wire needs it: where to go and what to show there. Its quota, its state and its place in the
 * pool are known to floors above.
 */
import type { AccountId } from '../domain/ids.ts';

export interface UpstreamAccount {
  readonly id: AccountId;
  readonly kind: 'api_key' | 'chatgpt';
  /** Without a trailing slash; `/responses` (api_key) or `/codex/responses` (chatgpt) follows. */
  readonly baseUrl: string;
  readonly bearer: string;
  /** `chatgpt-account-id`; absent where the login names none. */
  readonly workspace: string | undefined;
  readonly fedramp: 'yes' | 'no';
  /** One made-up installation per account, so that one installation is never seen on many accounts. */
  readonly installationId: string;
  readonly transport: 'auto' | 'websocket' | 'http';
  /** Where all its traffic goes through: an `http`, `https` or `socks5` URL. */
  readonly proxy: string | undefined;
}

/** The Responses root of this account: `{root}/responses`, `{root}/models`. */
export function responsesRoot(account: UpstreamAccount): string {
  return account.kind === 'chatgpt' ? `${account.baseUrl}/codex` : account.baseUrl;
}

const CODEX_VERSION = '0.169.0';
/** The backend wants a Codex-like caller: without an originator its edge now and then answers with a challenge. */
const ORIGINATOR = 'codex_cli_rs';
const WEBSOCKET_BETA = 'responses_websockets=2026-02-06';

export function accountHeaders(account: UpstreamAccount): Record<string, string> {
  const authorization = `Bearer ${account.bearer}`;
  if (account.kind === 'api_key') return { authorization, 'user-agent': 'respool' };
  return {
    authorization,
    originator: ORIGINATOR,
    'user-agent': `${ORIGINATOR}/${CODEX_VERSION} (Linux; x86_64) respool`,
    version: CODEX_VERSION,
    ...(account.workspace === undefined ? {} : { 'chatgpt-account-id': account.workspace }),
    ...(account.fedramp === 'yes' ? { 'x-openai-fedramp': 'true' } : {}),
  };
}

export function upgradeHeaders(
  account: UpstreamAccount,
  fromClient: Readonly<Record<string, string>>,
): Record<string, string> {
  return { ...accountHeaders(account), ...fromClient, 'openai-beta': WEBSOCKET_BETA };
}

/** `client_version` selects the model list on the ChatGPT backend. */
export function modelsUrl(account: UpstreamAccount, clientVersion: string | undefined): string {
  const url = `${responsesRoot(account)}/models`;
  return account.kind === 'chatgpt'
    ? `${url}?client_version=${encodeURIComponent(clientVersion ?? CODEX_VERSION)}`
    : url;
}

export function usageUrl(account: UpstreamAccount): string {
  return `${account.baseUrl}/wham/usage`;
}
