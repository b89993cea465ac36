/**
 * What is kept of an account, as every floor sees it: decoded once by the store, trusted above. Shapes only; who may
 * change what is in store/accounts/account-rows.ts.
 */
import type { AccountKind, AccountStatus, AccountTransport } from '../admin-api/account.ts';
import type { AccountId } from './ids.ts';

export interface AccountWindow {
  readonly name: string;
  readonly usedPercent: number;
  readonly windowMinutes?: number | undefined;
  readonly resetsAt?: number | undefined;
  readonly seenAt: number;
}

/** The last reading of one window in one hour. */
export interface QuotaSample {
  readonly name: string;
  readonly at: number;
  readonly usedPercent: number;
  readonly resetsAt?: number | undefined;
}

/** `plan`: the account may not use the model; `quota`: the model's own allowance is used up. */
export interface ModelBlock {
  readonly model: string;
  readonly untilAt: number;
  readonly reason: 'plan' | 'quota';
}

/** What an account shows to upstream. Instants in epoch ms. */
export type Credentials = ApiKeyCredentials | ChatgptCredentials;

export interface ApiKeyCredentials {
  readonly kind: 'api_key';
  readonly apiKey: string;
}

export interface ChatgptCredentials {
  readonly kind: 'chatgpt';
  readonly accessToken: string;
  readonly refreshToken?: string | undefined;
  readonly idToken?: string | undefined;
  /** The workspace; several accounts may be seats of one. */
  readonly accountId?: string | undefined;
  readonly userId?: string | undefined;
  readonly fedramp?: boolean | undefined;
  readonly accessExpiresAt?: number | undefined;
  readonly accessIssuedAt?: number | undefined;
}

/** What an account was last found to be; whether that still holds, the clock decides (accounts/account.ts). */
export type StoredStatus = Exclude<AccountStatus, 'paused'>;

/** What an operator or a login decides. */
export interface AccountLogin {
  readonly name: string;
  readonly kind: AccountKind;
  readonly email?: string | undefined;
  readonly plan?: string | undefined;
  readonly baseUrl?: string | undefined;
  readonly priority: number;
  /** 1..100: above it in any main window the account takes no new sessions. */
  readonly maxUsedPercent: number;
  readonly transport: AccountTransport;
  readonly proxy?: string | undefined;
  readonly paused: boolean;
  readonly credentials: Credentials;
}

/** What serving it has shown; the accounts floor knows the values. */
export interface AccountState {
  readonly status: StoredStatus;
  readonly statusReason?: string | undefined;
  readonly statusSince?: number | undefined;
  readonly availableAt?: number | undefined;
  /** Blocks in a row without an answered turn between them. */
  readonly strikes: number;
  readonly lastUsedAt?: number | undefined;
}

export interface AccountRow extends AccountLogin, AccountState {
  readonly id: AccountId;
  readonly installationId: string;
  /** Counts up with every change of the credentials. */
  readonly loginVersion: number;
  /** A renewal of this version was begun and has not been settled. */
  readonly renewingSince?: number | undefined;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly windows: readonly AccountWindow[];
  readonly modelBlocks: readonly ModelBlock[];
}

/** `identity` tells one login from another (an upstream account id, an API key); only its keyed hash is kept. */
export type AccountDraft = Pick<AccountLogin, 'name' | 'kind' | 'credentials'> &
  Partial<AccountLogin> & { readonly identity: string };

export type AccountChanges = Partial<AccountLogin & AccountState>;
