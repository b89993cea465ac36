/** What every running turn uses and no turn owns. */

import type { AccountPool } from '../accounts/pool.ts';
import type { QuotaMonitor } from '../accounts/quota-monitor.ts';
import type { Config } from '../config.ts';
import type { Log } from '../log.ts';
import type { Failure } from '../turn/failure.ts';
import type { AccountChoice } from './account-choice.ts';
import type { Transports } from './attempt/request.ts';
import type { HistorySource } from './history/source.ts';
import type { Sessions } from './session/sessions.ts';
import type { TurnLog } from './turn-log.ts';

export interface TurnDependencies {
  readonly pool: AccountPool;
  readonly quotaMonitor: QuotaMonitor;
  readonly sessions: Sessions;
  readonly choice: AccountChoice;
  readonly transports: Transports;
  readonly source: HistorySource;
  readonly turnLog: TurnLog;
  readonly config: Config;
  readonly log: Log;
  /** Why a session that is closed now is closed. */
  readonly closing: () => Failure;
}
