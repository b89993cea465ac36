/** What the server says of itself. */

export interface PoolStatusWire {
  readonly accounts: number;
  readonly ready: number;
  readonly exhausted: number;
}

/** Rows that wait for the database, and rows that were given up. */
export interface WriterStatusWire {
  readonly queue: number;
  readonly dropped: number;
}

/** `GET /api/status`. */
export interface StatusWire {
  readonly version: string;
  readonly uptime_seconds: number;
  readonly data_dir: string;
  readonly pool: PoolStatusWire;
  readonly active_turns: number;
  readonly sessions: number;
  readonly writer: WriterStatusWire;
}

/** The answer to `POST /api/backup`. */
export interface BackupWire {
  readonly file: string;
  readonly bytes: number;
}
