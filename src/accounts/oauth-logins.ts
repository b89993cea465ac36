/**
 * Logins that are under way: a person signs in at the login service, by a code on another device or in a browser,
 * and what comes back becomes an account. Nothing of a login outlives the process; a finished one is remembered for
 * whoever asks how it went.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { LoginFailure } from '../admin-api/codes.ts';
import type { LoginMethod } from '../admin-api/login.ts';
import type { AccountId } from '../domain/ids.ts';
import type { Log } from '../log.ts';
import type { AccountRows } from '../store/accounts/account-rows.ts';
import { StoreUnavailable } from '../store/store-error.ts';
import type { Route } from '../upstream/http.ts';
import type { BrowserStart, DeviceCode, OAuthClient, TokenResult } from '../upstream/oauth-client.ts';
import { draftOf } from './account-input.ts';
import { readLogin } from './import.ts';
import type { QuotaMonitor } from './quota-monitor.ts';

const BROWSER_LOGIN_MS = 10 * 60_000;
const MAX_REMEMBERED = 100;
/** The login service sends a browser back to these ports of the person's own machine and to no others. */
const CALLBACK_PORTS = [1455, 1457];
/** A login has no account yet and no proxy of its own. */
const ROUTE: Route = { id: 'login' as AccountId, proxy: undefined };

export type LoginState =
  | { readonly status: 'pending' }
  | { readonly status: 'complete'; readonly accountId: AccountId }
  | { readonly status: 'failed'; readonly error: string };

export interface Login {
  readonly id: string;
  readonly method: LoginMethod;
  readonly url: string;
  readonly userCode: string | undefined;
  /** Epoch ms. */
  readonly expiresAt: number;
  state: LoginState;
}

export type CallbackOutcome =
  | 'accepted'
  | 'unknown_login'
  | 'wrong_state'
  | 'already_used'
  | 'not_a_callback';

/** Hears the browser come back, while a login is pending; `busy`: the port belongs to somebody else. */
export type ListenForCallback = (
  port: number,
  onCallback: (url: URL) => Promise<CallbackOutcome>,
) => Promise<{ close(): void } | 'busy'>;

export interface LoginsOptions {
  readonly oauth: OAuthClient;
  readonly rows: AccountRows;
  readonly quotaMonitor: QuotaMonitor;
  readonly listen: ListenForCallback;
  readonly log: Log;
}

interface RunningLogin {
  readonly login: Login;
  readonly browser: BrowserStart | undefined;
  /** `exchanging`: its code is being used; a code works once. */
  phase: 'waiting' | 'exchanging';
  readonly ended: AbortController;
}

export class OAuthLogins implements Disposable {
  readonly #options: LoginsOptions;
  readonly #held = new Map<string, RunningLogin>();

  constructor(options: LoginsOptions) {
    this.#options = options;
  }

  get(id: string): Login | undefined {
    return this.#held.get(id)?.login;
  }

  async startDevice(): Promise<Login | { readonly failed: string }> {
    const device = await this.#options.oauth.startDevice(ROUTE, Date.now());
    if ('failed' in device) return device;
    const { url, userCode, expiresAt } = device;
    const held = this.#hold({ method: 'device', url, userCode, expiresAt }, undefined);
    this.#settleWith(held, this.#awaitDevice(held, device));
    return held.login;
  }

  async startBrowser(): Promise<Login> {
    const listener = await this.#listen();
    const browser = await this.#options.oauth.startBrowser(listener?.port ?? CALLBACK_PORTS[0] ?? 1455);
    const expiresAt = Date.now() + BROWSER_LOGIN_MS;
    const held = this.#hold({ method: 'browser', url: browser.url, userCode: undefined, expiresAt }, browser);
    held.ended.signal.addEventListener('abort', () => listener?.close());
    return held.login;
  }

  /** The address that the browser was sent back to, as it arrived or as a person pasted it. */
  async callback(id: string, url: URL): Promise<CallbackOutcome> {
    const held = this.#held.get(id);
    if (held?.browser === undefined) return 'unknown_login';
    if (held.login.state.status !== 'pending' || held.phase !== 'waiting') return 'already_used';
    const { browser } = held;
    const read = this.#options.oauth.readCallback(url, browser);
    if ('wrong' in read) return 'wrong_state';
    if ('denied' in read) {
      this.#end(held, { status: 'failed', error: read.denied });
      return 'accepted';
    }
    if (read.code === '') return 'not_a_callback';
    held.phase = 'exchanging';
    const { verifier, redirectUri } = browser;
    const exchange = { code: read.code, verifier, redirectUri };
    await this.#settleWith(
      held,
      this.#options.oauth.exchange(ROUTE, exchange).then((got) => this.#save(got)),
    );
    return 'accepted';
  }

  /** Pending logins end with the server. */
  [Symbol.dispose](): void {
    for (const held of this.#held.values()) {
      if (held.login.state.status === 'pending')
        this.#end(held, { status: 'failed', error: 'server_stopped' satisfies LoginFailure });
    }
  }

  #hold(shown: Omit<Login, 'id' | 'state'>, browser: BrowserStart | undefined): RunningLogin {
    const login: Login = {
      ...shown,
      id: `login_${randomUUID().replaceAll('-', '')}`,
      state: { status: 'pending' },
    };
    const held: RunningLogin = { login, browser, phase: 'waiting', ended: new AbortController() };
    this.#held.set(login.id, held);
    const [oldest] = this.#held.keys();
    if (this.#held.size > MAX_REMEMBERED && oldest !== undefined) this.#held.delete(oldest);
    const expiry = setTimeout(() => this.#end(held, EXPIRED), login.expiresAt - Date.now()).unref();
    held.ended.signal.addEventListener('abort', () => clearTimeout(expiry));
    return held;
  }

  #end(held: RunningLogin, state: LoginState): void {
    if (held.login.state.status !== 'pending') return;
    held.login.state = state;
    held.ended.abort();
    const error = state.status === 'failed' ? { error: state.error } : {};
    this.#options.log.info({ login: held.login.id, status: state.status, ...error }, 'login ended');
  }

  async #settleWith(held: RunningLogin, outcome: Promise<LoginState | undefined>): Promise<void> {
    try {
      const state = await outcome;
      if (state !== undefined) this.#end(held, state);
    } catch (error) {
      this.#options.log.error({ reason: (error as Error).message }, 'login broke');
      const unsaved = error instanceof StoreUnavailable;
      const reason: LoginFailure = unsaved ? 'store_unavailable' : 'internal_error';
      this.#end(held, { status: 'failed', error: reason });
    }
  }

  async #awaitDevice(held: RunningLogin, device: DeviceCode): Promise<LoginState | undefined> {
    const { oauth } = this.#options;
    const { signal } = held.ended;
    while (held.login.state.status === 'pending') {
      const polled = await oauth.pollDevice(ROUTE, device);
      if (polled.kind === 'failed') return { status: 'failed', error: polled.code };
      if (polled.kind === 'approved') {
        const { code, verifier } = polled;
        const redirectUri = oauth.deviceRedirectUri;
        return this.#save(await oauth.exchange(ROUTE, { code, verifier, redirectUri }));
      }
      await pause(device.intervalMs, undefined, { signal, ref: false }).catch(ignoreEnd);
    }
    return undefined;
  }

  async #save(granted: TokenResult): Promise<LoginState> {
    if (granted.kind !== 'tokens') return { status: 'failed', error: granted.code };
    const { accessToken, refreshToken, idToken } = granted.tokens;
    const tokens = { access_token: accessToken, refresh_token: refreshToken, id_token: idToken };
    const read = readLogin({ tokens });
    const [login] = read.ok ? read.logins : [];
    if (login === undefined) return { status: 'failed', error: 'unusable_tokens' satisfies LoginFailure };
    const { row } = await this.#options.rows.upsert(draftOf(login, undefined));
    await this.#options.quotaMonitor.probe(row.id);
    return { status: 'complete', accountId: row.id };
  }

  async #listen(): Promise<{ port: number; close(): void } | undefined> {
    for (const port of CALLBACK_PORTS) {
      const listener = await this.#options.listen(port, (url) => this.#callbackByState(url));
      if (listener !== 'busy') return { port, close: () => listener.close() };
    }
    return undefined;
  }

  /** A browser does not know the login's id, only its state. */
  #callbackByState(url: URL): Promise<CallbackOutcome> {
    const state = url.searchParams.get('state');
    const held = [...this.#held.values()].find((one) => one.browser?.state === state);
    return held === undefined ? Promise.resolve('wrong_state') : this.callback(held.login.id, url);
  }
}

const EXPIRED: LoginState = { status: 'failed', error: 'expired' satisfies LoginFailure };

function ignoreEnd(error: unknown): void {
  if ((error as Error).name !== 'AbortError') throw error;
}
