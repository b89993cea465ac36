/**
 * What the doors are given when the server is put together.
 */

import type { ModelCatalogue } from '../accounts/model-catalogue.ts';
import type { OAuthLogins } from '../accounts/oauth-logins.ts';
import type { AccountPool } from '../accounts/pool.ts';
import type { QuotaMonitor } from '../accounts/quota-monitor.ts';
import type { FeedEvents } from '../admin-api/events.ts';
import type { Bridge } from '../bridge/bridge.ts';
import type { KeyRateLimiter } from '../bridge/key-rate-limiter.ts';
import type { Sessions } from '../bridge/session/sessions.ts';
import type { Config } from '../config.ts';
import type { Log } from '../log.ts';
import type { Live } from '../observability/live/change-events.ts';
import type { Feed } from '../observability/live/feed.ts';
import type { RunningTurns } from '../observability/live/running-turns.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { Notifier } from '../observability/notifications/notifier.ts';
import type { Store } from '../store/store.ts';
import type { HttpUpstream } from '../upstream/http.ts';
import type { MemoryBudget } from './limits/memory-budget.ts';
import type { Load } from './limits/overload.ts';

export interface Dependencies {
  readonly config: Config;
  readonly store: Store;
  readonly pool: AccountPool;
  readonly quotaMonitor: QuotaMonitor;
  readonly logins: OAuthLogins;
  readonly sessions: Sessions;
  readonly bridge: Bridge;
  readonly keyLimiter: KeyRateLimiter;
  readonly http: HttpUpstream;
  readonly catalogue: ModelCatalogue;
  readonly bodies: MemoryBudget;
  readonly load: Load;
  readonly notifier: Notifier;
  readonly metrics: Metrics;
  readonly watch: { readonly feed: Feed<FeedEvents>; readonly turns: RunningTurns; readonly live: Live };
  readonly log: Log;
  readonly adminToken: string;
  readonly version: string;
}
