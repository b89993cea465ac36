/**
 * The login service of ChatGPT accounts: what is asked of it and what its answers mean. It keeps nothing; who may
 * send which token when is decided in src/accounts/.
 */
import * as oauth from 'oauth4webapi';
import type { KnownCode } from '../admin-api/codes.ts';
import { isRecord, parseObject } from '../protocol/frame.ts';
import type { HttpUpstream, Route, UnaryAnswer } from './http.ts';

/** The public client of the Codex CLI; the service knows no other that may use these flows. */
const CLIENT_ID = 'app_EMoamEEZ73f0CkXaXp7hrann';
const SCOPE = 'openid profile email offline_access';
const TIMEOUT_MS = 20_000;

export interface Tokens {
  readonly accessToken: string | undefined;
  readonly refreshToken: string | undefined;
  readonly idToken: string | undefined;
}

export type TokenResult =
  | { readonly kind: 'tokens'; readonly tokens: Tokens }
  /** The service says no, for good. `code` is its own word in lower case. */
  | { readonly kind: 'refused'; readonly code: string }
  /** Trouble on its side or on the way; `spent: 'perhaps'`: what was sent may have been used up. */
  | { readonly kind: 'trouble'; readonly code: string; readonly spent: 'no' | 'perhaps' };

export interface DeviceCode {
  readonly deviceAuthId: string;
  readonly userCode: string;
  readonly url: string;
  readonly intervalMs: number;
  /** Epoch ms. */
  readonly expiresAt: number;
}

export type DevicePoll =
  | { readonly kind: 'pending' }
  | { readonly kind: 'approved'; readonly code: string; readonly verifier: string }
  | { readonly kind: 'failed'; readonly code: string };

/** A browser login as it was begun; `verifier` and `state` never leave the server. */
export interface BrowserStart {
  readonly url: string;
  readonly state: string;
  readonly verifier: string;
  readonly redirectUri: string;
}

export class OAuthClient {
  readonly #http: HttpUpstream;
  readonly #baseUrl: string;

  constructor(http: HttpUpstream, baseUrl: string) {
    this.#http = http;
    this.#baseUrl = baseUrl;
  }

  /** A refresh token works once: the caller has noted on disk that it is being used. */
  async refresh(route: Route, refreshToken: string): Promise<TokenResult> {
    const body = { client_id: CLIENT_ID, grant_type: 'refresh_token', refresh_token: refreshToken };
    return granted(await this.#post(route, '/oauth/token', body));
  }

  async startBrowser(port: number): Promise<BrowserStart> {
    const verifier = oauth.generateRandomCodeVerifier();
    const state = oauth.generateRandomState();
    const redirectUri = `http://localhost:${port}/auth/callback`;
    const url = new URL(`${this.#baseUrl}/oauth/authorize`);
    url.search = new URLSearchParams({
      response_type: 'code',
      client_id: CLIENT_ID,
      redirect_uri: redirectUri,
      scope: SCOPE,
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      state,
      id_token_add_organizations: 'true',
      codex_cli_simplified_flow: 'true',
      originator: 'codex_cli_rs',
    }).toString();
    return { url: url.href, state, verifier, redirectUri };
  }

  /** The code in a redirect that belongs to this login; throws nothing. */
  readCallback(url: URL, start: BrowserStart): { code: string } | { wrong: 'state' } | { denied: string } {
    try {
      const found = oauth.validateAuthResponse(this.#server(), CLIENT, url, start.state);
      return { code: found.get('code') ?? '' };
    } catch (error) {
      if (error instanceof oauth.AuthorizationResponseError) return { denied: error.error };
      if (error instanceof oauth.OperationProcessingError) return { wrong: 'state' };
      throw error;
    }
  }

  async exchange(
    route: Route,
    login: { code: string; verifier: string; redirectUri: string },
  ): Promise<TokenResult> {
    const form = new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: CLIENT_ID,
      code: login.code,
      redirect_uri: login.redirectUri,
      code_verifier: login.verifier,
    });
    return granted(await this.#post(route, '/oauth/token', form));
  }

  async startDevice(route: Route, now: number): Promise<DeviceCode | { readonly failed: string }> {
    const answer = await this.#post(route, '/api/accounts/deviceauth/usercode', { client_id: CLIENT_ID });
    if (!answer.ok) return { failed: 'the login service cannot be reached' };
    const body = parseObject(answer.body);
    const userCode = body?.['user_code'] ?? body?.['usercode'];
    const deviceAuthId = body?.['device_auth_id'];
    if (answer.status !== 200 || typeof userCode !== 'string' || typeof deviceAuthId !== 'string') {
      return {
        failed: answer.status === 404 ? 'device login is not enabled there' : `http_${answer.status}`,
      };
    }
    const interval = Number(body?.['interval']);
    const expires = Date.parse(String(body?.['expires_at'] ?? ''));
    return {
      deviceAuthId,
      userCode,
      url: `${this.#baseUrl}/codex/device`,
      intervalMs: (Number.isFinite(interval) && interval > 0 ? interval : 5) * 1000,
      expiresAt: Number.isNaN(expires) ? now + DEVICE_CODE_MS : Math.min(expires, now + DEVICE_CODE_MS),
    };
  }

  async pollDevice(route: Route, device: DeviceCode): Promise<DevicePoll> {
    const answer = await this.#post(route, '/api/accounts/deviceauth/token', {
      device_auth_id: device.deviceAuthId,
      user_code: device.userCode,
    });
    // Trouble on the way is waited out: the code is good until it expires.
    if (!answer.ok || answer.status >= 500 || [403, 404, 429].includes(answer.status))
      return { kind: 'pending' };
    const body = parseObject(answer.body);
    const code = body?.['authorization_code'];
    const verifier = body?.['code_verifier'];
    if (answer.status === 200 && typeof code === 'string' && typeof verifier === 'string') {
      return { kind: 'approved', code, verifier };
    }
    return { kind: 'failed', code: codeIn(body) || `http_${answer.status}` };
  }

  /** Where the code of a device login claims to have been sent. */
  get deviceRedirectUri(): string {
    return `${this.#baseUrl}/deviceauth/callback`;
  }

  #server(): oauth.AuthorizationServer {
    return { issuer: this.#baseUrl };
  }

  #post(route: Route, path: string, body: URLSearchParams | object): Promise<UnaryAnswer> {
    const isForm = body instanceof URLSearchParams;
    const type = isForm ? 'application/x-www-form-urlencoded' : 'application/json';
    return this.#http.call(
      route,
      {
        method: 'POST',
        url: `${this.#baseUrl}${path}`,
        headers: { 'content-type': type, accept: 'application/json', 'user-agent': 'codex_cli_rs' },
        body: Buffer.from(isForm ? body.toString() : JSON.stringify(body)),
      },
      { timeoutMs: TIMEOUT_MS },
    );
  }
}

const CLIENT: oauth.Client = { client_id: CLIENT_ID };
const DEVICE_CODE_MS = 15 * 60_000;

function granted(answer: UnaryAnswer): TokenResult {
  if (!answer.ok) {
    const code = (answer.error as NodeJS.ErrnoException).code ?? answer.error.name;
    return { kind: 'trouble', code, spent: answer.progress === 'begun' ? 'perhaps' : 'no' };
  }
  const body = parseObject(answer.body);
  if (answer.status === 200 && body !== undefined) return { kind: 'tokens', tokens: tokensIn(body) };
  const code = codeIn(body) || `http_${answer.status}`;
  if (answer.status === 401 || FINAL.has(code)) return { kind: 'refused', code };
  // An answer that says it failed has not used the token up.
  return { kind: 'trouble', code, spent: answer.status === 200 ? 'perhaps' : 'no' };
}

const FINAL: ReadonlySet<string> = new Set<KnownCode>([
  'refresh_token_expired',
  'refresh_token_reused',
  'refresh_token_invalidated',
  'invalid_grant',
  'token_invalidated',
  'token_revoked',
  'token_expired',
  'app_session_terminated',
  'account_session_expired',
  'account_deactivated',
  'account_suspended',
  'account_deleted',
]);

/** `{"error":{"code"}}`, `{"error":"…"}` or `{"code"}`, in lower case. */
function codeIn(body: Readonly<Record<string, unknown>> | undefined): string {
  const error = body?.['error'];
  const code = isRecord(error) ? (error['code'] ?? error['type']) : (error ?? body?.['code']);
  return typeof code === 'string' ? code.toLowerCase().slice(0, 64) : '';
}

function tokensIn(body: Readonly<Record<string, unknown>>): Tokens {
  const text = (name: string): string | undefined => {
    const value = body[name];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  return {
    accessToken: text('access_token'),
    refreshToken: text('refresh_token'),
    idToken: text('id_token'),
  };
}
